"""From a checkpoint to the file that ships, and back again as the start of another run."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from qwen_audio.checkpoints.adapters import (
    LORA_A,
    LORA_B,
    ROWS,
    read_adapters,
    save_adapters,
)
from qwen_audio.errors import CheckpointError
from qwen_audio.training.checkpoint import find_checkpoint, read_learnt, read_progress
from qwen_audio.training.recipe import Recipe, load_recipe

RECIPE = "recipe.toml"
# (how a name ends or begins in a student, the same in the file that ships)
_SUFFIXES = (
    (".parametrizations.weight.0.lora_A", LORA_A),
    (".parametrizations.weight.0.lora_B", LORA_B),
    (".new", ROWS),
)


def export_adapters(run: Path, output: Path, *, bits: int = 8) -> Path:
    """Write what a run (or one checkpoint of it) learnt to one safetensors file; return its path.

    Args:
        run: the run's folder, or a checkpoint's.
        output: the file.
        bits: of a matrix's weights, 8 or 6.

    Raises:
        CheckpointError: there is no checkpoint.
    """
    checkpoint = find_checkpoint(run)
    recipe = load_recipe(checkpoint.parent / RECIPE)
    tensors = shipped(read_learnt(checkpoint), recipe)
    progress = read_progress(checkpoint)
    metadata = {
        "stage": recipe.stage,
        "step": str(progress.step),
        "audio_hours": f"{progress.audio_hours:.1f}",
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    save_adapters(output, tensors, metadata, bits=bits)
    return output


def shipped(learnt: Mapping[str, Tensor], recipe: Recipe) -> dict[str, Tensor]:
    """Return learnt tensors under the model's names, the adapters' scale multiplied in."""
    named = {}
    for name, tensor in learnt.items():
        ours = _renamed(name)
        named[ours] = tensor * _scale(ours, recipe) if ours.endswith(LORA_B) else tensor
    return named


def read_start(path: Path, recipe: Recipe) -> dict[str, Tensor]:
    """Return what an earlier stage learnt, under a student's names.

    Args:
        path: a run, a checkpoint, or a file that ships.
        recipe: of the stage that begins: its adapters' scale is divided out.
    """
    if path.suffix != ".safetensors":
        checkpoint = find_checkpoint(path)
        before = load_recipe(checkpoint.parent / RECIPE)
        tensors = shipped(read_learnt(checkpoint), before)
    else:
        tensors = dict(read_adapters(path).tensors)
    return {
        _original(name): tensor / _scale(name, recipe) if name.endswith(LORA_B) else tensor
        for name, tensor in tensors.items()
    }


def load_learnt(
    parameters: Mapping[str, Tensor], learnt: Mapping[str, Tensor], *, is_whole: bool
) -> list[str]:
    """Copy learnt tensors into a student's parameters; return the names that had no source.

    Args:
        parameters: all parameters of the student, frozen ones too.
        learnt: what an earlier stage or run learnt.
        is_whole: every learning parameter must be among them (a resumed run).

    Raises:
        CheckpointError: tensors that fit nowhere, or are missing from a whole.
    """
    strange = [name for name in learnt if name not in parameters]
    missing = [name for name, p in parameters.items() if p.requires_grad and name not in learnt]
    if strange or (is_whole and missing):
        raise CheckpointError(
            f"the checkpoint does not fit the recipe: it also holds {strange[:3] or 'nothing'} "
            f"and lacks {missing[:3] if is_whole else 'nothing'}; use the recipe it was made with"
        )
    for name, tensor in learnt.items():
        parameter = parameters[name]
        if parameter.shape != tensor.shape:
            raise CheckpointError(
                f"the checkpoint's {name!r} has shape {tuple(tensor.shape)} and the model's "
                f"{tuple(parameter.shape)}; the rank in the recipe must stay what it was"
            )
        parameter.data.copy_(tensor)
    return missing


def _renamed(name: str) -> str:
    name = name.removeprefix("model.")
    for student, ours in _SUFFIXES:
        if name.endswith(student):
            return name.removesuffix(student) + ours
    return name


def _original(name: str) -> str:
    for student, ours in _SUFFIXES:
        if name.endswith(ours):
            return "model." + name.removesuffix(ours) + student
    return "model." + name


def _scale(name: str, recipe: Recipe) -> float:
    part = recipe.learn.encoder if name.startswith("encoder.") else recipe.learn.llm
    return part.alpha / part.rank if part.rank and part.alpha else 1.0
