"""Takes a few of many, evenly: for a quick look at a large set."""

from collections.abc import Sequence
from typing import Any


def spread(items: Sequence[Any], limit: int | None) -> tuple[Any, ...]:
    """Return at most so many of the items, evenly over all of them.

    >>> spread("abcdef", 3)
    ('a', 'c', 'e')
    """
    if limit is None or limit >= len(items):
        return tuple(items)
    return tuple(items[place * len(items) // limit] for place in range(limit))
