"""What was cut of a run's transcripts, and what the metric would be with their loops counted."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from qwen_audio.evaluation.metrics.records import Metric
from qwen_audio.evaluation.report.collecting import Run
from qwen_audio.evaluation.running.records import Answered
from qwen_audio.evaluation.running.results import counts_of, kept_counts, metrics_of


def cut_notes(run: Run) -> Iterator[str]:
    """Yield a sentence for each benchmark some of whose answers were cut in a loop."""
    for name, answers in run.answers.items():
        loops = [place for place, answer in enumerate(answers) if answer.counted is not None]
        if not loops:
            continue
        cut = sum(answer.is_cut for answer in answers)
        metric = metrics_of(name)[0]
        yield (
            f"{run.label}: {cut} of {len(answers)} answers of {name} were cut at their limit, "
            f"{len(loops)} of them in a loop that is counted once; counted in full, {metric.title} "
            f"is {metric.shown(_in_full(metric, answers, loops))}."
        )


def _in_full(metric: Metric, answers: Sequence[Answered], loops: Sequence[int]) -> float:
    counts = kept_counts(metric, answers)
    if counts is None:
        return float("nan")
    whole = counts.copy()
    whole[loops] = counts_of(metric, [replace(answers[place], counted=None) for place in loops])
    return metric.value(whole)
