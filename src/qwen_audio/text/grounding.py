"""Where a phrase is said: words with times searched as a person would, case and commas aside."""

import difflib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_audio.text.timestamps import Span, Word


@dataclass(frozen=True)
class _Letters:
    """All letters of some words in one string, and the word that each belongs to."""

    text: str
    owners: tuple[int, ...]


def find_phrase(words: Sequence[Word], phrase: str) -> tuple[Span, ...]:
    """Return every place at which the phrase is said, whole words only.

    Case, accents' spelling and punctuation do not count. Languages without spaces match by
    characters.

    >>> find_phrase([Word("Middle", 2.33, 2.8), Word("classes,", 2.8, 3.26)], "middle classes")
    (Span(start_s=2.33, end_s=3.26, text='Middle classes,'),)
    """
    wanted = _plain(phrase)
    letters = _letters(words)
    found: list[Span] = []
    place = letters.text.find(wanted) if wanted else -1
    while place >= 0:
        end = place + len(wanted)
        first, last = letters.owners[place], letters.owners[end - 1]
        if _is_border(letters, place) and _is_border(letters, end):
            said = words[first : last + 1]
            text = ("" if _is_spaceless(wanted) else " ").join(word.text for word in said)
            found.append(Span(said[0].start_s, said[-1].end_s, text))
            place = end - 1
        place = letters.text.find(wanted, place + 1)
    return tuple(found)


def nearest_phrase(words: Sequence[Word], phrase: str) -> str | None:
    """Return what was said that comes closest to a phrase, or None if nothing is near."""
    size = max(1, len(phrase.split()))
    groups = [words[place : place + size] for place in range(max(1, len(words) - size + 1))]
    spoken = {_plain(" ".join(w.text for w in g)): " ".join(w.text for w in g) for g in groups}
    close = difflib.get_close_matches(_plain(phrase), spoken, n=1)
    return spoken[close[0]] if close else None


def _plain(text: str) -> str:
    """Return only the letters and digits of a text, in one case and spelling."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())


def _letters(words: Sequence[Word]) -> _Letters:
    plain = [_plain(word.text) for word in words]
    owners = tuple(place for place, text in enumerate(plain) for _ in text)
    return _Letters("".join(plain), owners)


def _is_border(letters: _Letters, place: int) -> bool:
    """Return whether a word begins at this place, or all end before it."""
    if place in (0, len(letters.text)):
        return True
    return letters.owners[place] != letters.owners[place - 1]


def _is_spaceless(text: str) -> bool:
    return any("぀" <= character <= "鿿" for character in text)
