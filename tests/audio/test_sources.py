"""A clip comes from whatever a user holds, or one clear sentence says why not."""

import os
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from qwen_audio.audio import SAMPLE_RATE, Clip, load_clip
from qwen_audio.errors import AudioError

TONE = (0.5 * np.sin(np.arange(SAMPLE_RATE) / 10)).astype(np.float32)


def wav(samples: np.ndarray, rate: int = SAMPLE_RATE) -> bytes:
    buffer = BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype="FLOAT")
    return buffer.getvalue()


@pytest.fixture
def tone_path(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    path.write_bytes(wav(TONE))
    return path


# What works


def test_every_kind_of_source_gives_the_same_clip(tone_path: Path) -> None:
    content = tone_path.read_bytes()
    int16 = (TONE * 32_768).astype(np.int16)
    with tone_path.open("rb") as file:
        sources = [
            tone_path,
            str(tone_path),
            content,
            bytearray(content),
            memoryview(content),
            BytesIO(content),
            file,
            Clip(TONE),
            (TONE, 16_000),
            (TONE.astype(np.float64), 16_000.0),
            (TONE.tolist(), 16_000),
            (torch.from_numpy(TONE), 16_000),
            (torch.from_numpy(TONE).requires_grad_(), np.int64(16_000)),
            (TONE[None], 16_000),
            (TONE[:, None], 16_000),
            (np.stack([TONE, TONE]), 16_000),
            (np.stack([TONE * 0.5, TONE * 1.5], axis=1), 16_000),
        ]
        for source in sources:
            np.testing.assert_allclose(load_clip(source).waveform, TONE, atol=1e-6)
    np.testing.assert_allclose(load_clip((int16, 16_000)).waveform, TONE, atol=1e-4)
    half = torch.from_numpy(TONE).bfloat16()
    np.testing.assert_allclose(load_clip((half, 16_000)).waveform, TONE, atol=3e-3)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_integers_are_scaled_by_their_full_scale(dtype: type) -> None:
    samples = np.full(1_600, np.iinfo(dtype).min, dtype)

    np.testing.assert_array_equal(load_clip((samples, 16_000)).waveform, -1.0)


def test_unsigned_bytes_are_silent_at_128() -> None:
    np.testing.assert_array_equal(load_clip((np.full(1_600, 128, np.uint8), 16_000)).waveform, 0.0)


def test_a_file_object_is_read_from_its_beginning_and_left_open() -> None:
    file = BytesIO(wav(TONE))
    file.seek(0, os.SEEK_END)

    clip = load_clip(file)

    assert clip.num_samples == SAMPLE_RATE
    assert not file.closed


def test_a_pipe_is_read_to_its_end() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as out:
        out.write(wav(TONE[:4_000]))

    with os.fdopen(reader, "rb") as pipe:
        assert load_clip(pipe).num_samples == 4_000


def test_a_clip_is_named_after_its_file(tone_path: Path) -> None:
    assert load_clip(tone_path).name == str(tone_path)
    assert load_clip(tone_path.read_bytes()).name is None
    assert load_clip(Clip(TONE, "bell")).name == "bell"
    with tone_path.open("rb") as file:
        assert load_clip(file).name == str(tone_path)


def test_the_name_of_a_file_does_not_decide_its_format(tmp_path: Path) -> None:
    for name in ("tone.mp3", "tone.raw", "tone", "tone.txt"):
        path = tmp_path / name
        path.write_bytes(wav(TONE))

        assert load_clip(path).num_samples == SAMPLE_RATE


def test_a_part_is_cut_from_every_kind_of_source(tone_path: Path) -> None:
    expected = TONE[4_000:12_000]

    for source in (tone_path, tone_path.read_bytes(), (TONE, SAMPLE_RATE), Clip(TONE)):
        part = load_clip(source, offset_s=0.25, duration_s=0.5)
        np.testing.assert_allclose(part.waveform, expected, atol=1e-6)


def test_a_part_past_the_end_is_shorter(tone_path: Path) -> None:
    assert load_clip(tone_path, offset_s=0.75, duration_s=9).duration_s == 0.25


@given(st.integers(1_500, 5_000), st.sampled_from([8_000, 16_000, 44_100]), st.integers(1, 4))
def test_the_duration_is_kept(num_samples: int, rate: int, channels: int) -> None:
    samples = np.zeros((num_samples, channels), np.float32)

    clip = load_clip((samples, rate))

    assert abs(clip.duration_s - num_samples / rate) <= 1 / SAMPLE_RATE


def test_the_array_of_the_caller_is_not_touched() -> None:
    samples = (TONE * 1000).astype(np.int16)
    before = samples.copy()

    load_clip((samples, 16_000)).waveform[:] = 0

    np.testing.assert_array_equal(samples, before)


# What does not


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"cannot find .*none\.wav; check the path"):
        load_clip(tmp_path / "none.wav")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is a folder; pass the audio file in it"):
        load_clip(tmp_path)


def test_a_path_that_no_system_takes() -> None:
    with pytest.raises(AudioError, match="cannot find"):
        load_clip("x" * 100_000)
    with pytest.raises(AudioError, match="cannot find"):
        load_clip("a\0b")


def test_a_named_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(AudioError, match="is not a regular file; read it and pass its bytes"):
        load_clip(tmp_path / "pipe")


def test_a_url_is_never_opened() -> None:
    with pytest.raises(AudioError, match="is a URL, and only files are opened; download it first"):
        load_clip("http://127.0.0.1:9/clip.wav")


@pytest.mark.parametrize("content", [b"", BytesIO(b"")])
def test_empty_data(content: object) -> None:
    with pytest.raises(AudioError, match=r"is empty \(0 bytes\)"):
        load_clip(content)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()

    with pytest.raises(AudioError, match=r"empty\.wav is empty \(0 bytes\)"):
        load_clip(tmp_path / "empty.wav")


@pytest.mark.parametrize("text", ["Dear diary,\n" * 40, "x", "{}", "<html></html>"])
def test_text_renamed_wav(tmp_path: Path, text: str) -> None:
    path = tmp_path / "text.wav"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(AudioError, match=r"text\.wav is not audio that we can read .*pass a wav"):
        load_clip(path)


@pytest.mark.parametrize(
    "script",
    [
        "ffconcat version 1.0\nfile '{path}'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    ],
)
def test_a_playlist_opens_no_other_file(tone_path: Path, script: str) -> None:
    playlist = script.format(path=tone_path).encode()

    with pytest.raises(AudioError, match="is not audio that we can read"):
        load_clip(playlist)


def test_random_bytes() -> None:
    noise = np.random.default_rng(0).bytes(20_000)

    with pytest.raises(AudioError, match=r"the data is not audio|nothing in it decodes"):
        load_clip(noise)


def test_a_file_opened_as_text() -> None:
    with pytest.raises(AudioError, match=r"gives str and not bytes; open it in binary mode"):
        load_clip(StringIO("RIFF"))


def test_a_closed_file(tone_path: Path) -> None:
    file = tone_path.open("rb")
    file.close()

    with pytest.raises(AudioError, match="is closed; pass an open file or its path"):
        load_clip(file)


@pytest.mark.parametrize("source", [wav(TONE[:0]), (TONE[:0], 16_000)])
def test_no_samples(source: object) -> None:
    with pytest.raises(AudioError, match="has no samples; pass a clip with sound"):
        load_clip(source)


def test_an_offset_past_the_end(tone_path: Path) -> None:
    with pytest.raises(AudioError, match=r"has no samples after offset_s=1\.5"):
        load_clip(tone_path, offset_s=1.5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers(value: float) -> None:
    broken = TONE.copy()
    broken[7:9] = value

    for source in (wav(broken), (broken, 16_000)):
        with pytest.raises(AudioError, match=r"holds 2 samples that are NaN or infinite, of 16000"):
            load_clip(source)


def test_a_hundredth_of_a_second() -> None:
    with pytest.raises(AudioError, match=r"is too short: 0\.010 s give no audio token of 0\.04 s"):
        load_clip((TONE[:160], 16_000))
    with pytest.raises(AudioError, match="is too short"):
        load_clip((TONE[:479], 16_000))
    assert load_clip((TONE[:480], 16_000)).num_samples == 480


def test_more_than_max_seconds(tone_path: Path) -> None:
    message = r"is longer than 0\.5 s; take a part with offset_s and duration_s"
    for source in (tone_path, (TONE, 16_000), Clip(TONE)):
        with pytest.raises(AudioError, match=message):
            load_clip(source, max_seconds=0.5)
        assert load_clip(source, max_seconds=1).duration_s == 1.0
        assert load_clip(source, offset_s=0.5, max_seconds=0.5).duration_s == 0.5
        assert load_clip(source, duration_s=0.5, max_seconds=0.5).duration_s == 0.5


def test_of_three_hours_only_a_little_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "night.wav"
    soundfile.write(path, np.zeros(3 * 3600 * 8_000, np.int16), 8_000, subtype="PCM_U8")
    wanted = []
    read = soundfile.SoundFile.read

    def counting(sound: soundfile.SoundFile, count: int, *args: object, **named: object) -> object:
        wanted.append(count)
        return read(sound, count, *args, **named)

    monkeypatch.setattr(soundfile.SoundFile, "read", counting)

    with pytest.raises(AudioError, match="is longer than 30 s"):
        load_clip(path, max_seconds=30)

    assert sum(wanted) == 31 * 8_000


@pytest.mark.parametrize("rate", [0, -1, 999, float("nan"), float("inf")])
def test_an_impossible_rate(rate: float) -> None:
    with pytest.raises(AudioError, match=r"the array has a rate of .* 1000 is the least"):
        load_clip((TONE, rate))


@pytest.mark.parametrize("pair", [(TONE,), (TONE, None), (16_000, TONE), (TONE, 16_000, 1)])
def test_a_pair_that_is_none(pair: tuple) -> None:
    with pytest.raises(AudioError, match=r"pass \(samples, rate\)"):
        load_clip(pair)


@pytest.mark.parametrize("shape", [(), (2, 3, 4), (100, 100)])
def test_an_array_that_is_no_sound(shape: tuple) -> None:
    with pytest.raises(AudioError, match=r"the array has shape .*; pass \(samples,\)"):
        load_clip((np.zeros(shape, np.float32), 16_000))


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, bool, np.complex64])
def test_samples_without_a_full_scale(dtype: type) -> None:
    with pytest.raises(AudioError, match=r"samples of type .* have no known full scale"):
        load_clip((np.zeros(1_600, dtype), 16_000))


@pytest.mark.parametrize("source", [None, 3, {"path": "a.wav"}, TONE])
def test_what_is_no_source(source: object) -> None:
    with pytest.raises(AudioError, match=r"cannot read a clip from .*; pass a path"):
        load_clip(source)


@pytest.mark.parametrize("part", [{"offset_s": -1}, {"offset_s": float("nan")}])
def test_an_impossible_offset(part: dict) -> None:
    with pytest.raises(AudioError, match=r"offset_s is .*; pass a number of seconds from 0 on"):
        load_clip(Clip(TONE), **part)


@pytest.mark.parametrize("duration_s", [0, -1, float("inf")])
def test_an_impossible_duration(duration_s: float) -> None:
    with pytest.raises(AudioError, match=r"duration_s is .*; pass a number of seconds above 0"):
        load_clip(Clip(TONE), duration_s=duration_s)


def test_a_clip_holds_float32_of_one_axis() -> None:
    with pytest.raises(AudioError, match=r"a Clip holds float32 samples of shape \(samples,\)"):
        Clip(TONE.astype(np.float64))
