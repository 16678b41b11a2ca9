"""Metrics of classes and answers on strings, in which whatever is malformed is wrong."""

import re
from collections.abc import Sequence

from qwen_audio.evaluation.benchmarks.prompts import LETTERS
from qwen_audio.evaluation.scoring import without_tags
from qwen_audio.tasks.sound_names import canonical_sound
from qwen_audio.training.scores import plain

_BINARY = ("yes", "no")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
# an "A" before a space is an article: "A dog barks."
_LETTER_FIRST = re.compile(rf"\(?(?:([{LETTERS}])(?=[.:)]|\s*$)|([{LETTERS[1:]}])(?=\s))")
_LETTER_LAST = re.compile(
    rf"\b(?:answer|option|choice)\s+(?:is\s+)?\(?([{LETTERS}])\)?[.\s]*$", re.I
)


def is_same(reference: str, reply: str) -> bool:
    """Return whether the reply, its tags left out, is the reference, as the original compares.

    >>> is_same("laughter", "<|en|>laughter"), is_same("laughter", "Laughter")
    (True, False)
    """
    return without_tags(reply) == reference


def is_same_class(reference: str, reply: str, classes: Sequence[str]) -> bool:
    """Return whether the reply names the class, in any spelling or sentence, and no other.

    >>> is_same_class("CrowdedIndoor", "a crowded indoor place", ["Bus", "CrowdedIndoor"])
    True
    >>> is_same_class("Bus", "a bus or a car", ["Bus", "Car"])
    False
    """
    return named_class(reply, [*classes, reference]) == reference


def named_class(reply: str, classes: Sequence[str]) -> str | None:
    """Return the one class that a reply names, in any spelling or sentence, or `None`.

    >>> named_class("It is the subway station.", ["Subway", "SubwayStation"])
    'SubwayStation'
    """
    said = _tidy(without_tags(reply))
    tidied = {_tidy(name): name for name in classes}
    whole = next((tidy for tidy in tidied if _is_one_sound(tidy, said)), None)
    if whole is not None:
        return tidied[whole]
    named = {tidy for tidy in tidied if f" {tidy} " in f" {said} "}
    # "subway station" names "subway" too: the longer name is meant
    meant = {c for c in named if not any(c != o and f" {c} " in f" {o} " for o in named)}
    return tidied[meant.pop()] if len(meant) == 1 else None


def _is_one_sound(name: str, other: str) -> bool:
    return canonical_sound(name) == canonical_sound(other) != ""


def binary_accuracy(reference: str, reply: str) -> list[int]:
    """Return whether a yes or no is right, and whether that was asked.

    >>> binary_accuracy("yes", "yes"), binary_accuracy("three", "three")
    ([1, 1], [0, 0])
    """
    if reference not in _BINARY:
        return [0, 0]
    return [int(is_same(reference, reply)), 1]


def chosen(reply: str, choices: Sequence[str]) -> int | None:
    """Return which of the options a reply takes, or `None` if that is not plain.

    >>> [chosen(reply, ("rain", "wind")) for reply in ("B.", "The answer is A", "wind", "A or B")]
    [1, 0, 1, None]
    """
    text = without_tags(reply)
    said = plain(text)
    exact = [place for place, choice in enumerate(choices) if plain(choice) == said]
    if len(exact) == 1:
        return exact[0]
    letters = set(re.findall(rf"\b[{LETTERS[: len(choices)]}]\b", text))
    found = _LETTER_FIRST.match(text) or _LETTER_LAST.search(text)
    if found:
        letter = next(filter(None, found.groups())).upper()
        place = LETTERS.index(letter)
        return place if letters <= {"A", letter} and place < len(choices) else None
    named = [place for place, choice in enumerate(choices) if f" {plain(choice)} " in f" {said} "]
    return named[0] if len(named) == 1 else None


def is_chosen(reference: str, reply: str, choices: Sequence[str]) -> bool:
    """Return whether the reply takes the option that is right."""
    place = chosen(reply, choices)
    return place is not None and plain(choices[place]) == plain(reference)


def _tidy(text: str) -> str:
    return plain(_CAMEL.sub(" ", text).replace("_", " "))
