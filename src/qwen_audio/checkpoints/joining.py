"""Joins the bases of the default model with what we trained, once, into a folder of the cache."""

import shutil
import tempfile
from pathlib import Path

import torch

from qwen_audio.checkpoints.adapters import merge_into, read_adapters
from qwen_audio.checkpoints.assemble import assemble
from qwen_audio.checkpoints.base_models import fetch_smollm2, fetch_whisper_base

# 25 audio tokens a second, of which the decoder sees those that are not silence.
SHAPE = {
    "pool": 2,
    "pooling": "stack",
    "projector": "transformer",
    "reader": True,
    "reader_every": 16,
    "reader_merges": 500,
}
DTYPE = torch.bfloat16


def join_bases(folder: Path, cache: Path, *, adapters: Path | None, card: Path) -> None:
    """Assemble, merge and save under a temporary name, then rename: never half a model.

    Args:
        folder: where the model shall lie.
        cache: keeps the bases too.
        adapters: the trained part; None for the bases alone.
        card: the model card that goes with it.

    Raises:
        DownloadError: the base weights cannot be had, or are not the pinned ones.
    """
    cache.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=cache))
    try:
        bases = fetch_whisper_base(cache), fetch_smollm2(cache)
        model, processor = assemble(*bases, **SHAPE)
        if adapters is not None:
            merge_into(model, read_adapters(adapters))
        model.to(DTYPE).save_pretrained(work)
        processor.save_pretrained(work)
        shutil.copy(card, work)
        if not (folder / "config.json").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            work.replace(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
