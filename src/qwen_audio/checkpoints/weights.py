"""Tensors of a model folder: one file or shards, safetensors or .bin, nothing missing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from qwen_audio.errors import CheckpointError

SINGLE_FILES = ("model.safetensors", "pytorch_model.bin")
INDEX_FILES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


def read_config(folder: Path) -> dict[str, Any]:
    """Return the config.json of a model folder.

    Raises:
        CheckpointError: no such folder, no config.json in it, or one that is not JSON.
    """
    if not folder.is_dir():
        raise CheckpointError(f"no model folder at {str(folder)!r}; check the path or the name")
    path = folder / "config.json"
    if not path.is_file():
        raise CheckpointError(f"{str(folder)!r} has no config.json, so it is not a model folder")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{path} is not valid JSON ({error}); download it again") from error


def weight_files(folder: Path) -> list[Path]:
    """Return the files that hold a model's tensors.

    Raises:
        CheckpointError: no weights, or a shard that the index names is not there.
    """
    for name in INDEX_FILES:
        if (folder / name).is_file():
            index = json.loads((folder / name).read_text(encoding="utf-8"))
            files = [folder / shard for shard in sorted(set(index["weight_map"].values()))]
            missing = [file.name for file in files if not file.is_file()]
            if missing:
                raise CheckpointError(
                    f"{str(folder)!r} lacks {len(missing)} of its {len(files)} weight shards "
                    f"({', '.join(missing)}); finish the download"
                )
            return files
    for name in SINGLE_FILES:
        if (folder / name).is_file():
            return [folder / name]
    raise CheckpointError(
        f"{str(folder)!r} has no weights; expected {', '.join(SINGLE_FILES)} or a shard index"
    )


def read_tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor of a model folder with its name, one file open at a time.

    Raises:
        CheckpointError: as `weight_files`, or a file that cannot be read.
    """
    for file in weight_files(folder):
        try:
            yield from _read_file(file)
        except (SafetensorError, RuntimeError, EOFError, OSError) as error:
            raise CheckpointError(
                f"cannot read {file} ({error}); the download may be incomplete, fetch it again"
            ) from error


def _read_file(file: Path) -> Iterator[tuple[str, Tensor]]:
    if file.suffix == ".safetensors":
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - safe_open is not a mapping
                yield name, tensors.get_tensor(name)
        return
    yield from torch.load(file, map_location="cpu", weights_only=True, mmap=True).items()
