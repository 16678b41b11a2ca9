"""The two forms of a transcript: as written (`itn`), and plain words as scored (`wo_itn`)."""

import re
import unicodedata
from functools import lru_cache

# Languages written without spaces between words.
UNSPACED = frozenset({"zh", "ja"})

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'"})
_SENTENCE_END = (".", "!", "?", "…", "。", "！", "？")


@lru_cache(maxsize=1 << 15)
def plain_transcript(text: str, language: str | None) -> str:
    """Return the words only: lower case, no punctuation but apostrophes inside words.

    Chinese and Japanese lose their spaces too.

    >>> plain_transcript("“Well,” he said, “it’s a picture-book.”", "en")
    "well he said it's a picture book"
    >>> plain_transcript("我 喜欢，面条机。", "zh")
    '我喜欢面条机'
    """
    lowered = unicodedata.normalize("NFC", text).translate(_APOSTROPHES).lower()
    kept = "".join(_plain_character(character) for character in lowered)
    kept = re.sub(r"(?<!\w)'|'(?!\w)", " ", kept)
    return re.sub(r"\s+", "" if language in UNSPACED else " ", kept).strip()


def is_written(text: str, language: str | None) -> bool:
    """Return whether a transcript has real case and punctuation, not only words.

    >>> is_written("We call it bear.", "en"), is_written("WE CALL IT BEAR", "en")
    (True, False)
    """
    closed = text.rstrip("\"'”’»«」』) ").endswith(_SENTENCE_END)
    if language in UNSPACED or language == "ko":
        return closed
    return closed and any(c.isupper() for c in text) and any(c.islower() for c in text)


def _plain_character(character: str) -> str:
    if character == "'" or unicodedata.category(character)[0] in "LNM":
        return character
    return " "
