"""The decoder: one pre-norm Transformer for Qwen-7B, Qwen2/3, Llama and SmolLM2.

What differs between them is in `QwenAudioTextConfig`: a bias on q/k/v or not, shared key heads, a
norm on q and k or not. Past `train_length` tokens the released model stretches the rotary base
(dynamic NTK, fixed at prefill) and scales queries (log-n); both are computed where they are used.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, DynamicCache
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutputWithPast

from qwen_audio.model.configuration import QwenAudioTextConfig
from qwen_audio.model.encoder import init_weights


def ntk_alpha(lengths: Int[Tensor, " batch"], train_length: int) -> Float[Tensor, " batch"]:
    """Return by how much the rotary base grows for prompts of these lengths (1 = not at all).

    Source: Qwen-7B's `get_ntk_alpha`: 2^ceil(log2(length / train_length) + 1) - 1, at least 1.
    """
    steps = torch.ceil(torch.log2(lengths.double() / train_length) + 1)
    return (2**steps - 1).clamp(min=1).float()


def rotary_angles(
    positions: Int[Tensor, "batch time"],
    config: QwenAudioTextConfig,
    alpha: Float[Tensor, " batch"] | None = None,
) -> tuple[Float[Tensor, "batch 1 time head"], Float[Tensor, "batch 1 time head"]]:
    """Return the cosines and sines of each position, in float32."""
    width = config.head_dim
    exponents = torch.arange(0, width, 2, device=positions.device).float() / width
    base = torch.full((1, 1), config.rope_theta, device=positions.device)
    if alpha is not None:
        base = base * alpha[:, None].float() ** (width / (width - 2))
    frequencies = base ** -exponents[None, :]  # (batch or 1, head / 2)
    angles = positions[:, :, None].float() * frequencies[:, None, :]  # (batch, time, head / 2)
    angles = torch.cat([angles, angles], dim=-1)[:, None]  # (batch, 1, time, head)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (i, i + half) of the last axis by its angle."""
    first, second = x.chunk(2, dim=-1)
    turned = torch.cat([-second, first], dim=-1)
    return x * cos.to(x.dtype) + turned * sin.to(x.dtype)


@dataclass(frozen=True)
class Step:
    """What every layer of one forward pass shares: angles, mask, query scale and the cache."""

    cos: Tensor
    sin: Tensor
    mask: Tensor | None
    is_causal: bool
    query_scale: Tensor | None
    cache: Cache | None


class RMSNorm(nn.Module):
    """Root-mean-square norm; torch's kernel accumulates in float32 whatever the dtype."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Return x at unit root-mean-square, times the learnt weight."""
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.eps)


class DecoderAttention(nn.Module):
    """Causal self-attention with rotary positions; key heads may be shared."""

    def __init__(self, config: QwenAudioTextConfig, layer: int) -> None:
        super().__init__()
        width, head = config.hidden_size, config.head_dim
        keys = config.num_key_value_heads * head
        self.layer, self.head = layer, head
        self.is_grouped = config.num_key_value_heads != config.num_attention_heads
        queries = config.num_attention_heads * head
        self.q_proj = nn.Linear(width, queries, bias=config.qkv_bias)
        self.k_proj = nn.Linear(width, keys, bias=config.qkv_bias)
        self.v_proj = nn.Linear(width, keys, bias=config.qkv_bias)
        self.o_proj = nn.Linear(queries, width, bias=False)
        if config.qk_norm:
            self.q_norm = RMSNorm(head, config.rms_norm_eps)
            self.k_norm = RMSNorm(head, config.rms_norm_eps)

    def forward(self, x: Tensor, step: Step) -> Tensor:
        """Return each position's mix of itself and what came before it."""
        q, k, v = (self._split(layer(x)) for layer in (self.q_proj, self.k_proj, self.v_proj))
        if hasattr(self, "q_norm"):
            q, k = self.q_norm(q), self.k_norm(k)
        q, k = rotate(q, step.cos, step.sin), rotate(k, step.cos, step.sin)
        if step.query_scale is not None:
            q = q * step.query_scale.to(q.dtype)
        if step.cache is not None:
            k, v = step.cache.update(k, v, self.layer)
        mixed = F.scaled_dot_product_attention(
            q, k, v, attn_mask=step.mask, is_causal=step.is_causal, enable_gqa=self.is_grouped
        )
        return self.o_proj(mixed.transpose(1, 2).flatten(2))  # (batch, time, width)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.head)).transpose(1, 2)  # (batch, heads, time, head)


class DecoderMlp(nn.Module):
    """Gated feed-forward: down(silu(gate) * up)."""

    def __init__(self, config: QwenAudioTextConfig) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the feed-forward of each position."""
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class DecoderLayer(GradientCheckpointingLayer):
    """One pre-norm Transformer layer of the decoder."""

    def __init__(self, config: QwenAudioTextConfig, layer: int) -> None:
        super().__init__()
        self.self_attn = DecoderAttention(config, layer)
        self.mlp = DecoderMlp(config)
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, x: Tensor, step: Step) -> Tensor:
        """Return the positions after attention and feed-forward, each added to its input."""
        x = x + self.self_attn(self.input_layernorm(x), step)
        return x + self.mlp(self.post_attention_layernorm(x))


class QwenAudioDecoder(PreTrainedModel):
    """Embeddings in, hidden states out; the head that turns them into logits is outside."""

    config_class = QwenAudioTextConfig
    supports_gradient_checkpointing = True
    _no_split_modules = ["DecoderLayer"]  # noqa: RUF012
    _supports_sdpa = True

    def __init__(self, config: QwenAudioTextConfig) -> None:
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(
            DecoderLayer(config, i) for i in range(config.num_hidden_layers)
        )
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.gradient_checkpointing = False
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        init_weights(module, self.config.initializer_range)
        if isinstance(module, RMSNorm):
            nn.init.ones_(module.weight)

    def forward(
        self,
        inputs_embeds: Float[Tensor, "batch time width"],
        *,
        attention_mask: Tensor | None = None,
        position_ids: Int[Tensor, "batch time"] | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool = False,
        rope_alpha: Float[Tensor, " batch"] | None = None,
    ) -> BaseModelOutputWithPast:
        """Return the hidden state of each position, after the last norm.

        Args:
            inputs_embeds: embeddings of the new positions.
            attention_mask: (batch, total), 1 for real positions, past ones first; None if all are
                real. A mask of (batch, 1, time, total) is taken as it is.
            position_ids: place of each new position in its row, padding not counted.
            past_key_values: keys and values of earlier positions.
            use_cache: make a cache when none is given.
            rope_alpha: the prefill's dynamic-NTK factor of each row (`prefill_alpha`).
        """
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache()
        past = seen(past_key_values)
        if position_ids is None:
            position_ids = default_positions(attention_mask, inputs_embeds, past)
        step = self._step(inputs_embeds, attention_mask, position_ids, past_key_values, rope_alpha)
        x = inputs_embeds
        for layer in self.layers:
            x = layer(x, step)
        return BaseModelOutputWithPast(
            last_hidden_state=self.norm(x), past_key_values=past_key_values
        )

    def prefill_alpha(
        self, attention_mask: Tensor | None, batch: int, length: int
    ) -> Float[Tensor, " batch"] | None:
        """Return each row's NTK factor for a prompt of its length, or None where it is not used."""
        if self.training or not self.config.dynamic_ntk or length <= self.config.train_length:
            return None
        device = self.embed_tokens.weight.device
        lengths = torch.full((batch,), length, device=device)
        if attention_mask is not None:
            lengths = attention_mask.sum(dim=1)
        return ntk_alpha(lengths, self.config.train_length)

    def _step(
        self,
        x: Tensor,
        attention_mask: Tensor | None,
        positions: Tensor,
        cache: Cache | None,
        alpha: Tensor | None,
    ) -> Step:
        cos, sin = rotary_angles(positions, self.config, alpha)
        mask, is_causal = causal_mask(x, attention_mask, cache)
        return Step(cos, sin, mask, is_causal, self._query_scale(positions), cache)

    def _query_scale(self, positions: Tensor) -> Tensor | None:
        """Return log-n scaling: log of the position over log of the trained length, past it."""
        if self.training or not self.config.logn_attention:
            return None
        scale = (positions + 1).float().log() / math.log(self.config.train_length)
        return scale.clamp(min=1.0)[:, None, :, None]  # (batch, 1, time, 1)


def seen(cache: Cache | None) -> int:
    """Return how many positions a cache holds."""
    return 0 if cache is None else int(cache.get_seq_length())  # a static cache counts in a tensor


def default_positions(attention_mask: Tensor | None, x: Tensor, past: int) -> Tensor:
    """Return the place of each new position in its row, shape (batch, time)."""
    batch, time = x.shape[:2]
    if attention_mask is None or attention_mask.ndim != 2:
        return torch.arange(past, past + time, device=x.device)[None].expand(batch, time)
    return (attention_mask.long().cumsum(dim=-1) - 1).clamp(min=0)[:, -time:]


def causal_mask(
    x: Float[Tensor, "batch time width"], attention_mask: Tensor | None, cache: Cache | None
) -> tuple[Bool[Tensor, "batch 1 time total"] | None, bool]:
    """Return the mask for scaled-dot-product attention and whether plain causality is enough.

    A 2-D mask marks real positions; a 4-D one is taken as it is. Rows of padding may look at
    themselves, so that no softmax is over nothing.
    """
    if attention_mask is not None and attention_mask.ndim == 4:
        return attention_mask, False
    time, past = x.shape[1], seen(cache)
    total = past + time if cache is None else cache.get_mask_sizes(time, 0)[0]
    if attention_mask is None and total == past + time:
        if past == 0:
            return None, time > 1
        if time == 1:
            return None, False
    slots = torch.arange(total, device=x.device)
    queries = torch.arange(time, device=x.device) + past
    allowed = slots[None, :] <= queries[:, None]  # (time, total)
    if attention_mask is None:
        return allowed.expand(len(x), 1, time, total), False
    real = F.pad(attention_mask.bool(), (0, total - attention_mask.shape[1]), value=False)
    own = slots[None, :] == queries[:, None]
    return ((allowed & real[:, None, :]) | own)[:, None], False
