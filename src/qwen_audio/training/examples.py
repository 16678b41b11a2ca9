"""Which examples a run sees, in which order: drawn from the mixture, varied, rendered to ids.

A chunk of examples is a function of the seed and the chunk's number alone, so that any number of
workers gives the same run and a run resumes anywhere. Within a task and set clips come without
repetition until all were seen.
"""

import pickle
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from qwen_audio.audio.lengths import MAX_SECONDS, SAMPLE_RATE
from qwen_audio.audio.sources import Clip
from qwen_audio.data.batches import Batch, Example, Piece, PlannedClip, bucket, collate
from qwen_audio.data.mixture import MixtureWeights, Source, draws, sources
from qwen_audio.tasks.dialogues import Heard, build_dialogue
from qwen_audio.tasks.labels import Labels, at_speed
from qwen_audio.tasks.registry import find_task, narrowed
from qwen_audio.text.prompt import Prompt, render_chat, render_tagged
from qwen_audio.training.catalog import LabelledClip, joined, speed_limits
from qwen_audio.training.recipe import Recipe

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

READING = "reading"  # stage 0: the projected frames should read like the transcript
DIALOGUE = "dialogue"
# How much of `join_share` a task gets: joined clips keep only what is true of all of them.
JOINABLE = {"ASR": 1.0, "SRWT-en": 1.0, "SRWT-zh": 1.0, READING: 1.0, DIALOGUE: 0.3}
# How many clips a dialogue is about, and how often.
DIALOGUE_CLIPS = ((0, 0.08), (1, 0.6), (2, 0.26), (3, 0.06))
DIALOGUE_MOST_S = 45.0  # of audio in one dialogue
_JOIN_UNDER_S = 14.0  # longer clips stay alone
_LONGEST_S = MAX_SECONDS - 0.1


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a run is in its data: the chunk, and how many of its batches are used."""

    chunk: int = 0
    used: int = 0


@dataclass(frozen=True)
class ExampleMaker:
    """Draws and renders the examples of a run."""

    clips: tuple[LabelledClip, ...]
    tokenizer: "PreTrainedTokenizerFast"
    recipe: Recipe
    choices: Mapping[int, int]  # token id -> place among the CTC choices (0 is the blank)
    pool: int = 2

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The mixture: one source for each task and set."""
        return mixture(self.clips, self.recipe)

    @cached_property
    def dialogue_sources(self) -> tuple[Source, ...]:
        """The part of the mixture that is dialogues."""
        return tuple(source for source in self.sources if source.task == DIALOGUE)

    @cached_property
    def voices(self) -> Mapping[Any, tuple[int, ...]]:
        """Which clips are of one set, language and speaker."""
        groups = defaultdict(list)
        for index, clip in enumerate(self.clips):
            if clip.word_ids and clip.stored.duration_s < _JOIN_UNDER_S:
                groups[clip.voice].append(index)
        return {voice: tuple(members) for voice, members in groups.items()}

    def chunk(self, number: int) -> list[Example]:
        """Return the examples of one chunk."""
        made = []
        seed, size = self.recipe.seed, self.recipe.batch.chunk
        for source, index, place in draws(self.sources, number, size=size, seed=seed):
            random = Random(f"{seed}/{number}/{source.task}/{source.dataset}/{place}")
            example = self.example(source.task, index, random)
            if example is not None:
                made.append(example)
        return made

    def batches(self, number: int) -> list[Batch]:
        """Return the batches of one chunk."""
        batch = self.recipe.batch
        random = Random(f"{self.recipe.seed}/{number}/order")
        buckets = bucket(
            self.chunk(number), seconds=batch.seconds, max_rows=batch.max_rows, random=random
        )
        return [collate(examples) for examples in buckets]

    def example(self, task: str, index: int, random: Random) -> Example | None:
        """Return one clip (or several, joined) under one task, varied by `random`."""
        if task == DIALOGUE:
            return self._dialogue(index, random)
        key, clip, labels = self._varied(task, index, random)
        if task == READING:
            return Example(key=key, task=task, clips=(clip,))
        prompt = self._prompt(task, narrowed(labels, random), clip)
        if prompt is None:
            return None
        return Example(
            key=key, task=task, ids=prompt.ids, is_learnt=prompt.is_learnt, clips=(clip,)
        )

    def _varied(self, task: str, index: int, random: Random) -> tuple[str, PlannedClip, Labels]:
        """Return a clip's name, its pieces and its labels, at the speed that was drawn."""
        members, gaps = self._members(task, index, random)
        labels = joined(members, gaps) if len(members) > 1 else members[0].labels
        length_s = sum(gaps) + sum(clip.stored.duration_s for clip in members)
        speed = self._speed(labels, task, length_s, random)
        key = "+".join(f"{one.stored.dataset}/{one.stored.key}" for one in members)
        return key, self._planned(members, gaps, speed), at_speed(labels, speed)

    def _dialogue(self, index: int, random: Random) -> Example | None:
        """Return a conversation about a clip and perhaps others, or about none."""
        (wanted,) = random.choices(*zip(*DIALOGUE_CLIPS, strict=True))
        own = self.clips[index].stored.dataset
        chosen = [index] * min(wanted, 1)
        for _ in range(wanted - 1):
            # Half of the other clips come from the same set: two dogs, two speakers of a language.
            source = next(s for s in self.dialogue_sources if s.dataset == own)
            if random.random() < 0.5:
                source = random.choice(self.dialogue_sources)
            chosen.append(int(random.choice(source.clips)))
        drawn = [self._varied(DIALOGUE, one, random) for one in chosen]
        if sum(clip.num_samples for _, clip, _ in drawn) > DIALOGUE_MOST_S * SAMPLE_RATE:
            drawn = drawn[:1]
        heard = [Heard(silent_clip(clip.num_samples), labels) for _, clip, labels in drawn]
        messages = build_dialogue(heard, random)
        if not messages:
            return None
        prompt = render_chat(
            messages, tokenizer=self.tokenizer, add_generation_prompt=False, pool=self.pool
        ).prompt
        planned = {id(h.clip): clip for h, (_, clip, _) in zip(heard, drawn, strict=True)}
        return Example(
            key=" & ".join(key for key, _, _ in drawn) or DIALOGUE,
            task=DIALOGUE,
            ids=prompt.ids,
            is_learnt=prompt.is_learnt,
            clips=tuple(planned[id(clip)] for clip in prompt.clips),
        )

    def _prompt(self, name: str, labels: Labels, clip: PlannedClip) -> Prompt | None:
        task = find_task(name)
        target = task.render(labels)
        if target is None:
            return None
        return render_tagged(
            task.prompt(labels),
            (silent_clip(clip.num_samples),),
            tokenizer=self.tokenizer,
            target=target,
            pool=self.pool,
        )

    def _members(
        self, task: str, index: int, random: Random
    ) -> tuple[list[LabelledClip], list[float]]:
        """Return a clip, and at random others of the same voice to be joined to it, with gaps."""
        clip = self.clips[index]
        members, gaps = [clip], [0.0]
        others = self.voices.get(clip.voice, ())
        mixture = self.recipe.mixture
        can_join = task in JOINABLE and len(others) > 1 and clip.stored.duration_s < _JOIN_UNDER_S
        if not can_join or random.random() >= mixture.join_share * JOINABLE[task]:
            return members, gaps
        aim_s = random.uniform(6.0, mixture.join_max_s)
        total_s = clip.stored.duration_s
        while len(members) < 12:
            other = self.clips[random.choice(others)]
            gap_s = round(random.uniform(0.1, 0.6), 3)
            total_s += gap_s + other.stored.duration_s
            if total_s > aim_s or (bool(other.labels.words) != bool(clip.labels.words)):
                break
            members.append(other)
            gaps.append(gap_s)
        return members, gaps

    def _speed(self, labels: Labels, task: str, length_s: float, random: Random) -> float:
        augment = self.recipe.augment
        slow, fast = (augment.speed_min, augment.speed_max)
        if task != READING:
            slow, fast = speed_limits(labels, task, (slow, fast))
        slow = max(slow, length_s / _LONGEST_S)
        return round(random.uniform(slow, max(slow, fast)), 4)

    def _planned(
        self, members: Sequence[LabelledClip], gaps_s: Sequence[float], speed: float
    ) -> PlannedClip:
        pieces = tuple(
            Piece(
                start=clip.stored.start,
                num_samples=clip.stored.num_samples,
                speed=speed,
                gap=int(gap_s * SAMPLE_RATE / speed),
            )
            for clip, gap_s in zip(members, gaps_s, strict=True)
        )
        words = [i for clip in members for i in clip.word_ids]
        return PlannedClip(
            pieces=pieces,
            ctc_ids=tuple(self.choices[i] for i in (*members[0].name_ids, *words)),
            is_speech=all(clip.is_speech for clip in members),
        )


def mixture(clips: Sequence[LabelledClip], recipe: Recipe) -> tuple[Source, ...]:
    """Return the sources of a run, their shares adding up to one.

    Raises:
        DataError: the clips allow none of the tasks of the recipe.
    """
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, clip in enumerate(clips):
        for task in _drawn_as(clip, recipe):
            found[task][clip.stored.dataset].append(index)
    weights = recipe.mixture
    return sources(
        found,
        MixtureWeights(
            tasks=weights.tasks,
            other_tasks=weights.other,
            datasets=weights.datasets,
            temperature=weights.temperature,
            fixed={DIALOGUE: weights.dialogue_share},
        ),
    )


def _drawn_as(clip: LabelledClip, recipe: Recipe) -> tuple[str, ...]:
    """Return the tasks under which a clip can be drawn in a stage."""
    if recipe.stage == "align":
        return (READING,) if clip.ctc_ids else ()
    if recipe.mixture.dialogue_share and clip.tasks:
        return (*clip.tasks, DIALOGUE)
    return clip.tasks


def silent_clip(num_samples: int) -> Clip:
    """Return a clip of a length without memory for its samples: a renderer only asks how long."""
    return Clip(np.broadcast_to(np.float32(0.0), (num_samples,)))


class _Chunks(IterableDataset):
    """Chunks from a number on, shared out so that a loader gives them back in order."""

    def __init__(self, maker: ExampleMaker, first: int) -> None:
        self.maker, self.first = maker, first

    def __iter__(self) -> Iterator[bytes]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        torch.set_num_threads(1)
        number = self.first + worker
        while True:
            # As bytes: tensors sent one by one would each hold an open file until they are used.
            yield pickle.dumps(self.maker.batches(number))
            number += workers


def batches_from(
    maker: ExampleMaker, position: Position, *, workers: int
) -> Iterator[tuple[Batch, Position]]:
    """Yield batches without end from a position on, each with the position after it."""
    loader = DataLoader(
        _Chunks(maker, position.chunk),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=2 if workers else None,
        multiprocessing_context="fork" if workers else None,
        collate_fn=_unchanged,
    )
    used = position.used
    for offset, packed in enumerate(loader):
        batches = pickle.loads(packed)  # noqa: S301 - from our own worker
        for index in range(used, len(batches)):
            yield batches[index], Position(chunk=position.chunk + offset, used=index + 1)
        used = 0


def _unchanged(packed: bytes) -> bytes:
    return packed
