"""How much can be said in so many seconds, and what to do with a reply that ran into a loop."""

from collections.abc import Sequence
from typing import TypeVar

from qwen_audio.audio.sources import Seconds

TOKENS_A_SECOND = 12.0  # fast speech in tokens of an English vocabulary, twice over
MORE_TOKENS = {"zh": 2.0, "ja": 2.0, "ko": 2.0}  # characters that such a vocabulary cuts in bytes
STAMPS = 2.0  # with times, a word of a token or two has a stamp at one end or both
SPARE_TOKENS = 16
LONGEST_LOOP = 32  # tokens of what is said again and again
FEWEST_ROUNDS = 4  # people do say a thing three times

Unit = TypeVar("Unit")


def most_tokens(duration_s: Seconds, language: str | None = None, *, words: bool = False) -> int:
    """Return the most tokens that a transcript of a clip may have.

    >>> most_tokens(2.0), most_tokens(2.0, words=True)
    (40, 64)
    """
    a_second = TOKENS_A_SECOND * MORE_TOKENS.get(language or "", 1.0) * (STAMPS if words else 1.0)
    return SPARE_TOKENS + round(a_second * duration_s)


def without_loop(
    ids: Sequence[Unit], *, is_cut: bool, longest: int = LONGEST_LOOP
) -> tuple[Unit, ...]:
    """Return a reply that was cut short without what it said again and again at its end.

    Args:
        ids: the reply, in tokens or in characters.
        is_cut: whether it was cut; what ended by itself is left as it is.
        longest: the most units of what is said again and again.

    >>> without_loop([1, 2, 7, 8, 7, 8, 7, 8, 7, 8, 7], is_cut=True)
    (1, 2, 7, 8)
    """
    if not is_cut:
        return tuple(ids)
    for size in range(1, min(longest, len(ids) // FEWEST_ROUNDS) + 1):
        same = 0
        while same + size < len(ids) and ids[-1 - same] == ids[-1 - same - size]:
            same += 1
        if same >= size * (FEWEST_ROUNDS - 1):
            return tuple(ids[: len(ids) - same])
    return tuple(ids)
