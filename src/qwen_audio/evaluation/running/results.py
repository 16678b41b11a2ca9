"""The results of a run: the value of each metric of each benchmark, and how sure it is."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from qwen_audio.evaluation.benchmarks.registry import find_benchmarks
from qwen_audio.evaluation.metrics.records import Counts, Metric
from qwen_audio.evaluation.metrics.resampling import Interval, interval
from qwen_audio.evaluation.metrics.table import METRICS
from qwen_audio.evaluation.rows import replace_text
from qwen_audio.evaluation.running.records import Answered

RESULTS = "results.json"
_DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class Result:
    """One metric of one benchmark.

    Attributes:
        benchmark: its name.
        metric: its name.
        value: the metric, NaN if it could not be computed.
        interval: 95 %, by bootstrap.
        samples: over how many.
        lacks: what is missing for it on this machine, or nothing.
        parts: the value for each group of samples, where there are several.
    """

    benchmark: str
    metric: str
    value: float
    interval: Interval
    samples: int
    lacks: str = ""
    parts: tuple[tuple[str, float, int], ...] = ()


def by_benchmark(answers: Iterable[Answered]) -> dict[str, list[Answered]]:
    """Return the answers of each benchmark, in their order."""
    groups: dict[str, list[Answered]] = defaultdict(list)
    for answer in answers:
        groups[answer.benchmark].append(answer)
    return groups


def scored(answers: Sequence[Answered]) -> list[Answered]:
    """Return the answers with what each adds to the metrics of its benchmark."""
    done: dict[tuple[str, str], Answered] = {}
    for name, group in by_benchmark(answers).items():
        found = {m.name: counts_of(m, group) for m in metrics_of(name) if not m.lacks()}
        for place, answer in enumerate(group):
            score = {
                metric: tuple(round(float(number), _DIGITS) for number in counts[place])
                for metric, counts in found.items()
            }
            done[answer.place] = replace(answer, score=score)
    return [done[answer.place] for answer in answers]


def metrics_of(benchmark: str) -> list[Metric]:
    """Return the metrics of a benchmark, the one that is compared first."""
    (found,) = find_benchmarks([benchmark])
    return [METRICS[name] for name in found.metrics]


def counts_of(metric: Metric, answers: Sequence[Answered]) -> Counts:
    """Return what each answer adds to a metric, counted anew."""
    return metric.counts([answer.exchange for answer in answers])


def kept_counts(metric: Metric, answers: Sequence[Answered]) -> Counts | None:
    """Return what each answer adds to a metric as the log has it, or `None`."""
    if not answers or any(metric.name not in answer.score for answer in answers):
        return None
    return np.array([answer.score[metric.name] for answer in answers], dtype=float)


def results_of(answers: Sequence[Answered]) -> list[Result]:
    """Return every metric of every benchmark, from scored answers."""
    return [
        _result(name, metric, group)
        for name, group in by_benchmark(answers).items()
        for metric in metrics_of(name)
    ]


def _result(benchmark: str, metric: Metric, answers: Sequence[Answered]) -> Result:
    counts = kept_counts(metric, answers)
    if counts is None:
        unknown = Interval(low=math.nan, high=math.nan)
        return Result(
            benchmark=benchmark,
            metric=metric.name,
            value=math.nan,
            interval=unknown,
            samples=len(answers),
            lacks=metric.lacks() or "was not computed when the run was scored",
        )
    return Result(
        benchmark=benchmark,
        metric=metric.name,
        value=metric.value(counts),
        interval=interval(metric, counts),
        samples=len(answers),
        parts=_parts(metric, counts, [answer.part for answer in answers]),
    )


def _parts(
    metric: Metric, counts: Counts, names: Sequence[str]
) -> tuple[tuple[str, float, int], ...]:
    known = sorted(set(names))
    if len(known) < 2:
        return ()
    of = np.array(names)
    return tuple(
        (name, metric.value(counts[of == name]), int((of == name).sum())) for name in known
    )


def write_results(folder: Path, answers: Sequence[Answered]) -> None:
    """Write the results of a run as JSON; the same answers give the same bytes."""
    content = [result_to_json(result) for result in results_of(answers)]
    replace_text(folder / RESULTS, json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def result_to_json(result: Result) -> dict[str, Any]:
    """Return a result as JSON has it; what is not known is null."""
    return {
        "benchmark": result.benchmark,
        "metric": result.metric,
        "value": known(result.value),
        "low": known(result.interval.low),
        "high": known(result.interval.high),
        "samples": result.samples,
        "lacks": result.lacks,
        "parts": {name: [known(value), size] for name, value, size in result.parts},
    }


def known(value: float) -> float | None:
    """Return a number rounded, or `None` for NaN."""
    return None if math.isnan(value) else round(value, _DIGITS)
