"""The records of an evaluation: what is asked, what was answered, and how right it is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from qwen_audio.data.manifest import AudioReference

Number = int | float
TRANSCRIPTS = ("ASR", "SRWT-en")  # names of tasks


class Ratio(NamedTuple):
    """One answer's share in a measure; a measure's value is all parts over all wholes.

    A correct answer is (1, 1); an answer with two errors in ten words is (2, 10).
    """

    part: Number
    whole: Number


def value_of(ratios: Iterable[Ratio]) -> float | None:
    """Return the value of a measure over many answers, or `None` if there is nothing to measure.

    >>> value_of([Ratio(2, 10), Ratio(0, 10)])
    0.1
    """
    listed = list(ratios)
    whole = sum(ratio.whole for ratio in listed)
    return sum(ratio.part for ratio in listed) / whole if whole else None


# From the reference, the reply as the model gave it (tags included) and the language of the clip.
Scorer = Callable[[str, str, str | None], Ratio]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What is counted in an answer.

    Attributes:
        name: such as "WER".
        score: gives one answer's share.
        unit: "%" or "ms".
        is_error: whether less is better.
    """

    name: str
    score: Scorer
    unit: str = "%"
    is_error: bool = False


@dataclass(frozen=True, kw_only=True)
class Question:
    """One clip under one prompt, and what is right.

    Attributes:
        ability: what it measures.
        key: names the question within its ability.
        dataset: the set that the clip is from.
        part: the group whose own result is shown, such as a language.
        task: the name of the task that it puts.
        audio: where the clip is.
        duration_s: how long it is.
        tags: the prompt after the clip.
        opening: the first tokens of the reply, which the prompt gives.
        reference: the right reply, or what it has to name.
        language: of the clip's speech.
        max_new_tokens: where a reply is cut; one that is longer is wrong anyway.
    """

    ability: str
    key: str
    dataset: str
    part: str
    task: str
    audio: AudioReference
    duration_s: Number
    tags: str
    opening: str = ""
    reference: str
    language: str | None = None
    max_new_tokens: int = 32

    @property
    def prompt(self) -> str:
        """The text after the clip."""
        return self.tags + self.opening

    @property
    def is_transcript(self) -> bool:
        """Whether all that is said shall be written down, so that a loop in it is no answer."""
        return self.task in TRANSCRIPTS


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A reply, with all that is needed to judge it again.

    Attributes:
        ability: what it measures.
        key: names the question within its ability.
        dataset: the set that the clip is from.
        part: the group whose own result is shown.
        prompt: what was asked.
        reference: what would be right.
        reply: what the model answered, tags included.
        scores: name of a measure and this answer's share in it.
    """

    ability: str
    key: str
    dataset: str
    part: str
    prompt: str
    reference: str
    reply: str
    scores: tuple[tuple[str, Ratio], ...]
