"""Every format that users have becomes the same 16 kHz tone; the files are made here."""

from fractions import Fraction
from io import BytesIO

import av
import numpy as np
import pytest
import soundfile

from qwen_audio.audio import SAMPLE_RATE, load_clip
from qwen_audio.errors import AudioError

LIBSNDFILE_FORMATS = [
    ("WAV", "PCM_U8"),
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "PCM_32"),
    ("WAV", "FLOAT"),
    ("WAV", "DOUBLE"),
    ("WAV", "ULAW"),
    ("WAV", "ALAW"),
    ("AIFF", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
    ("MP3", "MPEG_LAYER_III"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
]
FFMPEG_FORMATS = [  # container, codec, sample format
    ("mp4", "aac", "fltp"),
    ("ipod", "aac", "fltp"),  # m4a
    ("adts", "aac", "fltp"),
    ("webm", "libopus", "flt"),
    ("matroska", "pcm_s16le", "s16"),
    ("matroska", "pcm_s24le", "s32"),
    ("avi", "mp3", "fltp"),
    ("ipod", "alac", "s16p"),
]


def tone(rate: int, *, channels: int = 1, seconds: float = 1.0) -> np.ndarray:
    """440 Hz of amplitude 0.5 in the mean of the channels, which differ in loudness."""
    time = np.arange(round(seconds * rate)) / rate
    gains = np.linspace(0.8, 1.2, channels) if channels > 1 else np.ones(1)
    return 0.5 * np.sin(2 * np.pi * 440 * time)[:, None] * gains  # (samples, channels)


def is_the_tone(waveform: np.ndarray) -> bool:
    middle = waveform[3_200:12_800]
    expected = np.sin(2 * np.pi * 440 * np.arange(len(middle)) / SAMPLE_RATE + np.pi / 4)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    pitch = spectrum.argmax() * SAMPLE_RATE / len(middle)
    loudness = np.sqrt(np.mean(middle**2)) / (0.5 * np.sqrt(np.mean(expected**2)))
    return abs(pitch - 440) < 3 and abs(loudness - 1) < 0.06


def written(samples: np.ndarray, rate: int, container: str, subtype: str) -> bytes:
    buffer = BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=subtype)
    return buffer.getvalue()


def muxed(
    samples: np.ndarray | None,
    rate: int,
    *,
    container: str = "mp4",
    codec: str = "aac",
    sample_format: str = "fltp",
    has_video: bool = False,
) -> bytes:
    """A file written by FFmpeg's libraries: a track of sound, of pictures, or both."""
    buffer = BytesIO()
    with av.open(buffer, "w", format=container) as output:
        if has_video:
            video = output.add_stream("mpeg4", rate=10)
            video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        if samples is not None:
            layout = {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[1]]
            audio = output.add_stream(codec, rate=rate, layout=layout)
            resampler = av.AudioResampler(sample_format, layout, rate, frame_size=1024)
            planes = np.ascontiguousarray(samples.T.astype(np.float32))
            frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
            frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                output.mux(audio.encode(piece))
            output.mux(audio.encode(None))
        if has_video:
            for number in range(10):
                picture = np.full((32, 32, 3), 25 * number, np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                output.mux(video.encode(frame))
            output.mux(video.encode(None))
    return buffer.getvalue()


@pytest.mark.parametrize(("container", "subtype"), LIBSNDFILE_FORMATS)
def test_sound_files_become_the_tone(container: str, subtype: str) -> None:
    content = written(tone(48_000, channels=2), 48_000, container, subtype)

    clip = load_clip(content)

    assert is_the_tone(clip.waveform)
    assert clip.waveform.dtype == np.float32
    assert clip.duration_s == pytest.approx(1.0, abs=0.06)  # mp3 pads


@pytest.mark.parametrize(("container", "codec", "sample_format"), FFMPEG_FORMATS)
def test_media_files_become_the_tone(container: str, codec: str, sample_format: str) -> None:
    samples = tone(48_000, channels=2)
    content = muxed(samples, 48_000, container=container, codec=codec, sample_format=sample_format)

    clip = load_clip(content)

    assert is_the_tone(clip.waveform)
    assert clip.duration_s == pytest.approx(1.0, abs=0.08)  # the codecs pad


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_channel_count_become_the_tone(rate: int, channels: int) -> None:
    clip = load_clip(written(tone(rate, channels=channels), rate, "WAV", "PCM_16"))

    assert is_the_tone(clip.waveform)
    assert clip.num_samples == SAMPLE_RATE


def test_six_channels_of_a_film_become_the_tone() -> None:
    content = muxed(
        tone(48_000, channels=6),
        48_000,
        container="matroska",
        codec="pcm_s16le",
        sample_format="s16",
        has_video=True,
    )

    assert is_the_tone(load_clip(content).waveform)


def test_a_video_gives_its_sound() -> None:
    clip = load_clip(muxed(tone(44_100, channels=2), 44_100, has_video=True))

    assert is_the_tone(clip.waveform)


def test_a_video_without_sound_is_refused() -> None:
    with pytest.raises(AudioError, match="has no audio track; pass a file with sound"):
        load_clip(muxed(None, 0, has_video=True))


@pytest.mark.parametrize("container", ["FLAC", "WAV", "OGG", "MP3"])
def test_a_part_equals_the_same_part_of_the_whole(container: str) -> None:
    sweep = np.sin(np.arange(5 * 16_000) ** 2 / 60_000) * 0.5
    content = BytesIO()
    soundfile.write(content, sweep, 16_000, format=container)
    whole = load_clip(content).waveform

    part = load_clip(content, offset_s=2.25, duration_s=1.5).waveform

    assert len(part) == 24_000
    np.testing.assert_allclose(part, whole[36_000:60_000], atol=1e-3)


@pytest.mark.parametrize("bitrate_mode", ["CONSTANT", "AVERAGE", "VARIABLE"])
def test_a_part_of_an_mp3_is_exact_whatever_its_bitrate(bitrate_mode: str) -> None:
    sweep = np.sin(np.arange(40 * 16_000) ** 2 / 64_000) * 0.3
    sweep *= np.repeat(np.random.default_rng(0).random(640), 1000)
    content = BytesIO()
    soundfile.write(
        content, sweep, 16_000, format="MP3", bitrate_mode=bitrate_mode, compression_level=0.3
    )
    whole = load_clip(content).waveform

    part = load_clip(content, offset_s=31.77, duration_s=1.0).waveform

    np.testing.assert_allclose(part, whole[508_320:524_320], atol=1e-4)


def test_a_part_of_a_video_equals_the_same_part_of_the_whole() -> None:
    content = muxed(tone(16_000, seconds=3.0), 16_000)
    whole = load_clip(content).waveform

    part = load_clip(content, offset_s=1.25, duration_s=0.5).waveform

    np.testing.assert_array_equal(part, whole[20_000:28_000])


@pytest.mark.parametrize("container", ["WAV", "FLAC", "OGG", "MP3"])
def test_a_cut_file_gives_what_is_left(container: str) -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.1, 3 * 16_000)
    content = BytesIO()
    soundfile.write(content, noise, 16_000, format=container)

    clip = load_clip(content.getvalue()[: len(content.getvalue()) // 2])

    assert 0.8 < clip.duration_s < 2.2  # an ogg page is long
    second_half = clip.waveform[clip.num_samples // 2 :]
    assert np.sqrt(np.mean(second_half**2)) > 0.05  # sound, and no silence in its place


def test_a_cut_stream_gives_what_is_left() -> None:
    content = muxed(tone(48_000, seconds=3.0), 48_000, container="webm", codec="libopus")

    clip = load_clip(content[: len(content) // 2])

    assert 1.0 < clip.duration_s < 2.2
    assert is_the_tone(clip.waveform)


def test_an_mp4_without_its_index_is_refused() -> None:
    content = muxed(tone(48_000), 48_000)

    with pytest.raises(AudioError, match="is not audio that we can read"):
        load_clip(content[: len(content) // 2])
