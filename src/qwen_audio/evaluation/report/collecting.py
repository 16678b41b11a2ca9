"""Reads finished runs, and lays them side by side with each other and with published numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_audio.data.manifest import AudioReference
from qwen_audio.evaluation.benchmarks.records import Benchmark
from qwen_audio.evaluation.benchmarks.registry import BENCHMARKS
from qwen_audio.evaluation.metrics.records import Metric
from qwen_audio.evaluation.metrics.resampling import Difference, compare
from qwen_audio.evaluation.metrics.table import METRICS
from qwen_audio.evaluation.report.published import Published, published_for
from qwen_audio.evaluation.running.log import read_answers, read_settings
from qwen_audio.evaluation.running.records import Answered
from qwen_audio.evaluation.running.results import Result, by_benchmark, kept_counts, results_of


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run.

    Attributes:
        label: names it in the report; no two runs have the same.
        settings: what it was asked for.
        answers: by benchmark, in the order of the plan.
        results: by benchmark and metric.
    """

    label: str
    settings: Mapping[str, Any]
    answers: Mapping[str, Sequence[Answered]]
    results: Mapping[tuple[str, str], Result]

    def audio_of(self, answer: Answered) -> AudioReference:
        """Return where the clip of an answer is."""
        path = Path(self.settings["data"]) / answer.audio["path"]
        return AudioReference(**{**answer.audio, "path": path})


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the comparison: one metric of one benchmark.

    Attributes:
        benchmark: which.
        metric: which.
        is_first: whether it is the benchmark's first metric.
        results: of each run; `None` where it was not asked.
        differences: of each run from the first; `None` for the first itself, or nothing in common.
        published: what others published.
    """

    benchmark: Benchmark
    metric: Metric
    is_first: bool
    results: tuple[Result | None, ...]
    differences: tuple[Difference | None, ...]
    published: tuple[Published, ...]


def load_run(folder: Path, *, label: str = "") -> Run:
    """Return a finished run.

    Raises:
        EvaluationError: the folder holds no run, or one that is not finished.
    """
    settings = read_settings(folder)
    answers = read_answers(folder)
    return Run(
        label=label or _label(settings),
        settings=settings,
        answers=by_benchmark(answers),
        results={(r.benchmark, r.metric): r for r in results_of(answers)},
    )


def _label(settings: Mapping[str, Any]) -> str:
    style = settings["prompt"]
    return f"{settings['name']} ({style})" if style else str(settings["name"])


def load_runs(folders: Sequence[Path]) -> list[Run]:
    """Return finished runs, each under a label of its own."""
    runs = [load_run(folder) for folder in folders]
    labels = [run.label for run in runs]
    return [
        run if labels.count(run.label) == 1 else load_run(folder, label=f"{run.label} {place + 1}")
        for place, (run, folder) in enumerate(zip(runs, folders, strict=True))
    ]


def compare_runs(runs: Sequence[Run]) -> list[Row]:
    """Return every metric of every benchmark that some run has, in the order of the table."""
    asked = {name for run in runs for name in run.answers}
    return [
        Row(
            benchmark=benchmark,
            metric=METRICS[name],
            is_first=place == 0,
            results=tuple(run.results.get((benchmark.name, name)) for run in runs),
            differences=tuple(_difference(runs[0], run, benchmark.name, name) for run in runs),
            published=published_for(benchmark.name, name),
        )
        for benchmark in BENCHMARKS.values()
        if benchmark.name in asked
        for place, name in enumerate(benchmark.metrics)
    ]


def _difference(first: Run, run: Run, benchmark: str, name: str) -> Difference | None:
    """Return how a run differs from the first on the samples that both answered."""
    if run is first:
        return None
    mine = {answer.key: answer for answer in first.answers.get(benchmark, ())}
    theirs = {answer.key: answer for answer in run.answers.get(benchmark, ())}
    keys = [key for key in mine if key in theirs]
    metric = METRICS[name]
    one, other = (kept_counts(metric, [side[key] for key in keys]) for side in (mine, theirs))
    return None if one is None or other is None else compare(metric, one, other)
