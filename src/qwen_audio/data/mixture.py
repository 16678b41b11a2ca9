"""Which clip comes next, and under which task: exact shares, and a place for every draw.

Tasks have weights; within a task, sets share by their size to the power of a temperature. What is
drawn is a function of the seed and a chunk's number alone, so that a run resumes anywhere.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import NamedTuple

import numpy as np

from qwen_audio.errors import DataError

Members = Mapping[str, Mapping[str, Sequence[int]]]  # task -> set -> places of its clips


@dataclass(frozen=True, kw_only=True)
class MixtureWeights:
    """How much of each task and set a run sees.

    Attributes:
        tasks: Weight by task.
        other_tasks: Weight of a task that is not named.
        datasets: Weight by data set, 1 where it is not named.
        temperature: 1 takes sets by their size, 0 takes them equally.
        fixed: Tasks that get this share of all examples, whatever the weights of the others.
    """

    tasks: Mapping[str, float] = field(default_factory=dict)
    other_tasks: float = 1.0
    datasets: Mapping[str, float] = field(default_factory=dict)
    temperature: float = 0.5
    fixed: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shares = (*self.tasks.values(), *self.datasets.values(), *self.fixed.values())
        is_possible = min(*shares, self.other_tasks, 0) >= 0 and sum(self.fixed.values()) <= 1
        if not is_possible or not 0 <= self.temperature <= 1:
            raise DataError(
                f"weights must not be negative and the temperature is 0 to 1, got {self}; correct "
                "the mixture"
            )


@dataclass(frozen=True, kw_only=True)
class Source:
    """Clips of one set that allow one task, and the share of examples they get."""

    task: str
    dataset: str
    clips: np.ndarray
    share: float


class Draw(NamedTuple):
    """One example to make: its source, its clip, and how many the source gave before."""

    source: Source
    clip: int
    place: int


def sources(members: Members, weights: MixtureWeights) -> tuple[Source, ...]:
    """Return the sources of a mixture, their shares adding up to one.

    >>> found = {"ASR": {"a": range(900), "b": range(100)}, "LID": {"b": range(100)}}
    >>> [(s.task, s.dataset, s.share) for s in sources(found, MixtureWeights())]
    [('ASR', 'a', 0.375), ('ASR', 'b', 0.125), ('LID', 'b', 0.5)]

    Raises:
        DataError: Nothing is left to draw from.
    """
    of_task = _task_shares(members, weights)
    made = []
    for task, sets in sorted(members.items()):
        within = {
            dataset: weights.datasets.get(dataset, 1.0) * len(clips) ** weights.temperature
            for dataset, clips in sets.items()
        }
        total = sum(within.values()) or 1.0
        for dataset, clips in sorted(sets.items()):
            share = of_task[task] * within[dataset] / total
            source = Source(task=task, dataset=dataset, clips=np.asarray(clips), share=share)
            made += [source] if share > 0 else []
    if not made:
        raise DataError(
            "the mixture is empty: no clip has labels for a task with a weight above 0; check "
            "shards and weights"
        )
    return tuple(made)


def draws(mixture: Sequence[Source], chunk: int, *, size: int, seed: int) -> Iterator[Draw]:
    """Yield the draws of a chunk of about `size` examples.

    Over all chunks each source gives its share to within one example; its clips come without
    repetition until all were seen.
    """
    for source in mixture:
        first = math.floor(source.share * size * chunk)
        for place in range(first, math.floor(source.share * size * (chunk + 1))):
            epoch, step = divmod(place, len(source.clips))
            order = _shuffled(f"{seed}/{source.task}/{source.dataset}/{epoch}", len(source.clips))
            yield Draw(source, int(source.clips[order[step]]), place)


def _task_shares(members: Members, weights: MixtureWeights) -> dict[str, float]:
    """Return which share of the examples each task gets."""
    fixed = {task: share for task, share in weights.fixed.items() if task in members}
    free = {
        task: weights.tasks.get(task, weights.other_tasks) for task in members if task not in fixed
    }
    total = sum(free.values()) or 1.0
    rest = 1 - sum(fixed.values())
    return {task: rest * weight / total for task, weight in free.items()} | fixed


@lru_cache(maxsize=4096)
def _shuffled(name: str, size: int) -> np.ndarray:
    """Return the order of one epoch of one source, a function of its name alone."""
    order = list(range(size))
    Random(name).shuffle(order)
    return np.asarray(order)
