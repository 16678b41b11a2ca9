"""Windows of long recordings: every sample once, cuts in pauses, memory of one window."""

import io
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.audio.sources import Clip
from qwen_audio.audio.windows import (
    cut_windows,
    find_cut,
    loudness_db,
    recording_s,
    stream_blocks,
    stream_windows,
)
from qwen_audio.errors import AudioError


def noise(seconds, level=0.1, seed=0):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32)


def speech(spoken_s, pause_s, rounds):
    """Return noise and pauses by turns."""
    pause = noise(pause_s, level=1e-4, seed=1)
    return np.concatenate([part for _ in range(rounds) for part in (noise(spoken_s), pause)])


def test_windows_join_to_the_recording():
    whole = speech(3.1, 0.4, 40)

    windows = list(cut_windows([whole[i : i + 70_000] for i in range(0, len(whole), 70_000)]))

    assert np.array_equal(np.concatenate([w.clip.waveform for w in windows]), whole)
    assert all(w.clip.duration_s <= 30 for w in windows)
    assert [w.start_s for w in windows[1:]] == [w.end_s for w in windows[:-1]]


def test_every_cut_is_in_a_pause():
    whole = speech(3.1, 0.4, 40)

    for window in list(cut_windows([whole]))[1:]:
        around = round(window.start_s * SAMPLE_RATE)
        assert np.abs(whole[around - 800 : around + 800]).max() < 0.01


def test_neighbours_overlap_where_there_is_no_pause():
    whole = noise(70)

    windows = list(cut_windows([whole]))

    for before, after in pairwise(windows):
        assert before.shared_s == after.heard_s == pytest.approx(before.end_s - after.start_s)
        assert before.shared_s > 0
    assert windows[0].heard_s == windows[-1].shared_s == 0
    assert windows[-1].end_s == 70


def test_the_longest_pause_is_taken():
    whole = np.concatenate([noise(14), np.zeros(12_800, np.float32), noise(12), np.zeros(3200)])

    cut = find_cut(whole.astype(np.float32))

    assert cut.is_clean
    assert cut.place / SAMPLE_RATE == pytest.approx(14.4, abs=0.02)


def test_only_what_a_window_needs_is_read():
    read = []

    def blocks():
        for number in range(7200):  # two hours
            read.append(number)
            yield noise(1.0)

    windows = cut_windows(blocks())
    next(windows)

    assert len(read) <= 32


def test_a_short_recording_is_one_window():
    whole = noise(30.0)

    (window,) = cut_windows([whole[:100_000], whole[100_000:]])

    assert np.array_equal(window.clip.waveform, whole)
    assert (window.start_s, window.end_s) == (0.0, 30.0)


def test_a_short_end_is_filled_with_silence():
    (window,) = cut_windows([noise(0.1)])

    assert (window.clip.duration_s, window.end_s) == (0.5, 0.1)


def test_digital_silence_is_silent_and_noise_is_not():
    silent, loud = (next(cut_windows([x])) for x in (np.zeros(16_000, np.float32), noise(1)))

    assert (silent.is_silent, loud.is_silent) == (True, False)


@pytest.mark.parametrize("rate", [16_000, 44_100, 8_000])
def test_a_file_is_streamed_as_long_as_it_is(tmp_path, rate):
    path = tmp_path / "x.wav"
    time = np.arange(rate * 40) / rate
    stereo = np.stack([np.sin(2 * np.pi * 440 * time)] * 2, axis=1) * 0.3
    soundfile.write(path, stereo, rate)

    samples = np.concatenate(list(stream_blocks(path)))

    assert len(samples) == pytest.approx(40 * SAMPLE_RATE, abs=2)
    expected = 0.3 * np.sin(2 * np.pi * 440 * np.arange(len(samples)) / SAMPLE_RATE)
    assert np.abs(samples - expected)[1000:-1000].max() < 2e-3
    assert recording_s(path) == 40


def test_what_ffmpeg_reads_is_streamed_too():
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as box:
        stream = box.add_stream("pcm_s16le", rate=16_000, layout="mono")
        samples = (noise(3.0) * 20_000).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = 16_000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            box.mux(packet)
    content = file.getvalue()

    found = np.concatenate(list(stream_blocks(content)))

    assert np.array_equal(found, samples[0].astype(np.float32) / 32768)
    assert recording_s(content) == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize(
    ("source", "message"),
    [(b"", "is empty"), (b"no sound", "not audio"), ("/nowhere.wav", "cannot find")],
)
def test_what_holds_no_sound_is_refused(source, message):
    with pytest.raises(AudioError, match=message):
        list(stream_windows(source))


def test_a_clip_in_memory_is_cut_too():
    clip = Clip(speech(3.0, 0.5, 20), "talk")

    windows = list(stream_windows(clip))

    assert {window.clip.name for window in windows} == {"talk"}
    assert windows[-1].end_s == clip.duration_s


def test_loudness_is_in_decibels_of_full_scale():
    assert loudness_db(np.full(160, 0.1, np.float32)) == pytest.approx([-20.0], abs=1e-4)
