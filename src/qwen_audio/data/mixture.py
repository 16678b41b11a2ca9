"""Which clip comes next, and under which task: a seeded mixture that can stop and go on anywhere.

Tasks have weights; within a task, sets share by their size to the power of a temperature. Clips of
like duration come together, so that little of a batch is padding.
"""

import bisect
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from qwen_audio.errors import DataError

# Upper ends of the duration buckets, in seconds.
BUCKETS_S = (2.0, 4.0, 6.0, 8.0, 11.0, 15.0, 20.0, 30.0)


class Pair(NamedTuple):
    """A data set under a task."""

    dataset: str
    task: str


class Draw(NamedTuple):
    """A clip, by its place in the records, and what to do with it."""

    index: int
    task: str


@dataclass(frozen=True, kw_only=True)
class MixtureWeights:
    """How much of each task and set a run sees.

    Attributes:
        tasks: Weight by task.
        other_tasks: Weight of a task that is not named.
        datasets: Weight by data set, 1 where it is not named.
        temperature: 1 takes sets by their size, 0 takes them equally.
    """

    tasks: Mapping[str, float] = field(default_factory=dict)
    other_tasks: float = 1.0
    datasets: Mapping[str, float] = field(default_factory=dict)
    temperature: float = 0.5

    def __post_init__(self) -> None:
        weights = (*self.tasks.values(), *self.datasets.values(), self.other_tasks)
        if min(weights) < 0 or not 0 <= self.temperature <= 1:
            raise DataError(
                f"weights must not be negative and the temperature is 0 to 1, got {self}; correct "
                "the mixture"
            )


def shares(counts: Mapping[Pair, int], weights: MixtureWeights) -> dict[Pair, float]:
    """Return which part of the examples each pair gives; they add up to 1.

    >>> counts = {Pair("a", "ASR"): 900, Pair("b", "ASR"): 100, Pair("b", "LID"): 100}
    >>> [round(share, 3) for share in shares(counts, MixtureWeights()).values()]
    [0.375, 0.125, 0.5]

    Raises:
        DataError: Nothing is left to draw from.
    """
    within = {
        pair: weights.datasets.get(pair.dataset, 1.0) * count**weights.temperature
        for pair, count in counts.items()
        if count
    }
    of_task: dict[str, float] = defaultdict(float)
    for pair, weight in within.items():
        of_task[pair.task] += weight
    parts = {
        pair: weights.tasks.get(pair.task, weights.other_tasks) * weight / of_task[pair.task]
        for pair, weight in within.items()
        if of_task[pair.task]
    }
    total = sum(parts.values())
    if not total:
        raise DataError("the mixture is empty: no clip has a task with a weight above 0")
    return {pair: part / total for pair, part in parts.items() if part}


class Mixture:
    """Batches without end. The same arguments and state give the same batches.

    Within a pair every clip comes once before any comes again.
    """

    def __init__(
        self,
        durations_s: Sequence[float],
        members: Mapping[Pair, Sequence[int]],
        *,
        weights: MixtureWeights,
        batch_s: float,
        seed: int,
    ) -> None:
        """Prepare to draw.

        Args:
            durations_s: The duration of each record.
            members: The places of the records that each pair holds.
            weights: How much of each.
            batch_s: Seconds of audio in a batch, padding counted.
            seed: Chooses everything that is random.
        """
        self.durations_s = durations_s
        self.members = {pair: tuple(members[pair]) for pair in sorted(members)}
        counts = {pair: len(indices) for pair, indices in self.members.items()}
        self.shares = shares(counts, weights)
        self.batch_s = batch_s
        self.seed = seed
        self.num_draws = 0
        self._taken: dict[Pair, int] = dict.fromkeys(self.shares, 0)
        self._waiting: list[list[Draw]] = [[] for _ in BUCKETS_S]
        self._padded_s = 0.0
        self._batched_s = 0.0

    def __iter__(self) -> Iterator[tuple[Draw, ...]]:
        """Yield batches; the state after each is that from which the next one follows."""
        while True:
            yield self.next_batch()

    @property
    def padding_share(self) -> float:
        """Which part of the seconds in the batches so far is padding."""
        return 1 - self._batched_s / self._padded_s if self._padded_s else 0.0

    def next_batch(self) -> tuple[Draw, ...]:
        """Return the next batch: its longest clip times its size stays within the budget."""
        while True:
            draw = self._draw()
            duration_s = self.durations_s[draw.index]
            place = min(bisect.bisect_left(BUCKETS_S, duration_s), len(BUCKETS_S) - 1)
            waiting = self._waiting[place]
            longest_s = max((self.durations_s[each.index] for each in waiting), default=0.0)
            if waiting and (len(waiting) + 1) * max(longest_s, duration_s) > self.batch_s:
                self._waiting[place] = [draw]
                self._padded_s += len(waiting) * longest_s
                self._batched_s += sum(self.durations_s[each.index] for each in waiting)
                return tuple(waiting)
            waiting.append(draw)

    def state_dict(self) -> dict[str, Any]:
        """Return the position as plain values for a checkpoint."""
        return {
            "seed": self.seed,
            "num_draws": self.num_draws,
            "taken": [[*pair, count] for pair, count in self._taken.items()],
            "waiting": [[list(draw) for draw in draws] for draws in self._waiting],
            "seconds": [self._padded_s, self._batched_s],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a position.

        Raises:
            DataError: The position is of another mixture.
        """
        taken = {Pair(dataset, task): count for dataset, task, count in state["taken"]}
        if state["seed"] != self.seed or taken.keys() != self._taken.keys():
            raise DataError(
                "the saved position is of another mixture (seed, sets or tasks differ); start the "
                "data anew, or resume with the recipe of the run"
            )
        self.num_draws = state["num_draws"]
        self._taken = taken
        self._waiting = [[Draw(*draw) for draw in draws] for draws in state["waiting"]]
        self._padded_s, self._batched_s = state["seconds"]

    def _draw(self) -> Draw:
        rng = random.Random(f"{self.seed}/{self.num_draws}")
        pair = rng.choices(list(self.shares), weights=list(self.shares.values()))[0]
        epoch, step = divmod(self._taken[pair], len(self.members[pair]))
        self._taken[pair] += 1
        self.num_draws += 1
        name = f"{self.seed}/{pair.dataset}/{pair.task}/{epoch}"
        order = _shuffled(name, len(self.members[pair]))
        return Draw(self.members[pair][order[step]], pair.task)


@lru_cache(maxsize=4096)
def _shuffled(name: str, size: int) -> tuple[int, ...]:
    """Return the order of one epoch of one pair, a function of its name alone."""
    order = list(range(size))
    random.Random(name).shuffle(order)
    return tuple(order)
