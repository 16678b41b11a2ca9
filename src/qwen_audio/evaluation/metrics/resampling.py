"""How sure a number is: bootstrap intervals, and a paired test between two runs."""

from dataclasses import dataclass

import numpy as np

from qwen_audio.evaluation.metrics.records import Counts, Metric

SEED = 20231114
RESAMPLES = 1000
_OUTSIDE = 2.5  # percent on each side


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How two runs differ on the same samples.

    Attributes:
        value: of the second, less that of the first.
        interval: of that difference, by paired bootstrap.
        p: how likely such a difference is if the runs are equal, by approximate randomisation.
        samples: how many both answered.
    """

    value: float
    interval: Interval
    p: float
    samples: int


def interval(metric: Metric, counts: Counts, *, resamples: int = RESAMPLES) -> Interval:
    """Return the bootstrap interval of a metric; the same numbers give the same interval."""
    return _percentiles(metric.total(_drawn(len(counts), resamples) @ counts))


def compare(
    metric: Metric, first: Counts, second: Counts, *, resamples: int = RESAMPLES
) -> Difference:
    """Return how the second run differs from the first.

    Args:
        metric: what is compared.
        first: counts of the first run, (samples, numbers).
        second: counts of the second run on the same samples in the same order.
        resamples: how often it is drawn.
    """
    drawn = _drawn(len(first), resamples)
    spread = metric.total(drawn @ second) - metric.total(drawn @ first)
    value = metric.value(second) - metric.value(first)
    # under the null hypothesis it does not matter which run gave which of two answers
    swaps = np.random.default_rng(SEED).random((resamples, len(first))) < 0.5
    moved = swaps @ (second - first)
    a, b = first.sum(axis=0) + moved, second.sum(axis=0) - moved
    shuffled = np.abs(metric.total(b) - metric.total(a))
    as_large = np.count_nonzero(shuffled >= abs(value) - 1e-12)
    return Difference(
        value=value,
        interval=_percentiles(spread),
        p=(as_large + 1) / (resamples + 1),
        samples=len(first),
    )


def _drawn(samples: int, resamples: int) -> np.ndarray:
    """Return how often each sample is drawn in each resample, (resamples, samples)."""
    rng = np.random.default_rng(SEED)
    return rng.multinomial(samples, np.full(samples, 1 / samples), size=resamples).astype(float)


def _percentiles(values: np.ndarray) -> Interval:
    known = values[~np.isnan(values)]
    if not known.size:
        return Interval(low=float("nan"), high=float("nan"))
    low, high = np.percentile(known, [_OUTSIDE, 100 - _OUTSIDE])
    return Interval(low=float(low), high=float(high))
