"""Makes the plan of a run: which samples of which benchmarks, and what this listener is asked."""

from collections.abc import Sequence
from pathlib import Path

from qwen_audio.errors import EvaluationError
from qwen_audio.evaluation.benchmarks.opening import (
    absent_samples,
    samples_of,
    version_of,
    with_audio,
)
from qwen_audio.evaluation.benchmarks.records import Benchmark
from qwen_audio.evaluation.peers.judge import Judge
from qwen_audio.evaluation.peers.limits import POLICY
from qwen_audio.evaluation.peers.records import Asked, Listener
from qwen_audio.evaluation.running.records import Plan
from qwen_audio.evaluation.spreading import spread

_NO_JUDGE = "its open answers need a judge; give one with --judge URL#MODEL"


def make_plan(
    benchmarks: Sequence[Benchmark],
    data: Path,
    *,
    listener: Listener,
    limit: int | None = None,
    is_partial: bool = False,
    judge: Judge | None = None,
) -> Plan:
    """Return everything that a listener is asked.

    Args:
        benchmarks: which.
        data: the folder of the corpora, or a manifest.
        listener: who is asked.
        limit: at most so many samples of each, spread over it.
        is_partial: whether samples without audio may be left out.
        judge: who rates open answers; without one, benchmarks that need it are not run.

    Raises:
        EvaluationError: a corpus or audio is missing, or nothing can be put to the listener.
    """
    asked: list[Asked] = []
    missing, sizes = {}, {}
    refused = {
        b.name: why
        for b in benchmarks
        if (why := listener.refuses(b) or ("" if judge or not b.is_judged else _NO_JUDGE))
    }
    for benchmark in benchmarks:
        if benchmark.name in refused:
            continue
        named = samples_of(benchmark, data)
        absent = absent_samples(benchmark, data, named, is_partial=is_partial)
        samples, gone = with_audio(benchmark, named, is_partial=is_partial)
        chosen = spread(samples, limit)
        sizes[benchmark.name] = {
            "version": version_of(benchmark, data),
            "samples": len(chosen),
            "of": len(named) + absent,
            "missing": len(gone) + absent,
        }
        if gone:
            missing[benchmark.name] = tuple(gone)
        asked += [
            Asked(benchmark=benchmark, sample=s, prompt=listener.prompt(benchmark, s))
            for s in chosen
        ]
    if not asked:
        reasons = "; ".join(f"{name}: {why}" for name, why in refused.items())
        raise EvaluationError(f"{listener.name} can be asked nothing ({reasons})")
    settings = {
        "name": listener.name,
        "listener": dict(listener.identity),
        "prompt": listener.style,
        "data": str(data.resolve()),
        "limit": limit,
        "replies": POLICY,
        "benchmarks": sizes,
        "not run": refused,
    }
    if judge and any(a.benchmark.is_judged for a in asked):
        settings["judge"] = dict(judge.identity)
    return Plan(
        asked=tuple(asked), missing=missing, refused=refused, settings=settings, judge=judge
    )
