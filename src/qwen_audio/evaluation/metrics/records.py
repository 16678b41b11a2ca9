"""The records of scoring: an exchange to be judged, and a metric whose counts add up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A reply with what is right.

    Attributes:
        references: the right answers.
        reply: what was answered, tags included.
        language: of the reply's text, as a code.
        choices: what the answer was chosen from.
        part: the sample's group.
        ratings: what a judge said of the reply; see `judged.read_ratings`.
    """

    references: tuple[str, ...]
    reply: str
    language: str | None = None
    choices: tuple[str, ...] = ()
    part: str = ""
    ratings: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """The first right answer."""
        return self.references[0]


Counts = np.ndarray  # (samples, numbers): what each sample adds
Sums = np.ndarray  # (..., numbers): counts, added over some samples
Values = np.ndarray  # (...): the metric of each sum


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric: numbers for each sample that add up, and the value of their sum.

    So every metric, BLEU and average precision too, is resampled in the same way.

    Attributes:
        name: such as "wer-paper".
        title: for people.
        unit: "%", "ms" or nothing.
        digits: after the point.
        is_error: whether less is better.
        counts: gives the numbers of each exchange, (samples, numbers).
        total: gives the value of sums, (..., numbers) -> (...); NaN where there is nothing.
        lacks: says what is missing on this machine, or nothing.
        note: what a reader has to know.
    """

    name: str
    title: str
    unit: str = ""
    digits: int = 3
    is_error: bool = False
    counts: Callable[[Sequence[Exchange]], Counts]
    total: Callable[[Sums], Values]
    lacks: Callable[[], str] = lambda: ""
    note: str = ""

    def value(self, counts: Counts) -> float:
        """Return the metric over all samples, NaN if there is nothing to measure."""
        return float(self.total(counts.sum(axis=0)))

    def shown(self, value: float) -> str:
        """Return a value as tables have it, with its unit."""
        if np.isnan(value):
            return "–"
        return f"{value:.{self.digits}f}{' ' + self.unit if self.unit else ''}"


def share(sums: Sums, *, scale: float = 1.0) -> Values:
    """Return the first number over the second.

    >>> share(np.array([[1.0, 4.0], [0.0, 0.0]])).tolist()
    [0.25, nan]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sums[..., 1] > 0, scale * sums[..., 0] / sums[..., 1], np.nan)
