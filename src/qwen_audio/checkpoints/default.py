"""The default model: public base weights, plus what we trained, merged once into the user's cache.

What ships in the package is the trained part only (`assets/mini`): the projection, the rows of the
tag tokens and low-rank adapters for both halves. The bases come from packages (`base_models.py`).
"""

import hashlib
import os
from pathlib import Path

import torch

from qwen_audio.checkpoints.packages import default_cache
from qwen_audio.errors import CheckpointError

_ASSETS = Path(__file__).parent.parent / "assets" / "mini"
ADAPTERS, CARD = _ASSETS / "adapters.safetensors", _ASSETS / "README.md"
START = "qwen-audio-mini-start"


def default_folder(cache: Path | None = None, *, adapters: Path = ADAPTERS) -> Path:
    """Return the folder of the default model, built in the cache where it is not there yet.

    Args:
        cache: folder that keeps it; the user's cache by default.
        adapters: the trained part.

    Raises:
        DownloadError: the base weights cannot be had, or are not the pinned ones.
        CheckpointError: the package lacks the trained part.
    """
    if not adapters.is_file():
        raise CheckpointError(
            f"the trained part of the default model is not at {adapters}; reinstall qwen-audio, "
            "or give a model folder"
        )
    cache = default_cache(os.environ, home=Path.home()) if cache is None else cache
    digest = hashlib.sha256(adapters.read_bytes()).hexdigest()[:12]
    folder = cache / f"qwen-audio-mini-{digest}"
    if not (folder / "config.json").is_file():
        _join(folder, cache, adapters)
    return folder


def start_folder(cache: Path | None = None) -> Path:
    """Return the folder that training of the default model starts from: the bases, joined.

    Raises:
        DownloadError: the base weights cannot be had, or are not the pinned ones.
    """
    cache = default_cache(os.environ, home=Path.home()) if cache is None else cache
    folder = cache / START
    if not (folder / "config.json").is_file():
        _join(folder, cache, None)
    return folder


def default_dtype() -> str:
    """Return the dtype this machine answers fastest with: bfloat16 where its processor has it."""
    has_bfloat16 = torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported()
    return "bfloat16" if has_bfloat16 else "float32"


def _join(folder: Path, cache: Path, adapters: Path | None) -> None:
    from qwen_audio.checkpoints.joining import join_bases  # slow to import, and needed only once

    join_bases(folder, cache, adapters=adapters, card=CARD)
