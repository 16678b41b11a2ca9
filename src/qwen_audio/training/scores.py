"""Small measures for watching a run: error rates and exact answers, with nothing to install."""

import re
import unicodedata
from collections.abc import Sequence

_SPACELESS = ("zh", "ja")


def edit_distance(reference: Sequence[str], reply: Sequence[str]) -> int:
    """Return how many insertions, deletions and substitutions turn one sequence into the other.

    >>> edit_distance("the cat sat".split(), "a cat sat down".split())
    2
    """
    previous = list(range(len(reply) + 1))
    for row, expected in enumerate(reference, start=1):
        current = [row]
        for column, got in enumerate(reply, start=1):
            substitution = previous[column - 1] + (expected != got)
            current.append(min(substitution, previous[column] + 1, current[-1] + 1))
        previous = current
    return previous[-1]


def plain(text: str) -> str:
    """Return text in lower case without punctuation or doubled spaces.

    >>> plain("Don't  STOP, please!")
    "don't stop please"
    """
    text = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    kept = (c if c == "'" or unicodedata.category(c)[0] in "LMN" else " " for c in text)
    return re.sub(r"\s+", " ", "".join(kept)).strip()


def units(text: str, language: str | None) -> list[str]:
    """Return what an error rate counts: words, or characters where words have no spaces.

    >>> units("Hello, world", "en"), units("你好 吗", "zh")
    (['hello', 'world'], ['你', '好', '吗'])
    """
    text = plain(text)
    return list(text.replace(" ", "")) if language in _SPACELESS else text.split()


def error_rate(references: Sequence[Sequence[str]], replies: Sequence[Sequence[str]]) -> float:
    """Return the corpus error rate: all edits over all reference units.

    >>> error_rate([["a", "b"]], [["a"]])
    0.5
    """
    edits = sum(edit_distance(a, b) for a, b in zip(references, replies, strict=True))
    return edits / max(1, sum(len(reference) for reference in references))


def exact_share(references: Sequence[str], replies: Sequence[str]) -> float:
    """Return the share of replies that equal the reference up to case and punctuation.

    >>> exact_share(["Dog bark", "rain"], ["dog bark.", "wind"])
    0.5
    """
    hits = sum(plain(a) == plain(b) for a, b in zip(references, replies, strict=True))
    return hits / max(1, len(references))
