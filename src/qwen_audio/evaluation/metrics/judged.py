"""What a judge's own words say: two scores from 1 to 10, one of the reply, one of the reference."""

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"(?<![\d.])\d+(?:\.\d+)?")
_LOWEST, _HIGHEST = 1.0, 10.0
REPLY, REFERENCE = 0, 1


def read_ratings(ratings: Sequence[str]) -> list[tuple[float, float]]:
    """Return the scores of reply and reference, in each rating that can be read.

    The first rating is one in which the reference came first, the second one in which the reply
    did, so that who comes first has no advantage.

    >>> read_ratings(("8 6", "5 9"))
    [(6.0, 8.0), (5.0, 9.0)]
    >>> read_ratings(("both are fine", "11 3"))
    []
    """
    found = []
    for place, text in enumerate(ratings):
        scores = [float(number) for number in _NUMBER.findall(text)]
        if len(scores) == 2 and all(_LOWEST <= score <= _HIGHEST for score in scores):
            one, other = scores
            found.append((other, one) if place == 0 else (one, other))
    return found
