"""The records of a run: its plan, and an answer as the log has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qwen_audio.evaluation.metrics.records import Exchange
from qwen_audio.evaluation.peers.judge import Judge
from qwen_audio.evaluation.peers.records import Asked

Place = tuple[str, str]  # a benchmark's name and a sample's key


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that one listener is asked.

    Attributes:
        asked: the questions, benchmark after benchmark.
        missing: files whose audio is not there, by benchmark; for a partial score.
        refused: why a benchmark is not run, by its name.
        settings: what the run was asked for, as `run.json` has it.
        judge: who rates open answers, if somebody does.
    """

    asked: tuple[Asked, ...]
    missing: Mapping[str, tuple[str, ...]]
    refused: Mapping[str, str]
    settings: Mapping[str, Any]
    judge: Judge | None = None


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A raw answer, with all that is needed to score it again.

    Attributes:
        benchmark: name of the benchmark.
        key: names the sample within it.
        audio: where the clip is, below the data folder if it lies there.
        seconds: how long the clip is that was heard.
        language: of the reply's text.
        part: the sample's group.
        references: the right answers.
        choices: what was chosen from.
        prompt: what was asked.
        reply: what was answered, tags included, up to its limit.
        is_cut: whether it was cut there.
        counted: what of it is scored, where that is not all; see `peers.limits`.
        ratings: what a judge said of it, in its own words.
        score: name of a metric and the numbers that this answer adds to it.
    """

    benchmark: str
    key: str
    audio: Mapping[str, Any]
    seconds: float
    language: str | None
    part: str
    references: tuple[str, ...]
    choices: tuple[str, ...]
    prompt: str
    reply: str
    is_cut: bool = False
    counted: str | None = None
    ratings: tuple[str, ...] = ()
    score: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """Names the answer within the run."""
        return self.benchmark, self.key

    @property
    def exchange(self) -> Exchange:
        """What a metric judges."""
        return Exchange(
            references=self.references,
            reply=self.reply if self.counted is None else self.counted,
            language=self.language,
            choices=self.choices,
            part=self.part,
            ratings=self.ratings,
        )


def answered_to_json(answer: Answered) -> dict[str, Any]:
    """Return an answer as a line of the log."""
    return {
        name: value
        for name, value in vars(answer).items()
        if name in NEEDED or value not in _UNSAID
    }


def answered_from_json(row: Mapping[str, Any]) -> Answered:
    """Return the answer in a line of the log."""
    return Answered(
        **{
            **row,
            "references": tuple(row["references"]),
            "choices": tuple(row["choices"]),
            "ratings": tuple(row.get("ratings", ())),
            "score": {name: tuple(numbers) for name, numbers in row.get("score", {}).items()},
        }
    )


_UNSAID = (False, None, {}, ())
NEEDED = frozenset(Answered.__dataclass_fields__) - {
    "score",
    "is_cut",
    "counted",
    "ratings",
}
"""The keys of a whole line."""
