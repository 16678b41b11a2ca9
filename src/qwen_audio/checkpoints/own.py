"""Our own folders, opened quickly: weights mapped from the file, nothing made at random first.

What comes back equals transformers' `from_pretrained` of the same folder. That spends most of its
time on what our folders do not have: renamed tensors, tokenizers of other kinds, remote code.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers import GenerationConfig, PreTrainedTokenizerFast

from qwen_audio.checkpoints.folder import assign
from qwen_audio.checkpoints.weights import read_tensors
from qwen_audio.model.configuration import QwenAudioConfig, QwenAudioTextConfig
from qwen_audio.model.features import QwenAudioFeatureExtractor
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration
from qwen_audio.model.processing import QwenAudioProcessor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_PLAIN_TOKENIZERS = ("PreTrainedTokenizerFast", "TokenizersBackend")
_PLAIN_SETTINGS = frozenset(
    {
        "bos_token",
        "clean_up_tokenization_spaces",
        "eos_token",
        "model_max_length",
        "pad_token",
        "padding_side",
        "unk_token",
    }
)
# written by transformers about the file itself
_SAID_ASIDE = frozenset(
    {"backend", "is_local", "local_files_only", "processor_class", "tokenizer_class"}
)


def load_own_model(folder: Path, dtype: torch.dtype | None) -> QwenAudioForConditionalGeneration:
    """Return the model of a folder that `save_pretrained` wrote.

    Args:
        folder: with config.json and weights.
        dtype: of the weights; None as stored.

    Raises:
        CheckpointError: missing files, or weights that do not fit config.json.
    """
    config = QwenAudioConfig.from_pretrained(folder)
    if _needs_more(config):
        return QwenAudioForConditionalGeneration.from_pretrained(folder, dtype=dtype or "auto")
    kind = dtype or config.dtype
    state = {name: _as(tensor, kind) for name, tensor in read_tensors(folder)}
    config.name_or_path = str(folder)
    for part in (config, config.text_config, config.audio_config):
        part.dtype = kind or next(iter(state.values())).dtype
    with torch.device("meta"):
        model = QwenAudioForConditionalGeneration(config)
    if config.tie_word_embeddings:
        state.setdefault("lm_head.weight", state.get("language_model.embed_tokens.weight"))
    assign(model, {name: tensor for name, tensor in state.items() if tensor is not None})
    model.tie_weights()
    if (folder / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(folder)
    return model.eval()


def load_own_processor(folder: Path) -> QwenAudioProcessor:
    """Return the processor of a folder that `save_pretrained` wrote."""
    settings = _read(folder / "tokenizer_config.json")
    made = _read(folder / "processor_config.json")
    if not (_is_plain(folder, settings) and "feature_extractor" in made):
        return QwenAudioProcessor.from_pretrained(folder)
    path = folder / "chat_template.jinja"
    template = path.read_text(encoding="utf-8") if path.is_file() else None
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        name_or_path=str(folder),
        chat_template=template,
        **{name: value for name, value in settings.items() if name in _PLAIN_SETTINGS},
    )
    extractor = QwenAudioFeatureExtractor.from_dict(made["feature_extractor"])
    return QwenAudioProcessor(
        extractor, tokenizer, chat_template=template, pool=made.get("pool", 2)
    )


def _needs_more(config: QwenAudioConfig) -> bool:
    """Return whether a decoder of transformers' own, or quantized weights, need its loader."""
    is_ours = isinstance(config.text_config, QwenAudioTextConfig)
    return not is_ours or getattr(config, "quantization_config", None) is not None


def _is_plain(folder: Path, settings: "Mapping[str, Any]") -> bool:
    """Return whether a tokenizer is nothing but its tokenizer.json and these settings."""
    return (
        settings.get("tokenizer_class") in _PLAIN_TOKENIZERS
        and settings.keys() <= _PLAIN_SETTINGS | _SAID_ASIDE
        and (folder / "tokenizer.json").is_file()
        and not (folder / "added_tokens.json").is_file()
        and not (folder / "special_tokens_map.json").is_file()
    )


def _as(tensor: Tensor, dtype: torch.dtype | None) -> Tensor:
    return tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor


def _read(path: Path) -> "dict[str, Any]":
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
