"""The shape of a reply: what it must look like, whether or not it is right."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import py3langid

from qwen_audio.errors import DataError, unknown_name
from qwen_audio.evaluation.checks import has_word
from qwen_audio.text.timestamps import find_spans
from qwen_audio.text.vocab import LANGUAGES, TAG_PATTERN
from qwen_audio.training.scores import plain

FEWEST_WORDS = 3  # of which a language can be told; "piano" is a word of many
FEWEST_ROUNDS = 4  # the same words so often in a row are a loop

_TAG = re.compile(TAG_PATTERN)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|「[^」]*」|(?<!\w)'[^']*'(?!\w)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_SCRIPTS = (("ja", _KANA), ("ko", _HANGUL), ("zh", _HAN))


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a reply must look like: said at all, without a loop, and what else is stated here.

    Attributes:
        language: what it is written in; words in quotes may be of another.
        words: at least so many; characters of Chinese and Japanese count as words.
        has_time: whether it names a stretch of the clip, a start and a later end.
        mentions: words of the question that the reply takes up, one of each group.
    """

    language: str | None = None
    words: int = 1
    has_time: bool = False
    mentions: tuple[tuple[str, ...], ...] = ()

    def faults(self, reply: str) -> tuple[str, ...]:
        """Return what is wrong with the shape of a reply, tags included; nothing if it is right."""
        return tuple(self._faults(reply))

    def _faults(self, reply: str) -> Iterator[str]:
        text = _TAG.sub(" ", reply).strip()
        if not plain(text):
            yield "empty"
            return
        if count_words(text) < self.words:
            yield f"fewer than {self.words} words"
        if is_loop(text):
            yield "a loop"
        if self.language is not None and not is_in(text, self.language):
            yield f"not in {self.language}"
        if self.has_time and not _names_time(reply):
            yield "no time"
        for group in self.mentions:
            if not any(has_word(plain(text), word) for word in group):
                yield f"does not mention {' or '.join(group)}"


def shape_from_table(row: Mapping[str, Any]) -> Shape:
    """Return the shape in a scenario's table.

    Raises:
        DataError: an unknown key or language.
    """
    known = ("language", "words", "time", "mentions")
    for key in row:
        if key not in known:
            raise DataError(unknown_name("shape", key, known))
    language = row.get("language")
    if language is not None and language not in LANGUAGES:
        raise DataError(unknown_name("language", str(language), LANGUAGES))
    groups = row.get("mentions", ())
    return Shape(
        language=language,
        words=row.get("words", 1),
        has_time=row.get("time", False),
        mentions=tuple((each,) if isinstance(each, str) else tuple(each) for each in groups),
    )


def is_in(text: str, language: str) -> bool:
    """Return whether a text may be in a language, words in quotes left out.

    What is too short to tell may be in any language of its script.

    >>> is_in("The person says: „Guten Morgen“", "en"), is_in("这是中文。", "en")
    (True, False)
    """
    own = _QUOTED.sub(" ", text)
    own = own if plain(own) else text
    script = next((code for code, letters in _SCRIPTS if letters.search(own)), None)
    if script is not None:
        return language == script
    if language in ("zh", "ja", "ko"):
        return False
    if len(plain(own).split()) < FEWEST_WORDS:
        return True
    py3langid.set_languages([code for code in LANGUAGES if len(code) == 2])
    return py3langid.classify(own)[0] == language


def is_loop(text: str) -> bool:
    """Return whether a text ends in the same words again and again.

    >>> is_loop("and so on and so on and so on and so on"), is_loop("ha, ha, ha")
    (True, False)
    """
    words = _units(text)
    for size in range(1, len(words) // FEWEST_ROUNDS + 1):
        tail = words[-size * FEWEST_ROUNDS :]
        if tail == tail[:size] * FEWEST_ROUNDS:
            return True
    return False


def count_words(text: str) -> int:
    """Return how many words a text has; a Chinese or Japanese character is one.

    >>> count_words("it is 中文")
    4
    """
    return len(_units(text))


def _units(text: str) -> Sequence[str]:
    return re.findall(r"[\u3040-\u30ff\u4e00-\u9fff]|[^\s\u3040-\u30ff\u4e00-\u9fff]+", plain(text))


def _names_time(reply: str) -> bool:
    """Return whether two stamps, or else the first two numbers, are a start and a later end."""
    spans = find_spans(reply)
    if spans:
        return any(span.start_s < span.end_s for span in spans)
    numbers = [float(number) for number in _NUMBER.findall(_TAG.sub(" ", reply))]
    return len(numbers) >= 2 and numbers[0] < numbers[1]
