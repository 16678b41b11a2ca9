"""Long transcripts: a fake ear that hears tones as words proves that seams lose and double none."""

import io
import tracemalloc
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import soundfile

import qwen_audio
from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.audio.windows import stream_windows
from qwen_audio.checkpoints.assemble import assemble
from qwen_audio.errors import PromptError
from qwen_audio.inference.answers import Transcript
from qwen_audio.inference.generation import Generation
from qwen_audio.inference.limits import most_tokens, without_loop
from qwen_audio.inference.long_audio import transcribe_windows
from qwen_audio.text.segments import all_words, join_segments
from qwen_audio.text.timestamps import Span, Word, join_words
from qwen_audio.text.tokenizers import token_id
from qwen_audio.text.vocab import timestamp_token

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


@dataclass
class ShakyEar(ToneEar):
    """Tells the times of each window's words up to so many seconds too early or too late."""

    off_s: float = 0.0
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def transcribe_batch(self, clips, *, language, words):
        said = super().transcribe_batch(clips, language=language, words=words)
        return [
            replace(each, words=tuple(self.moved(each.words, self.random.uniform(-1, 1))))
            for each in said
        ]

    def moved(self, words, share):
        for word in words:
            start_s = max(0.0, word.start_s + share * self.off_s)
            yield Word(word.text, start_s, max(start_s, word.end_s + share * self.off_s))


@pytest.mark.parametrize("off_s", [0.1, 0.4])
def test_no_word_is_lost_or_doubled_where_its_times_are_a_little_off(off_s):
    waveform, words = random_talk(400, has_pauses=False, seed=7)

    found = list(transcribe_windows(ShakyEar(off_s=off_s), (waveform, SAMPLE_RATE), words=True))

    assert [word.text for word in all_words(found)] == [word.text for word in words]


@pytest.mark.parametrize("length_s", [10.0, 30.0])
@pytest.mark.parametrize("pitch", [None, 5])
def test_silence_noise_long_words_and_the_same_word_again_lose_none(length_s, pitch):
    rng = np.random.default_rng(1)
    pitches = [pitch or 2 + 3 * i % 40 for i in range(70)]
    pauses = rng.choice([0.05, 0.3, 12.0, 35.0, 70.0], 70, p=[0.6, 0.25, 0.1, 0.03, 0.02])
    waveform, words = say(pitches, seconds=rng.integers(20, 150, 70) / 100, pauses=pauses)
    waveform = waveform + rng.normal(0, 0.005, len(waveform)).astype(np.float32)
    late = np.concatenate([np.zeros(45 * SAMPLE_RATE, np.float32), waveform])

    found = all_words(
        transcribe_windows(ToneEar(max_seconds=length_s), (late, SAMPLE_RATE), words=True)
    )

    assert [word.text for word in found] == [word.text for word in words]
    assert found[0].start_s == pytest.approx(45, abs=0.02)


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


def test_a_model_without_times_of_words_gets_windows_that_only_touch():
    waveform, _ = random_talk(200, has_pauses=False, seed=1)
    ear = ToneEar()
    ear.gives_words = False

    list(transcribe_windows(ear, (waveform, SAMPLE_RATE)))

    assert sum(sum(batch) for batch in ear.batches) == pytest.approx(len(waveform) / SAMPLE_RATE)


@pytest.fixture(scope="module")
def qa(parts, tmp_path_factory):
    out = tmp_path_factory.mktemp("assembled") / "model"
    assemble(*parts, out, pool=4, pooling="stack", projector="mlp")
    return qwen_audio.load(out)


def noise(seconds):
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32), SAMPLE_RATE


def test_a_clip_past_thirty_seconds_is_transcribed_in_windows(qa, monkeypatch):
    calls = []
    heard = qwen_audio.QwenAudio.transcribe_batch

    def few_tokens(self, clips, **options):
        calls.append([clip.duration_s for clip in clips])
        return heard(self, clips, **options | {"settings": Generation(max_new_tokens=4)})

    monkeypatch.setattr(qwen_audio.QwenAudio, "transcribe_batch", few_tokens)

    said = qa.transcribe(noise(40), language="en", words=True)

    assert len(calls) == 2
    assert all(duration <= 30 for (duration,) in calls)
    assert said.words == all_words(said.segments)


def test_a_transcript_has_no_more_tokens_than_speech_can_have(qa):
    said = qa.transcribe(noise(1.0), language="en")

    assert len(said.ids) <= most_tokens(1.0, "en")
    assert said.segments[0].end_s == 1.0


def test_a_question_about_a_long_recording_is_answered_by_windows(qa):
    options = {"settings": Generation(max_new_tokens=3)}

    replies = list(qa.ask_long(noise(40), "What is it?", **options))

    first, last = replies
    assert (first.start_s, last.end_s) == (0, 40)


def test_a_sound_is_found_at_the_times_that_the_model_names(qa, monkeypatch):
    stamps = [timestamp_token(s) for s in (1.0, 3.0, 25.0, 30.0)]
    ids = tuple(token_id(qa.processor.tokenizer, stamp) for stamp in stamps)
    prompts = []

    def generate(_self, given, **_options):
        prompts.extend(given)
        return [ids]

    monkeypatch.setattr(qwen_audio.QwenAudio, "generate", generate)

    spans = qa.find_sound(noise(20), "a dog barking")

    assert spans == (Span(1.0, 3.0, "a dog barking"),)  # the clip ends before the second
    asked = qa.processor.tokenizer.decode(prompts[0].ids)
    assert "a dog barking" in asked


@pytest.mark.parametrize("phrase", ["", "<audio>", f"x{timestamp_token(1.0)}"])
def test_a_phrase_to_listen_for_is_plain_text(qa, phrase):
    with pytest.raises(PromptError, match="phrase"):
        qa.find_sound(noise(1.0), phrase)


@pytest.mark.slow
def test_two_hours_take_no_more_memory_than_a_minute(tmp_path):
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 8000, 1, "PCM_16") as file:
        minute = np.tile(np.concatenate([noise(2.5)[0], np.zeros(8000, np.float32)]), 12)
        for _ in range(120):
            file.write(minute[: 60 * 8000])
    peaks = {}
    for minutes in (1, 120):
        source = path if minutes == 120 else (minute, 8000)
        tracemalloc.start()
        seconds = sum(w.end_s - w.start_s for w in stream_windows(source))
        peaks[minutes] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert seconds == pytest.approx(7200, abs=0.01)
    assert peaks[120] < 2 * peaks[1] + 20e6


def test_a_loop_is_cut_and_natural_repetition_is_not():
    assert without_loop([1, 5, 5, 5, 5, 5], is_cut=True) == (1, 5)
    assert without_loop([1, 5, 5, 5], is_cut=True) == (1, 5, 5, 5)
    assert without_loop([1, 5, 5, 5, 5, 5], is_cut=False) == (1, 5, 5, 5, 5, 5)


def test_longer_clips_may_have_longer_transcripts():
    assert most_tokens(30) < most_tokens(30, words=True)
    assert most_tokens(30, "zh") > most_tokens(30, "en") > most_tokens(2, "en")
