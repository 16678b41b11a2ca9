"""Metrics of a single note on strings: pitch, velocity, instrument, sonic qualities."""

import re

import numpy as np

from qwen_audio.evaluation.benchmarks.sets import QUALITIES
from qwen_audio.evaluation.metrics.records import Sums, Values
from qwen_audio.tasks.labels import Labels
from qwen_audio.tasks.music import parse_note
from qwen_audio.tasks.records import split_list
from qwen_audio.text.vocab import TAG_PATTERN
from qwen_audio.training.scores import plain

_OCTAVE = 12
_NUMBER = r"{name}\s*:?\s*(\d{{1,3}})\b"
_FIELD = r"{name}\s*:\s*([^;\n]*)"


def read_note(reply: str) -> Labels:
    """Return what a reply states of a note, by tags or in the form that the prompt in words asks.

    >>> read_note("pitch: 60; instrument: organ").pitch
    60
    """
    if re.search(TAG_PATTERN, reply):
        return parse_note(reply)
    text = reply.lower()
    return Labels(
        pitch=_number("pitch", text),
        velocity=_number("velocity", text),
        instrument=_listed("instrument", text),
        qualities=_listed("qualities", text),
    )


def same_pitch(reference: str, reply: str) -> bool:
    """Return whether the reply states the exact MIDI pitch."""
    return read_note(reply).pitch == parse_note(reference).pitch


def same_chroma(reference: str, reply: str) -> bool:
    """Return whether the reply states the pitch, in any octave."""
    said, expected = read_note(reply).pitch, parse_note(reference).pitch
    return said is not None and expected is not None and said % _OCTAVE == expected % _OCTAVE


def same_velocity(reference: str, reply: str) -> bool:
    """Return whether the reply states the exact MIDI velocity."""
    return read_note(reply).velocity == parse_note(reference).velocity


def same_instrument(reference: str, reply: str) -> bool:
    """Return whether the reply names the instrument and no other."""
    said, expected = (
        [_tidy(name) for name in note.instrument]
        for note in (read_note(reply), parse_note(reference))
    )
    return said == expected


def quality_counts(reference: str, reply: str) -> list[int]:
    """Return for each of the ten qualities whether it is right, said, there; and one sample."""
    said, expected = (
        {_tidy(name) for name in note.qualities}
        for note in (read_note(reply), parse_note(reference))
    )
    names = [_tidy(name) for name in QUALITIES]
    right = [int(name in said and name in expected) for name in names]
    return [
        *right,
        *(int(name in said) for name in names),
        *(int(name in expected) for name in names),
        1,
    ]


def mean_average_precision(sums: Sums) -> Values:
    """Return the macro average precision of yes-or-no answers, from added counts.

    On scores of 0 and 1 the precision-recall curve has two points, so average precision is
    precision x recall + prevalence x (1 - recall), which is scikit-learn's number; a quality that
    no reference has is left out.
    """
    size = len(QUALITIES)
    right, said, there, samples = np.split(sums, [size, 2 * size, 3 * size], axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        recall = right / there
        precision = np.where(said > 0, right / said, 0.0)
        values = precision * recall + there / samples * (1 - recall)
        known = there > 0
        return np.asarray(np.where(known, values, 0.0).sum(axis=-1) / known.sum(axis=-1))


def _number(name: str, text: str) -> int | None:
    found = re.search(_NUMBER.format(name=name), text)
    return int(found[1]) if found else None


def _listed(name: str, text: str) -> tuple[str, ...]:
    found = re.search(_FIELD.format(name=name), text)
    return split_list(found[1].rstrip(". ")) if found else ()


def _tidy(name: str) -> str:
    return plain(name.replace("_", " ").replace("-", " "))
