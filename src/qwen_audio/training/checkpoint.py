"""Checkpoints of a run: what learns, the optimizer, the place in the data, the random state.

A checkpoint appears whole or not at all: it is written beside its place and renamed.
"""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from qwen_audio.errors import CheckpointError
from qwen_audio.training.examples import Position

_NAME = re.compile(r"step-(\d{7})")
LEARNT, STATE, PROGRESS = "learnt.pt", "optimizer.pt", "progress.json"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is."""

    step: int = 0
    position: Position = field(default_factory=Position)
    seconds: float = 0.0
    audio_hours: float = 0.0
    skipped: int = 0


def save_checkpoint(
    run: Path,
    progress: Progress,
    *,
    learnt: Mapping[str, Tensor],
    optimizer: Mapping[str, Any],
    keep: int,
) -> Path:
    """Write a step's checkpoint into a run folder, keep the last few, return its folder."""
    folder = run / f"step-{progress.step:07d}"
    for begun in run.glob("step-*.unfinished"):  # by a run that was killed while it saved
        shutil.rmtree(begun)
    unfinished = run / f"{folder.name}.unfinished"
    unfinished.mkdir(parents=True)
    tensors = {name: tensor.detach().cpu() for name, tensor in learnt.items()}
    torch.save(tensors, unfinished / LEARNT)
    torch.save(dict(optimizer), unfinished / STATE)
    (unfinished / PROGRESS).write_text(json.dumps(asdict(progress)), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    for old in checkpoints(run)[: -max(1, keep)]:
        shutil.rmtree(old)
    return folder


def checkpoints(run: Path) -> list[Path]:
    """Return the whole checkpoints of a run, oldest first."""
    found = (path for path in run.glob("step-*") if _NAME.fullmatch(path.name))
    return sorted(found, key=lambda path: path.name)


def find_checkpoint(path: Path) -> Path:
    """Return a checkpoint's folder, given that folder or its run's.

    Raises:
        CheckpointError: there is none.
    """
    if (path / PROGRESS).is_file():
        return path
    found = checkpoints(path)
    if not found:
        raise CheckpointError(f"no checkpoint in {path}; run the stage before first")
    return found[-1]


def read_learnt(checkpoint: Path) -> dict[str, Tensor]:
    """Return the tensors that a checkpoint's run learnt."""
    return torch.load(checkpoint / LEARNT, map_location="cpu", weights_only=True)


def read_optimizer(checkpoint: Path) -> dict[str, Any]:
    """Return the optimizer's state."""
    return torch.load(checkpoint / STATE, map_location="cpu", weights_only=True)


def read_progress(checkpoint: Path) -> Progress:
    """Return how far the run was."""
    record = json.loads((checkpoint / PROGRESS).read_text(encoding="utf-8"))
    return Progress(**record | {"position": Position(**record["position"])})
