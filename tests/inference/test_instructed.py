"""Edits by instruction on a sound whose words are known."""

import numpy as np
import pytest

from qwen_audio.audio import editing
from qwen_audio.audio.edits import Edits
from qwen_audio.audio.sound import Sound
from qwen_audio.errors import AudioError, PromptError
from qwen_audio.inference import voice
from qwen_audio.inference.answers import Reply
from qwen_audio.inference.instructed import edit_as_told, spans_of, words_of
from qwen_audio.text.timestamps import Span, Word

RATE = 8000
WORDS = (
    Word("a", 0.0, 0.2),
    Word("joyful", 0.2, 0.7),
    Word("um", 0.7, 0.8),
    Word("day", 0.8, 1.2),
    Word("um", 1.2, 1.3),
)


@pytest.fixture
def edits():
    rng = np.random.default_rng(0)
    return Edits(Sound(rng.uniform(-0.5, 0.5, (2 * RATE, 1)).astype(np.float32), RATE))


def told(edits, instruction, **options):
    return edit_as_told(edits, instruction, hear_words=lambda _sound: WORDS, **options)


def spoken(_text):
    return Sound(np.full((RATE // 4, 1), 0.1, np.float32), RATE)


def test_a_word_is_cut_out_where_it_was_heard(edits):
    (edit,) = told(edits, "cut out the word 'Joyful'")

    assert (edit.kind, edit.start_s, edit.end_s) == ("remove", 0.2, 0.7)
    expected = editing.remove(edits.original, 0.2, 0.7)
    assert np.array_equal(edits.sound.samples, expected.samples)


def test_every_place_is_edited_in_one_step(edits):
    told(edits, "remove every 'um'")

    assert edits.sound.num_samples == round(1.8 * RATE)
    first_later = editing.remove(editing.remove(edits.original, 1.2, 1.3), 0.7, 0.8)
    assert np.array_equal(edits.sound.samples, first_later.samples)
    assert edits.undo() is edits.original


def test_the_one_that_is_named_is_edited(edits):
    assert told(edits, "mute the last 'um'")[0].start_s == 1.2
    assert told(edits, "mute the first 'um'")[0].start_s == 0.7


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        ("mute 'um'", r"said 2 times \(at 0.70, 1.20 s\); say which"),
        ("mute 'joyfull'", "'joyfull' was not heard in the sound; the nearest is 'joyful'"),
        ("mute from 3 to 4 s", "outside the sound|none of a sound"),
        ("extract every 'um'", "only one part can be extracted"),
    ],
)
def test_a_doubt_is_no_edit(edits, instruction, message):
    with pytest.raises((PromptError, AudioError), match=message):
        told(edits, instruction)

    assert edits.done == ()


def test_times_need_no_ear(edits):
    def deaf(_sound):
        raise AssertionError

    edit_as_told(edits, "cut the last 0.5 s", hear_words=deaf)
    edit_as_told(edits, "fade out over 0.2 s", hear_words=deaf)

    assert edits.sound.num_samples == round(1.5 * RATE)


def test_new_words_take_the_place_and_the_loudness_of_old_ones(edits):
    told(edits, "replace 'joyful' with 'interesting'", speak=spoken)

    assert edits.sound.num_samples == round((2 - 0.5 + 0.25) * RATE)
    middle = edits.sound.samples[round(0.3 * RATE) : round(0.35 * RATE)]
    before = edits.original.samples[: round(1.7 * RATE)]
    assert middle.mean() == pytest.approx(np.sqrt((before**2).mean()), rel=0.01)


@pytest.mark.parametrize(("side", "at_s"), [("before", 0.8), ("after", 1.2)])
def test_new_words_are_put_beside_old_ones(edits, side, at_s):
    (edit,) = told(edits, f"insert 'sunny' {side} 'day'", speak=spoken)

    assert (edit.start_s, edit.end_s) == (at_s, at_s)
    assert edits.sound.num_samples == round(2.25 * RATE)


def test_without_a_voice_new_words_are_refused(edits, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "piper", None)

    with pytest.raises(AudioError, match="piper is not installed"):
        told(edits, "replace 'joyful' with 'interesting'")


def test_a_voice_that_is_not_there_is_named(tmp_path):
    with pytest.raises(AudioError, match="no piper voice at"):
        voice._voice_file(tmp_path / "none.onnx")


def test_what_nobody_says_the_model_is_asked_to_find(edits):
    class Finder:
        def ask(self, clip, question):
            self.asked = clip.duration_s, question
            return Reply(text="Peter", spans=(Span(0.2, 0.4, "Peter"), Span(0.5, 99.0)))

    finder, length_s = Finder(), edits.sound.duration_s

    done = edit_as_told(
        edits, "mute the person name", hear_words=lambda _: (), ground=spans_of(finder)
    )

    assert finder.asked == (pytest.approx(length_s), "Find the person name.")
    assert [(edit.kind, edit.start_s, edit.end_s) for edit in done] == [("mute", 0.2, 0.4)]
    with pytest.raises(PromptError, match="'Peter' was not heard"):
        told(edits, "mute the name 'Peter'", ground=spans_of(finder))


def test_words_come_from_the_models_transcript():
    class Model:
        def transcribe(self, clip, *, language, words):
            assert (clip.num_samples, language, words) == (16_000, "en", True)
            return type("Said", (), {"words": WORDS})

    hear = words_of(Model(), language="en")

    assert hear(Sound(np.zeros((RATE, 2), np.float32) + 0.1, RATE)) == WORDS
