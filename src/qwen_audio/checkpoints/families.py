"""Other families' weights under our names: Whisper encoders, Llama- and Qwen-like decoders."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedConfig

from qwen_audio.errors import CheckpointError
from qwen_audio.model.configuration import QwenAudioEncoderConfig, QwenAudioTextConfig

# transformers' Whisper on the left, OpenAI's (and our) names on the right.
WHISPER_LAYER_NAMES = {
    "self_attn.q_proj": "attn.query",
    "self_attn.k_proj": "attn.key",
    "self_attn.v_proj": "attn.value",
    "self_attn.out_proj": "attn.out",
    "self_attn_layer_norm": "attn_ln",
    "fc1": "mlp.0",
    "fc2": "mlp.2",
    "final_layer_norm": "mlp_ln",
}
WHISPER_NAMES = {"layer_norm": "ln_post", "embed_positions.weight": "positional_embedding"}
# Decoder families that our decoder computes exactly: whether q/k/v have a bias, and a norm on q/k.
DECODER_FAMILIES = {"llama": (False, False), "qwen2": (True, False), "qwen3": (False, True)}


def encoder_config_from_whisper(config: dict[str, Any]) -> QwenAudioEncoderConfig:
    """Return our encoder configuration for a Whisper config.json of transformers.

    Raises:
        CheckpointError: a config.json of another family.
    """
    if config.get("model_type") != "whisper":
        raise CheckpointError(
            f"the encoder's config.json has model_type {config.get('model_type')!r}; "
            "give a Whisper checkpoint in transformers' layout"
        )
    return QwenAudioEncoderConfig(
        num_mel_bins=config["num_mel_bins"],
        hidden_size=config["d_model"],
        num_hidden_layers=config["encoder_layers"],
        num_attention_heads=config["encoder_attention_heads"],
        max_position_embeddings=config["max_source_positions"],
    )


def encoder_tensors_from_whisper(
    tensors: Iterable[tuple[str, Tensor]],
) -> Iterator[tuple[str, Tensor]]:
    """Yield a Whisper checkpoint's encoder tensors under our names; the rest is left out."""
    for name, tensor in tensors:
        match = re.fullmatch(r"(?:model\.)?encoder\.(.+)", name)
        if match:
            yield _whisper_name(match.group(1)), tensor


def decoder_config_from_llm(config: PreTrainedConfig) -> PreTrainedConfig:
    """Return our decoder's configuration where it computes the same, else the LLM's own."""
    if config.model_type not in DECODER_FAMILIES or not _is_plain(config):
        return config
    qkv_bias, qk_norm = DECODER_FAMILIES[config.model_type]
    return QwenAudioTextConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        intermediate_size=config.intermediate_size,
        num_hidden_layers=config.num_hidden_layers,
        num_attention_heads=config.num_attention_heads,
        num_key_value_heads=config.num_key_value_heads,
        head_dim=getattr(config, "head_dim", None),
        max_position_embeddings=config.max_position_embeddings,
        rms_norm_eps=config.rms_norm_eps,
        rope_theta=_rope(config)["rope_theta"],
        qkv_bias=qkv_bias,
        qk_norm=qk_norm,
        tie_word_embeddings=config.tie_word_embeddings,
        bos_token_id=config.bos_token_id,
        eos_token_id=config.eos_token_id,
        pad_token_id=config.pad_token_id,
    )


def decoder_tensors_from_llm(tensors: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """Yield an LLM's tensors under our names: the body under `language_model`, the head beside."""
    for name, tensor in tensors:
        if name == "lm_head.weight":
            yield name, tensor
        else:
            yield "language_model." + name.removeprefix("model."), tensor


def grow_rows(rows: Tensor, total: int, starts: dict[int, list[int]], seed: int = 0) -> Tensor:
    """Return an embedding with `total` rows; each new row is the mean of some old ones, and noise.

    Args:
        rows: the old embedding, (old, width).
        total: how many rows the result has.
        starts: for each new row, the old rows it begins near (none: the mean of all).
        seed: of the noise, a tenth of the old rows' spread, so that no two rows are the same.
    """
    old, width = rows.shape
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(max(total - old, 0), width, generator=generator) * rows.float().std() * 0.1
    mean = rows.float().mean(dim=0)
    new = [
        rows[starts[row]].float().mean(dim=0) if starts.get(row) else mean
        for row in range(old, total)
    ]
    if not new:
        return rows[:total].clone()
    return torch.cat([rows, (torch.stack(new) + noise).to(rows.dtype)])


def _whisper_name(name: str) -> str:
    match = re.fullmatch(r"layers\.(\d+)\.(.+)\.(weight|bias)", name)
    if match:
        layer, part, kind = match.groups()
        return f"blocks.{layer}.{WHISPER_LAYER_NAMES[part]}.{kind}"
    for theirs, ours in WHISPER_NAMES.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name


def _rope(config: PreTrainedConfig) -> dict[str, Any]:
    """Return rope settings whichever way this version of transformers keeps them."""
    rope = getattr(config, "rope_parameters", None) or {}
    if "rope_theta" in rope:
        return rope
    return {"rope_theta": getattr(config, "rope_theta", 10_000.0), **rope}


def _is_plain(config: PreTrainedConfig) -> bool:
    """Tell whether an LLM has neither scaled positions, a sliding window nor other extras."""
    is_scaled = _rope(config).get("rope_type", "default") != "default"
    slides = getattr(config, "use_sliding_window", False)
    biased = config.model_type != "qwen2" and getattr(config, "attention_bias", False)
    return not (is_scaled or slides or biased or getattr(config, "mlp_bias", False))
