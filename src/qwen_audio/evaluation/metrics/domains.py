"""Means of means: each task of a domain counts alike, and each domain, whatever their sizes."""

from collections.abc import Mapping

import numpy as np

from qwen_audio.evaluation.metrics.records import Sums, Values

Domains = Mapping[str, tuple[str, ...]]


def placed(part: str, amount: float | int, of: int, *, domains: Domains) -> list[float]:
    """Return an amount and what it is out of, in the columns of its task.

    >>> placed("b", 1, 1, domains={"x": ("a",), "y": ("b",)})
    [0.0, 1.0, 0.0, 1.0]
    """
    tasks = _tasks(domains)
    counts = [0.0] * (2 * len(tasks))
    if part in tasks:
        counts[tasks.index(part)] = float(amount)
        counts[len(tasks) + tasks.index(part)] = float(of)
    return counts


def mean_of_domains(sums: Sums, *, domains: Domains) -> Values:
    """Return the mean over domains of the mean over their tasks; what has no sample is left out."""
    amounts, wholes = np.split(sums, 2, axis=-1)  # each (..., tasks)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(wholes > 0, amounts / wholes, np.nan)
    columns, start = [], 0
    for tasks in domains.values():
        columns.append(_known_mean(shares[..., start : start + len(tasks)]))
        start += len(tasks)
    return _known_mean(np.stack(columns, axis=-1))


def _tasks(domains: Domains) -> list[str]:
    return [task for tasks in domains.values() for task in tasks]


def _known_mean(values: Values) -> Values:
    known = ~np.isnan(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=-1) / known.sum(axis=-1))
