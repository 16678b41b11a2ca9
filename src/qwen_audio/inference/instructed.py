"""Edits by instruction: the model says where a phrase is, the tools cut to the sample."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from qwen_audio.audio.edits import Edit, Edits
from qwen_audio.audio.sound import Sound
from qwen_audio.errors import PromptError
from qwen_audio.inference.voice import Speak, local_voice
from qwen_audio.text.edit_requests import QUOTES, EditRequest, Target, parse_edit
from qwen_audio.text.grounding import find_phrase, nearest_phrase
from qwen_audio.text.timestamps import Span, Word

HearWords = Callable[[Sound], Sequence[Word]]
Ground = Callable[[Sound, str], Sequence[Span]]
NEARBY_S = 1.0  # of the sound around new words, whose loudness they take on


def edit_as_told(
    edits: Edits,
    instruction: str,
    *,
    hear_words: HearWords,
    ground: Ground | None = None,
    speak: Speak | None = None,
) -> tuple[Edit, ...]:
    """Make the edit that an instruction asks for, as one step of undo, and return what was done.

    Args:
        edits: the sound under edit.
        instruction: such as "cut out the word 'joyful'"; see `text/edit_requests.py`.
        hear_words: gives the words of a sound with their times; only asked for a phrase.
        ground: gives where something is that nobody says and that stands in no quotes, such as
            "the person name".
        speak: the voice of new words; the local one if not given.

    Raises:
        PromptError: an instruction that is not understood, or a phrase that is not said, or said
            more than once without being told which is meant.
        AudioError: times outside the sound, or no voice for new words.
    """
    request = parse_edit(instruction)
    named = None if _is_quoted(request.target, instruction) else ground
    spans = _spans(request.target, edits.sound, hear_words, named)
    new = _new_words(request, speak)
    latest_first = sorted(spans, key=lambda span: span.start_s, reverse=True)
    if request.action == "extract" and len(spans) > 1:
        raise PromptError("only one part can be extracted at a time; say the first or the last")
    step = tuple(_edit(request, span, edits.sound, new) for span in latest_first)
    edits.apply(*step)
    return step


def words_of(model: object, *, language: str | None = None) -> HearWords:
    """Return what hears words with a loaded model."""

    def hear(sound: Sound) -> Sequence[Word]:
        return model.transcribe(sound.as_clip(), language=language, words=True).words

    return hear


def spans_of(model: Any) -> Ground:
    """Return what finds things in a sound by asking a loaded model."""

    def ground(sound: Sound, phrase: str) -> Sequence[Span]:
        spans = model.ask(sound.as_clip(), f"Find {phrase}.").spans
        return [span for span in spans if span.start_s < span.end_s <= sound.duration_s]

    return ground


def _is_quoted(target: Target, instruction: str) -> bool:
    """Return whether a phrase stands in quotes: then these words are meant, and nothing else."""
    found = instruction.find(target.phrase or "")
    return found > 0 and instruction[found - 1] in QUOTES


def _spans(
    target: Target, sound: Sound, hear_words: HearWords, ground: Ground | None
) -> tuple[Span, ...]:
    """Return the parts of a sound that are meant."""
    if target.phrase is None:
        start_s = target.start_s if target.start_s >= 0 else sound.duration_s + target.start_s
        end_s = sound.duration_s if target.end_s is None else target.end_s
        if not 0 <= start_s <= end_s:
            raise PromptError(
                f"the part from {start_s:g} to {end_s:g} s is none of a sound of "
                f"{sound.duration_s:g} s; name times inside it"
            )
        return (Span(start_s, end_s),)
    words = hear_words(sound)
    found = find_phrase(words, target.phrase)
    if not found and ground is not None:
        found = tuple(ground(sound, target.phrase))
    if not found:
        near = nearest_phrase(words, target.phrase)
        hint = f"; the nearest is {near!r}" if near else "; check the transcript"
        raise PromptError(f"{target.phrase!r} was not heard in the sound{hint}")
    if len(found) > 1 and target.which is None:
        times = ", ".join(f"{span.start_s:.2f}" for span in found)
        raise PromptError(
            f"{target.phrase!r} is said {len(found)} times (at {times} s); say which: the first, "
            "the last or every"
        )
    return {"first": found[:1], "last": found[-1:]}.get(target.which or "", found)


def _new_words(request: EditRequest, speak: Speak | None) -> Sound | None:
    if request.text is None:
        return None
    if not request.text:
        raise PromptError("no new words were given; put them in quotes")
    return (speak or local_voice())(request.text)


def _edit(request: EditRequest, span: Span, sound: Sound, new: Sound | None) -> Edit:
    start_s, end_s = span.start_s, span.end_s
    if request.side is not None:
        start_s = end_s = start_s if request.side == "before" else end_s
    other = None if new is None else _as_loud(new, sound, start_s, end_s)
    return Edit(kind=request.action, start_s=start_s, end_s=end_s, other=other)


def _as_loud(new: Sound, sound: Sound, start_s: float, end_s: float) -> Sound:
    """Return new words as loud as what they stand in; never louder than full scale."""
    first, last = (round(s * sound.rate) for s in (max(0.0, start_s - NEARBY_S), end_s + NEARBY_S))
    around, own = _power(sound.samples[first:last]), _power(new.samples)
    peak = float(np.abs(new.samples).max(initial=0.0))
    if not (around and own and peak):
        return new
    gain = min(around / own, 0.99 / peak)
    return replace(new, samples=(new.samples * gain).astype(np.float32))


def _power(samples: np.ndarray) -> float:
    return float(np.sqrt(np.square(samples, dtype=np.float64).mean())) if samples.size else 0.0
