"""Words with their times: the token form a model learns, and the times named in a chat reply.

The form is that of the released model: neighbours share a stamp, and what is not a word is
silence. `<|0.00|><|sil|><|0.54|>面<|0.86|>条<|1.17|>` is one example; Chinese goes by character.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from qwen_audio.errors import PromptError
from qwen_audio.text.vocab import (
    SILENCE,
    TAG_PATTERN,
    Seconds,
    is_timestamp,
    timestamp_token,
    token_seconds,
)

FIRST_STAMP = timestamp_token(0.0)
"""What every such transcript begins with; the prompt gives it, so a reply goes on after it."""

_SPACELESS = ("zh", "zh_tr", "ja")
_BY_CHARACTER = ("zh", "zh_tr")
_TOKEN = re.compile(f"({TAG_PATTERN})")
_SLACK_S = 0.0101  # how far words may overlap: one stamp, as rounding leaves it
_QUOTED = re.compile(r'"([^"]+)"|“([^”]+)”|「([^」]+)」')


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it is heard, in seconds from the clip's start."""

    text: str
    start_s: Seconds
    end_s: Seconds

    def __post_init__(self) -> None:
        if not 0 <= self.start_s <= self.end_s:
            raise PromptError(
                f"the word {self.text!r} goes from {self.start_s} to {self.end_s} s; "
                "a word starts at 0 or later and ends after it starts"
            )


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a clip that a reply names; `text` is what it quotes, if anything."""

    start_s: Seconds
    end_s: Seconds
    text: str | None = None

    def moved(self, offset_s: Seconds) -> "Span":
        """Return it with times that count from `offset_s` earlier.

        >>> Span(2.33, 3.26, "classes").moved(60)
        Span(start_s=62.33, end_s=63.26, text='classes')
        """
        if not offset_s:
            return self
        return Span(round(self.start_s + offset_s, 3), round(self.end_s + offset_s, 3), self.text)


def render_words(
    words: Iterable[Word], language: str | None = None, *, duration_s: Seconds | None = None
) -> str:
    """Return the words with a stamp at each border.

    >>> render_words([Word("hello", 0.3, 0.72), Word("you", 0.72, 0.9)], "en")
    '<|0.00|><|sil|><|0.30|>hello<|0.72|>you<|0.90|>'

    Args:
        words: in order of time, without overlap.
        language: a code; Chinese words of several characters are cut into characters that share
            the word's time equally.
        duration_s: where the clip ends; silence up to there is written too.

    Raises:
        PromptError: for words out of order, empty, past 30 s, or spelling a token.
    """
    text, now = FIRST_STAMP, FIRST_STAMP
    for word in _units(words, language):
        _check_text(word.text)
        if word.start_s < token_seconds(now) - _SLACK_S:
            raise PromptError(
                f"the word {word.text!r} starts at {word.start_s} s, before the one before it ends "
                f"({token_seconds(now)} s); sort the words and cut overlaps"
            )
        start, end = _later(now, word.start_s), _later(now, word.end_s)
        silence = "" if start == now else SILENCE + start
        text += silence + word.text.strip() + end
        now = end
    last = now if duration_s is None else _later(now, duration_s)
    return text if last == now else text + SILENCE + last


def parse_words(text: str) -> tuple[Word, ...]:
    """Return the words in a transcript with stamps; silence and other tags are left out.

    A model's reply is read as far as it can be: it may lack the first stamp, a stamp that goes
    back in time counts as the latest so far, a last word without an end has no length, and words
    with no stamp between them share their time by their letters.

    >>> parse_words("<|0.00|><|sil|><|0.54|>面<|0.86|>条<|1.17|>")
    (Word(text='面', start_s=0.54, end_s=0.86), Word(text='条', start_s=0.86, end_s=1.17))

    Raises:
        PromptError: when there is text but no stamp at all.
    """
    words: list[Word] = []
    now, waiting, has_stamp = 0.0, "", False
    for piece in _TOKEN.split(text):
        if is_timestamp(piece):
            then = max(now, token_seconds(piece))
            words += _sharing(waiting, now, then)
            now, waiting, has_stamp = then, "", True
        elif not _TOKEN.fullmatch(piece):
            waiting = f"{waiting} {piece.strip()}".strip()
    if waiting and not has_stamp:
        raise PromptError(
            f"{text[:40]!r} has no time stamps; write them like {timestamp_token(2.33)}"
        )
    return (*words, *_sharing(waiting, now, now))


def _sharing(text: str, start_s: Seconds, end_s: Seconds) -> Iterator[Word]:
    """Yield the words of a text that has one start and one end."""
    parts = text.split()
    a_letter_s = (end_s - start_s) / max(1, sum(map(len, parts)))
    for number, part in enumerate(parts, start=1):
        is_last = number == len(parts)
        then = end_s if is_last else round(start_s + a_letter_s * len(part), 3)
        yield Word(part, start_s, then)
        start_s = then


def join_words(words: Iterable[Word], language: str | None = None) -> str:
    """Return the plain transcript of words: with spaces, but none in Chinese and Japanese.

    >>> join_words([Word("hello", 0.3, 0.7), Word("you", 0.7, 0.9)])
    'hello you'
    """
    return ("" if language in _SPACELESS else " ").join(word.text for word in words)


def find_spans(reply: str) -> tuple[Span, ...]:
    """Return the stretches that a chat reply names, each by two stamps.

    >>> find_spans('The word "middle classes" starts at <|2.33|> seconds and ends at <|3.26|>.')
    (Span(start_s=2.33, end_s=3.26, text='middle classes'),)
    """
    spans: list[Span] = []
    start_s, before = None, ""
    for piece in _TOKEN.split(reply):
        if not is_timestamp(piece):
            before += piece
        elif start_s is None:
            start_s = token_seconds(piece)
        else:
            end_s = token_seconds(piece)
            spans.append(Span(min(start_s, end_s), max(start_s, end_s), _last_quoted(before)))
            start_s, before = None, ""
    return tuple(spans)


def _last_quoted(text: str) -> str | None:
    found = _QUOTED.findall(text)
    return next(filter(None, found[-1])) if found else None


def _later(now: str, seconds: Seconds) -> str:
    """Return the stamp of a time, but none before `now`."""
    return max(timestamp_token(seconds), now, key=token_seconds)


def _units(words: Iterable[Word], language: str | None) -> Iterator[Word]:
    for word in words:
        characters = word.text.strip()
        if language not in _BY_CHARACTER or len(characters) < 2 or characters.isascii():
            yield word
            continue
        step_s = (word.end_s - word.start_s) / len(characters)
        borders = [word.start_s + place * step_s for place in range(len(characters))]
        for character, (start_s, end_s) in zip(
            characters, pairwise((*borders, max(word.end_s, borders[-1]))), strict=True
        ):
            yield Word(character, start_s, end_s)


def _check_text(text: str) -> None:
    if not text.strip() or _TOKEN.search(text):
        raise PromptError(f"a word is plain text, got {text!r}; leave silence and tags out")
