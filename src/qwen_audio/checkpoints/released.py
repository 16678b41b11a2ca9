"""The layout of the released Qwen-Audio weights, as a table of names and sizes.

`model_type` is "qwen" with an "audio" key; decoder tensors are `transformer.*` with q, k and v
packed in one, and the gated feed-forward's `w2` is the gate. The encoder's names are OpenAI
Whisper's, which are ours too. Both directions are here: what `load` reads and `convert` writes.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from qwen_audio.errors import CheckpointError
from qwen_audio.model.configuration import (
    QwenAudioConfig,
    QwenAudioEncoderConfig,
    QwenAudioTextConfig,
)

# Ours on the left, theirs on the right; `{n}` is the layer. q/k/v are packed: see PACKED.
NAMES = {
    "language_model.embed_tokens.weight": "transformer.wte.weight",
    "language_model.norm.weight": "transformer.ln_f.weight",
    "lm_head.weight": "lm_head.weight",
    "boundaries.weight": "transformer.audio.audio_bos_eos_token.weight",
    "projector.proj.weight": "transformer.audio.proj.weight",
    "projector.proj.bias": "transformer.audio.proj.bias",
}
LAYER_NAMES = {
    "input_layernorm.weight": "ln_1.weight",
    "post_attention_layernorm.weight": "ln_2.weight",
    "self_attn.o_proj.weight": "attn.c_proj.weight",
    "mlp.up_proj.weight": "mlp.w1.weight",
    "mlp.gate_proj.weight": "mlp.w2.weight",
    "mlp.down_proj.weight": "mlp.c_proj.weight",
}
PACKED = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
ENCODER, RELEASED_ENCODER = "encoder.", "transformer.audio."


def is_released(config: Mapping[str, Any]) -> bool:
    """Tell whether a config.json is the released Qwen-Audio's (Qwen-7B alone has no "audio")."""
    return config.get("model_type") == "qwen" and "audio" in config


def config_from_released(config: Mapping[str, Any]) -> QwenAudioConfig:
    """Return our configuration for a released config.json.

    Raises:
        CheckpointError: a config.json of another family.
    """
    if not is_released(config):
        raise CheckpointError(
            f"config.json has model_type {config.get('model_type')!r} and "
            f"{'an' if 'audio' in config else 'no'} audio part; a Qwen-Audio checkpoint has "
            "model_type 'qwen' with an audio part"
        )
    audio = config["audio"]
    text = QwenAudioTextConfig(
        vocab_size=config["vocab_size"],
        hidden_size=config["hidden_size"],
        intermediate_size=config["intermediate_size"] // 2,  # w1 and w2 share the number
        num_hidden_layers=config["num_hidden_layers"],
        num_attention_heads=config["num_attention_heads"],
        head_dim=config["kv_channels"],
        max_position_embeddings=config["max_position_embeddings"],
        rms_norm_eps=config["layer_norm_epsilon"],
        rope_theta=float(config["rotary_emb_base"]),
        dynamic_ntk=config.get("use_dynamic_ntk", False),
        logn_attention=config.get("use_logn_attn", False),
        train_length=config["seq_length"],
        initializer_range=config.get("initializer_range", 0.02),
        tie_word_embeddings=config.get("tie_word_embeddings", False),
    )
    encoder = QwenAudioEncoderConfig(
        num_mel_bins=audio["n_mels"],
        hidden_size=audio["n_state"],
        num_hidden_layers=audio["n_layer"],
        num_attention_heads=audio["n_head"],
        max_position_embeddings=audio["n_ctx"],
    )
    return QwenAudioConfig(text_config=text, audio_config=encoder)


def config_to_released(config: QwenAudioConfig) -> dict[str, Any]:
    """Return the config.json that the released layout has for this model.

    Raises:
        CheckpointError: a model whose parts the layout cannot express.
    """
    _check_expressible(config)
    text, audio = config.text_config, config.audio_config
    return {
        "architectures": ["QWenLMHeadModel"],
        "model_type": "qwen",
        "tokenizer_type": "QWenTokenizer",
        "vocab_size": text.vocab_size,
        "hidden_size": text.hidden_size,
        "intermediate_size": text.intermediate_size * 2,
        "num_hidden_layers": text.num_hidden_layers,
        "num_attention_heads": text.num_attention_heads,
        "kv_channels": text.head_dim,
        "max_position_embeddings": text.max_position_embeddings,
        "seq_length": text.train_length,
        "layer_norm_epsilon": text.rms_norm_eps,
        "rotary_emb_base": int(text.rope_theta),
        "rotary_pct": 1.0,
        "no_bias": True,
        "use_dynamic_ntk": text.dynamic_ntk,
        "use_logn_attn": text.logn_attention,
        "tie_word_embeddings": text.tie_word_embeddings,
        "initializer_range": text.initializer_range,
        "audio": {
            "n_mels": audio.num_mel_bins,
            "n_ctx": audio.max_position_embeddings,
            "n_state": audio.hidden_size,
            "n_head": audio.num_attention_heads,
            "n_layer": audio.num_hidden_layers,
            "output_dim": text.hidden_size,
            "avg_pool": True,
            "add_audio_bos_eos_token": True,
            "audio_start_id": config.audio_begin_id,
        },
    }


def state_from_released(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors under our names; packed q/k/v are cut in three.

    Raises:
        CheckpointError: a name that the layout does not have.
    """
    whole = {theirs: ours for ours, theirs in NAMES.items()}
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if name in whole:
            found[whole[name]] = tensor
        elif name.startswith(RELEASED_ENCODER):
            found[ENCODER + name.removeprefix(RELEASED_ENCODER)] = tensor
        elif not name.endswith(("rotary_emb.inv_freq", "attn.masked_bias")):
            found |= _layer_from_released(name, tensor)
    return found


def state_to_released(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors under the released names; q, k and v are packed in one."""
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if name in NAMES:
            found[NAMES[name]] = tensor
        elif name.startswith(ENCODER):
            found[RELEASED_ENCODER + name.removeprefix(ENCODER)] = tensor
        else:
            found |= _layer_to_released(name, tensor, state)
    return found


def released_names(names: Iterable[str]) -> set[str]:
    """Return the released names that tensors of ours are stored under."""
    return set(state_to_released(dict.fromkeys(names, torch.empty(1))))


def _layer_from_released(name: str, tensor: Float[Tensor, "..."]) -> dict[str, Tensor]:
    match = re.fullmatch(r"transformer\.h\.(\d+)\.(.+)", name)
    ours = {theirs: mine for mine, theirs in LAYER_NAMES.items()}
    if match is None:
        raise CheckpointError(f"unknown tensor {name!r}; is this the released Qwen-Audio layout?")
    layer, rest = match.groups()
    start = f"language_model.layers.{layer}."
    if rest in ours:
        return {start + ours[rest]: tensor}
    if not rest.startswith("attn.c_attn."):
        raise CheckpointError(f"unknown tensor {name!r}; is this the released Qwen-Audio layout?")
    kind = rest.removeprefix("attn.c_attn.")  # weight or bias
    parts = tensor.chunk(3, dim=0)
    return {f"{start}{part}.{kind}": value for part, value in zip(PACKED, parts, strict=True)}


def _layer_to_released(name: str, tensor: Tensor, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    layer, rest = name.removeprefix("language_model.layers.").split(".", 1)
    start = f"transformer.h.{layer}."
    if rest in LAYER_NAMES:
        return {start + LAYER_NAMES[rest]: tensor}
    part, kind = rest.rsplit(".", 1)
    if part != PACKED[0]:
        return {}  # k and v travel with q
    parts = [state[f"language_model.layers.{layer}.{part}.{kind}"] for part in PACKED]
    return {f"{start}attn.c_attn.{kind}": torch.cat(parts)}


def _check_expressible(config: QwenAudioConfig) -> None:
    text, audio = config.text_config, config.audio_config
    fits = {
        "a decoder of ours with q/k/v bias": isinstance(text, QwenAudioTextConfig)
        and text.qkv_bias
        and not text.qk_norm,
        "as many key heads as query heads": text.num_key_value_heads == text.num_attention_heads,
        "mean pooling of two frames": audio.pooling == "mean" and audio.pool == 2,
        "a linear projector": config.projector == "linear",
    }
    missing = [what for what, holds in fits.items() if not holds]
    if missing:
        raise CheckpointError(
            f"the released layout needs {' and '.join(missing)}, which this model does not have; "
            "convert it to the layout 'qwen_audio'"
        )
