"""Long transcripts: a fake ear that hears tones as words proves that seams lose and double none."""

import io
from dataclasses import dataclass, field

import numpy as np
import pytest
import soundfile

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.inference.answers import Transcript
from qwen_audio.inference.limits import most_tokens, without_loop
from qwen_audio.inference.long_audio import transcribe_windows
from qwen_audio.text.segments import all_words, join_segments
from qwen_audio.text.timestamps import Word, join_words

FRAME = SAMPLE_RATE // 100


@dataclass
class ToneEar:
    """Hears a run of one pitch as a word, half a run too, as a model would."""

    max_seconds: float = 30.0
    batches: list = field(default_factory=list)

    def hear_languages(self, clips):
        return ["de"] * len(clips)

    def transcribe_batch(self, clips, *, language, words):
        self.batches.append([clip.duration_s for clip in clips])
        heard = [self.words(clip.waveform) for clip in clips]
        return [
            Transcript(text=join_words(w), language=language, words=w if words else ())
            for w in heard
        ]

    @staticmethod
    def words(waveform):
        frames = waveform[: len(waveform) // FRAME * FRAME].reshape(-1, FRAME)
        pitches = np.abs(np.fft.rfft(frames)).argmax(axis=1) * (np.abs(frames).max(axis=1) > 0.05)
        found, start = [], 0
        for place in range(1, len(pitches) + 1):
            if place == len(pitches) or pitches[place] != pitches[start]:
                if pitches[start] and place - start >= 3:
                    found.append(Word(f"w{pitches[start]}", start / 100, place / 100))
                start = place
        return tuple(found)


def say(pitches, *, seconds, pauses):
    """Return tones of these pitches (in hundreds of hertz) and their words."""
    parts, words, now = [], [], 0.0
    for pitch, length, pause in zip(pitches, seconds, pauses, strict=True):
        time = np.arange(round(length * SAMPLE_RATE)) / SAMPLE_RATE
        parts += [
            0.4 * np.sin(2 * np.pi * pitch * 100 * time),
            np.zeros(round(pause * SAMPLE_RATE)),
        ]
        words.append(Word(f"w{pitch}", round(now, 2), round(now + length, 2)))
        now = round(now + length + pause, 2)
    return np.concatenate(parts).astype(np.float32), words


def random_talk(count, *, has_pauses, seed):
    rng = np.random.default_rng(seed)
    pitches = [2 + (3 * i + int(rng.integers(2))) % 40 for i in range(count)]  # neighbours differ
    seconds = rng.integers(20, 60, count) / 100
    pauses = rng.choice([0.0, 0.02, 0.3, 0.9], count) if has_pauses else np.zeros(count)
    return say(pitches, seconds=seconds, pauses=pauses)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("has_pauses", [True, False])
def test_no_word_is_lost_or_doubled_at_a_seam(seed, has_pauses):
    waveform, words = random_talk(400, has_pauses=has_pauses, seed=seed)

    found = list(transcribe_windows(ToneEar(), (waveform, SAMPLE_RATE), words=True))

    assert [word.text for word in all_words(found)] == [word.text for word in words]
    for heard, said in zip(all_words(found), words, strict=True):
        assert heard.start_s == pytest.approx(said.start_s, abs=0.02)
        assert heard.end_s == pytest.approx(said.end_s, abs=0.02)


def test_seams_without_a_pause_are_mended_without_times_too():
    waveform, words = random_talk(300, has_pauses=False, seed=5)

    found = list(transcribe_windows(ToneEar(), (waveform, SAMPLE_RATE)))

    assert join_segments(found).split() == [word.text for word in words]
    assert all_words(found) == ()


def test_windows_heard_together_give_the_same(tmp_path):
    waveform, _ = random_talk(400, has_pauses=True, seed=1)
    path = tmp_path / "talk.flac"
    soundfile.write(path, waveform, SAMPLE_RATE)
    ear = ToneEar()

    together = list(transcribe_windows(ear, path, words=True, batch_size=4))

    assert together == list(transcribe_windows(ToneEar(), path, words=True))
    assert len(ear.batches[0]) == 4


def test_segments_come_before_the_file_is_read_to_its_end():
    waveform, _ = random_talk(400, has_pauses=True, seed=1)
    ear, done = ToneEar(), []

    segments = transcribe_windows(ear, (waveform, SAMPLE_RATE), on_progress=done.append)
    first = next(segments)

    assert first.start_s == 0
    assert len(ear.batches) == 1
    list(segments)
    assert done == sorted(done)
    assert done[-1] == len(waveform) / SAMPLE_RATE


def test_silence_is_not_transcribed():
    silence = np.zeros(65 * SAMPLE_RATE, np.float32)
    ear, done = ToneEar(), []

    assert list(transcribe_windows(ear, (silence, SAMPLE_RATE), on_progress=done.append)) == []
    assert ear.batches == []
    assert done[-1] == 65


def test_the_language_is_heard_once():
    waveform, _ = random_talk(300, has_pauses=True, seed=2)

    found = list(transcribe_windows(ToneEar(), (waveform, SAMPLE_RATE)))

    assert {segment.language for segment in found} == {"de"}


def test_bytes_are_streamed_like_a_file():
    waveform, words = random_talk(200, has_pauses=True, seed=3)
    file = io.BytesIO()
    soundfile.write(file, waveform, SAMPLE_RATE, format="wav", subtype="FLOAT")

    found = list(transcribe_windows(ToneEar(), file.getvalue(), words=True))

    assert [word.text for word in all_words(found)] == [word.text for word in words]


def test_a_loop_is_cut_and_natural_repetition_is_not():
    assert without_loop([1, 5, 5, 5, 5, 5], is_cut=True) == (1, 5)
    assert without_loop([1, 5, 5, 5], is_cut=True) == (1, 5, 5, 5)
    assert without_loop([1, 5, 5, 5, 5, 5], is_cut=False) == (1, 5, 5, 5, 5, 5)


def test_longer_clips_may_have_longer_transcripts():
    assert most_tokens(30) < most_tokens(30, words=True)
    assert most_tokens(30, "zh") > most_tokens(30, "en") > most_tokens(2, "en")
