"""From rendered examples to batches: buckets of similar length, and the tensors of a step.

An example names the stretches of stored sound it is made of (`Piece`); the samples themselves are
gathered on the training device (`data/augment.py`), so what travels from the workers is small.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from random import Random

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from qwen_audio.audio.lengths import SAMPLE_RATE, token_seconds

IGNORED = -100


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A stretch of stored sound, played `speed` times as fast, after `gap` samples of silence."""

    start: int
    num_samples: int
    speed: float = 1.0
    gap: int = 0

    @property
    def played(self) -> int:
        """How many samples it has when played."""
        return int(self.num_samples / self.speed)


@dataclass(frozen=True, kw_only=True)
class PlannedClip:
    """One clip of a prompt: its pieces, and the CTC targets of what is said (empty: unknown)."""

    pieces: tuple[Piece, ...]
    ctc_ids: tuple[int, ...] = ()
    is_speech: bool = False

    @property
    def num_samples(self) -> int:
        """How many samples the clip has."""
        return sum(piece.gap + piece.played for piece in self.pieces)


@dataclass(frozen=True, kw_only=True)
class Example:
    """A prompt and what is learnt of it; `ids` is empty where only the audio side learns."""

    key: str
    task: str
    ids: tuple[int, ...] = ()
    is_learnt: tuple[bool, ...] = ()
    clips: tuple[PlannedClip, ...] = ()

    @property
    def seconds(self) -> float:
        """What the example costs: seconds of audio, text counted like audio tokens."""
        audio = sum(clip.num_samples for clip in self.clips) / SAMPLE_RATE
        return max(audio, len(self.ids) * token_seconds())


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The tensors of one forward pass. Positions are flat: row times length plus place.

    Rows are padded on the right. `learnt_from` are the positions that predict `learnt_ids`, one of
    row `learnt_row` each; clips come in reading order; pieces say which samples fill them.
    """

    input_ids: Int[Tensor, "rows length"]
    learnt_from: Int[Tensor, " learnt"]
    learnt_ids: Int[Tensor, " learnt"]
    learnt_row: Int[Tensor, " learnt"]
    num_samples: Int[Tensor, " clips"]
    is_speech: Bool[Tensor, " clips"]
    ctc_ids: Int[Tensor, " characters"]
    ctc_lengths: Int[Tensor, " clips"]
    piece_target: Int[Tensor, " pieces"]
    piece_source: Int[Tensor, " pieces"]
    piece_length: Int[Tensor, " pieces"]
    piece_available: Int[Tensor, " pieces"]
    piece_speed: Float[Tensor, " pieces"]
    width: int  # samples of the longest clip
    keys: tuple[str, ...]
    tasks: tuple[str, ...]

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        moved = {
            f.name: value.to(device, non_blocking=True)
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), Tensor)
        }
        return replace(self, **moved)

    @property
    def seconds(self) -> float:
        """Seconds of audio, padding not counted."""
        return float(self.num_samples.sum()) / SAMPLE_RATE

    @property
    def padded_seconds(self) -> float:
        """Seconds of audio, every clip counted as long as the longest."""
        return len(self.num_samples) * self.width / SAMPLE_RATE

    @property
    def num_tokens(self) -> int:
        """Positions that the decoder sees, padding counted."""
        return self.input_ids.numel()


def bucket(
    examples: Sequence[Example], *, seconds: float, max_rows: int, random: Random
) -> Iterator[list[Example]]:
    """Yield batches of examples of similar length, in random order.

    A batch's longest example times its rows stays within `seconds` (one row always fits).
    """
    batches: list[list[Example]] = []
    current: list[Example] = []
    for example in sorted(examples, key=lambda e: (-e.seconds, e.key)):  # longest first
        longest = current[0].seconds if current else example.seconds
        if current and ((len(current) + 1) * longest > seconds or len(current) >= max_rows):
            batches.append(current)
            current = []
        current.append(example)
    if current:
        batches.append(current)
    random.shuffle(batches)
    yield from batches


def collate(examples: Sequence[Example]) -> Batch:
    """Return the tensors of a batch of examples."""
    clips = [clip for example in examples for clip in example.clips]
    width = max((clip.num_samples for clip in clips), default=0)
    return Batch(
        **_text_tensors([e for e in examples if e.ids]),
        **_piece_tensors(clips, width),
        num_samples=_ints([clip.num_samples for clip in clips]),
        is_speech=torch.tensor([clip.is_speech for clip in clips], dtype=torch.bool),
        ctc_ids=_ints([i for clip in clips for i in clip.ctc_ids]),
        ctc_lengths=_ints([len(clip.ctc_ids) for clip in clips]),
        width=width,
        keys=tuple(example.key for example in examples),
        tasks=tuple(example.task for example in examples),
    )


def _text_tensors(examples: Sequence[Example]) -> dict[str, Tensor]:
    """Return ids padded on the right, and where and what is learnt."""
    length = max((len(e.ids) for e in examples), default=0)
    ids = np.zeros((len(examples), length), dtype=np.int64)
    labels = np.full((len(examples), length), IGNORED, dtype=np.int64)
    for row, example in enumerate(examples):
        own = np.asarray(example.ids)
        ids[row, : len(own)] = own
        labels[row, : len(own)] = np.where(example.is_learnt, own, IGNORED)
    rows, places = np.nonzero(labels != IGNORED)
    return {
        "input_ids": torch.from_numpy(ids),
        "learnt_from": torch.from_numpy(rows * length + places - 1),
        "learnt_ids": torch.from_numpy(labels[rows, places]),
        "learnt_row": torch.from_numpy(rows),
    }


def _piece_tensors(clips: Sequence[PlannedClip], width: int) -> dict[str, Tensor]:
    """Return where each piece of each clip comes from and goes to."""
    target, source, length, available, speed = [], [], [], [], []
    for row, clip in enumerate(clips):
        place = row * width
        for piece in clip.pieces:
            place += piece.gap
            target.append(place)
            source.append(piece.start)
            length.append(piece.played)
            available.append(piece.num_samples)
            speed.append(piece.speed)
            place += piece.played
    return {
        "piece_target": _ints(target),
        "piece_source": _ints(source),
        "piece_length": _ints(length),
        "piece_available": _ints(available),
        "piece_speed": torch.tensor(speed, dtype=torch.float64),
    }


def _ints(values: Sequence[int]) -> Int[Tensor, " n"]:
    return torch.tensor(values, dtype=torch.int64)
