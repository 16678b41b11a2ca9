"""The one table of benchmarks, and the names under which they can be asked for."""

from collections.abc import Iterable

from qwen_audio.errors import EvaluationError, unknown_name
from qwen_audio.evaluation.benchmarks import mini, sound, speech
from qwen_audio.evaluation.benchmarks.records import Benchmark

PAPER = "paper"

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (*speech.BENCHMARKS, *sound.BENCHMARKS, *mini.BENCHMARKS)
}


def find_benchmarks(names: Iterable[str]) -> tuple[Benchmark, ...]:
    """Return benchmarks by name, by family ("librispeech"), or all of the paper ("paper").

    Each comes once, in the order of the table.

    Raises:
        EvaluationError: an unknown name.
    """
    asked = list(names)
    known = {PAPER, *BENCHMARKS, *(b.family for b in BENCHMARKS.values())}
    for name in asked:
        if name not in known:
            raise EvaluationError(unknown_name("benchmark", name, known))
    return tuple(
        benchmark
        for benchmark in BENCHMARKS.values()
        if {benchmark.name, benchmark.family} & {*asked} or (PAPER in asked and benchmark.in_paper)
    )
