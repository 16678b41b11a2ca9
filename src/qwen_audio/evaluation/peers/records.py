"""What is asked of a listener, and what it has to be able to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from qwen_audio.audio.sources import Clip
from qwen_audio.evaluation.benchmarks.prompts import NATURAL, TAGS
from qwen_audio.evaluation.benchmarks.records import Benchmark, Sample


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One question of a run.

    Attributes:
        benchmark: which it belongs to.
        sample: the clip and what is right.
        prompt: the text that this listener is given, beside the clip.
    """

    benchmark: Benchmark
    sample: Sample
    prompt: str


@dataclass(frozen=True, kw_only=True)
class Said:
    """A reply as it was given.

    Attributes:
        text: of the reply, tags included.
        is_cut: whether it was cut at its limit, and not ended by who gave it.
    """

    text: str
    is_cut: bool = False


@runtime_checkable
class Listener(Protocol):
    """Someone who hears a clip and answers.

    Attributes:
        name: for the tables.
        identity: what tells it from any other; a run goes on only with the same.
        style: how it is asked, "tags" or "natural"; nothing where it takes neither.
    """

    name: str
    style: str

    @property
    def identity(self) -> Mapping[str, str]:
        """What tells it from any other."""

    def refuses(self, benchmark: Benchmark) -> str:
        """Return why a benchmark cannot be put to it, or nothing."""

    def prompt(self, benchmark: Benchmark, sample: Sample) -> str:
        """Return the text that goes with a clip."""

    def answer(self, asked: Sequence[Asked], clips: Sequence[Clip]) -> list[Said]:
        """Return the reply to each question about its clip, cut at `limits.token_limit`."""


def written_prompt(benchmark: Benchmark, sample: Sample, *, style: str) -> str:
    """Return a benchmark's own prompt in one of the two styles."""
    if style == TAGS:
        return benchmark.tags(sample) + benchmark.opening
    return benchmark.natural(sample)


def refuses_in_words(benchmark: Benchmark, *, style: str) -> str:
    """Return why a benchmark cannot be put in words, or nothing."""
    if style == NATURAL and benchmark.opening:
        return "times of words are read from tags only"
    return ""
