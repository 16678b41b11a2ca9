"""What is done to a transcript before its words are counted: the original's way, and Whisper's."""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

from qwen_audio.errors import EvaluationError
from qwen_audio.tasks.transcripts import UNSPACED
from qwen_audio.text.vocab import TAG_PATTERN

_TAG = re.compile(TAG_PATTERN)
_SPACE_BEFORE = re.compile(r" ([!,.?;:])")

Normalise = Callable[[str, str | None], str]


def paper(text: str, language: str | None) -> str:
    """Return a transcript as the original's scripts compare it.

    Tags go, spaces are squeezed, none stays before a punctuation mark, and none at all in Chinese;
    lower case. Numbers and punctuation stay as they are.

    >>> paper("<|en|>Hello ,  World 9", "en")
    'hello, world 9'
    """
    text = re.sub(r"\s+", " ", _TAG.sub(" ", text)).strip()
    text = _SPACE_BEFORE.sub(r"\1", text)
    if language in UNSPACED:
        text = text.replace(" ", "")
    return text.lower()


def whisper(text: str, language: str | None) -> str:
    """Return a transcript as Whisper's evaluation compares it, by transformers' own code.

    >>> whisper("Mr. Brown's colour, twenty one!", "en")
    'mister brown is color 21'

    Raises:
        EvaluationError: the table of British spellings is not installed.
    """
    text = _TAG.sub(" ", text)
    text = _english()(text) if language == "en" else _basic()(text)
    text = re.sub(r"\s+", " ", text).strip()
    return text.replace(" ", "") if language in UNSPACED else text


NORMALISERS: dict[str, Normalise] = {"paper": paper, "whisper": whisper}


@lru_cache(maxsize=1)
def _english() -> Callable[[str], str]:
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    try:
        table = files("whisper_normalizer") / "normalizers" / "english.json"
        spellings = json.loads(table.read_text(encoding="utf-8"))
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise EvaluationError(
            "Whisper's table of British spellings is not here; install qwen-audio[eval]"
        ) from error
    return EnglishTextNormalizer(spellings)


@lru_cache(maxsize=1)
def _basic() -> Callable[[str], str]:
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer

    return BasicTextNormalizer()
