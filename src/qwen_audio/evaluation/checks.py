"""What a turn of a dialogue has to say: words that must, may and must not be in the reply."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qwen_audio.errors import DataError, unknown_name
from qwen_audio.evaluation.records import Number
from qwen_audio.evaluation.scoring import spoken_units
from qwen_audio.text.timestamps import find_spans
from qwen_audio.text.vocab import TAG_PATTERN
from qwen_audio.training.scores import edit_distance, plain

_TAG = re.compile(TAG_PATTERN)
_QUOTE = re.compile(r"[\"“”„«»「」]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_DENIED = re.compile(r"\b(?:not|rather than|instead of)(?: (?:a|an|the|in))? [^\W\d]+")
_FIRST_SPACELESS = "\u2e80"  # from here on, scripts without spaces between words


@dataclass(frozen=True, kw_only=True)
class Said:
    """A transcript that the reply has to give, with at most this error rate."""

    text: str
    language: str
    limit: Number


@dataclass(frozen=True, kw_only=True)
class Time:
    """When something starts and ends, and how many seconds both may be off.

    With `is_moment` one time is an answer too: any at which it goes on.
    """

    start_s: Number
    end_s: Number
    within_s: Number
    is_moment: bool = False


@dataclass(frozen=True, kw_only=True)
class Check:
    """What makes a reply right: everything that is stated here.

    Words are whole words in lower case without punctuation; "bark*" is any word that begins so.

    Attributes:
        any_of: at least one of these is in the reply.
        all_of: of each group, at least one is.
        none_of: none of these is, unless denied ("a man, not a woman").
        order: those of these groups that are mentioned come in this order.
        said: what the reply says that somebody says.
        time: when the reply says that something is heard.
    """

    any_of: tuple[str, ...] = ()
    all_of: tuple[tuple[str, ...], ...] = ()
    none_of: tuple[str, ...] = ()
    order: tuple[tuple[str, ...], ...] = ()
    said: Said | None = None
    time: Time | None = None

    def passes(self, reply: str) -> bool:
        """Return whether a reply, tags included, is right."""
        text = plain(_TAG.sub(" ", reply))
        claimed = _DENIED.sub("not", text)
        groups = (*self.all_of, *((self.any_of,) if self.any_of else ()))
        return (
            bool(text)
            and all(any(has_word(text, word) for word in group) for group in groups)
            and not any(has_word(claimed, word) for word in self.none_of)
            and _is_in_order(text, self.order)
            and (self.said is None or _says(reply, self.said))
            and (self.time is None or _tells(reply, self.time))
        )


def has_word(text: str, word: str) -> bool:
    """Return whether a word or phrase is in a plain text; "bark*" may go on.

    >>> has_word("the dog barks", "bark*"), has_word("a woman", "man"), has_word("这是北京", "北京")
    (True, False, True)
    """
    return _place(text, word) is not None


def _place(text: str, word: str) -> int | None:
    """Return where a word first is in a plain text."""
    stem = re.escape(plain(word.removesuffix("*")))
    is_spaceless = any(character >= _FIRST_SPACELESS for character in stem)
    end = "" if word.endswith("*") else r"(?!\w)"
    found = re.search(stem if is_spaceless else rf"(?<!\w){stem}{end}", text)
    return found.start() if found else None


def _is_in_order(text: str, groups: Sequence[Sequence[str]]) -> bool:
    """Return whether the groups that are mentioned are first mentioned in their order."""
    found = [[_place(text, word) for word in group] for group in groups]
    places = [min(known) for group in found if (known := [p for p in group if p is not None])]
    return places == sorted(places)


def check_from_json(row: Mapping[str, Any]) -> Check:
    """Return the check in a dialogue's file.

    Raises:
        DataError: an unknown key, a value of another kind, or nothing to check.
    """
    known = ("any_of", "all_of", "none_of", "order", "said", "time")
    for key in row:
        if key not in known:
            raise DataError(unknown_name("check", key, known))
    if not row:
        raise DataError("a check is empty; say what the reply must have")
    try:
        return Check(
            any_of=_words(row.get("any_of", [])),
            all_of=_groups(row.get("all_of", [])),
            none_of=_words(row.get("none_of", [])),
            order=_groups(row.get("order", [])),
            said=Said(**row["said"]) if "said" in row else None,
            time=Time(**row["time"]) if "time" in row else None,
        )
    except TypeError as error:
        raise DataError(f"the check {dict(row)} cannot be read ({error}); correct it") from error


def _words(words: Any) -> tuple[str, ...]:
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise TypeError(f"{words!r} is not a list of words")
    return tuple(words)


def _groups(groups: Any) -> tuple[tuple[str, ...], ...]:
    """Return groups of words; a word alone is a group."""
    return tuple((group,) if isinstance(group, str) else _words(group) for group in groups)


def _says(reply: str, said: Said) -> bool:
    """Return whether the reply, or what it quotes or has after a colon, is near the transcript."""
    expected = spoken_units(said.text, said.language)
    return any(
        edit_distance(expected, spoken_units(text, said.language)) <= said.limit * len(expected)
        for text in _candidates(_TAG.sub(" ", reply))
    )


def _candidates(reply: str) -> Sequence[str]:
    quoted = _QUOTE.split(reply)
    inside = [" ".join(quoted[1:-1])] if len(quoted) > 2 else []
    return [reply, *inside, reply.partition(":")[2] or reply]


def _tells(reply: str, time: Time) -> bool:
    """Return whether the first times in the reply, as stamps or as numbers, are near enough."""
    spans = find_spans(reply)
    numbers = [float(number) for number in _NUMBER.findall(_TAG.sub(" ", reply))]
    if spans:
        start_s, end_s = spans[0].start_s, spans[0].end_s
    elif len(numbers) >= 2:
        start_s, end_s = numbers[:2]
    elif numbers and time.is_moment:
        return time.start_s - time.within_s <= numbers[0] <= time.end_s + time.within_s
    else:
        return False
    is_near = abs(start_s - time.start_s) <= time.within_s
    return is_near and abs(end_s - time.end_s) <= time.within_s
