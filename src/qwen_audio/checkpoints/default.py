"""The default model: public base weights, plus what we trained, merged once into the user's cache.

What ships in the package is the trained part only (`assets/mini`): the projection, the rows of the
tag tokens and low-rank adapters for both halves. The bases come from packages (`base_models.py`).
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import torch

from qwen_audio.checkpoints.adapters import merge_into, read_adapters
from qwen_audio.checkpoints.assemble import assemble
from qwen_audio.checkpoints.base_models import fetch_smollm2, fetch_whisper_base
from qwen_audio.checkpoints.packages import default_cache
from qwen_audio.errors import CheckpointError

_ASSETS = Path(__file__).parent.parent / "assets" / "mini"
ADAPTERS, CARD = _ASSETS / "adapters.safetensors", _ASSETS / "README.md"
# 12.5 audio tokens a second, of which the decoder sees those that are not silence.
SHAPE = {"pool": 4, "pooling": "stack", "projector": "transformer", "reader": True}
DTYPE = torch.bfloat16
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
        _build(folder, cache, adapters)
    return folder


def start_folder(cache: Path | None = None) -> Path:
    """Return the folder that training of the default model starts from: the bases, joined.

    Raises:
        DownloadError: the base weights cannot be had, or are not the pinned ones.
    """
    cache = default_cache(os.environ, home=Path.home()) if cache is None else cache
    folder = cache / START
    if not (folder / "config.json").is_file():
        _build(folder, cache, None)
    return folder


def default_dtype() -> str:
    """Return the dtype this machine answers fastest with: bfloat16 where its processor has it."""
    has_bfloat16 = torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported()
    return "bfloat16" if has_bfloat16 else "float32"


def _build(folder: Path, cache: Path, adapters: Path | None) -> None:
    """Assemble, merge and save under a temporary name, then rename: never half a model."""
    cache.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=cache))
    try:
        bases = fetch_whisper_base(cache), fetch_smollm2(cache)
        model, processor = assemble(*bases, **SHAPE)
        if adapters is not None:
            merge_into(model, read_adapters(adapters))
        model.to(DTYPE).save_pretrained(work)
        processor.save_pretrained(work)
        shutil.copy(CARD, work)
        if not (folder / "config.json").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            work.replace(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
