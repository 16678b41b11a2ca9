"""The audio encoder: Whisper's, with neighbouring frames pooled to 25 tokens a second.

Differs from Whisper in three ways. Clips are as long as they are: no 30 s of padding goes through
the layers. A batch gives what each clip gives alone: frames beyond a clip are hidden from
attention, and of the features beyond it only the first is ever seen, by the first convolution (the
processor makes it zero, as for a clip alone). And `pool` frames become one token at the end.
Parameter names are OpenAI Whisper's, as in the released Qwen-Audio (its `audio.py`).
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from qwen_audio.audio.lengths import MAX_SECONDS, conv_frames
from qwen_audio.errors import AudioError
from qwen_audio.model.configuration import QwenAudioEncoderConfig


def sinusoids(length: int, width: int) -> Float[Tensor, "length width"]:
    """Return Whisper's fixed positions: sines beside cosines over scales from 1 to 10,000."""
    step = math.log(10_000) / (width // 2 - 1)
    scales = torch.exp(-step * torch.arange(width // 2, dtype=torch.float32))
    angles = torch.arange(length, dtype=torch.float32)[:, None] * scales[None, :]
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class EncoderAttention(nn.Module):
    """Self-attention over the frames of one clip; the key has no bias, as in Whisper."""

    def __init__(self, config: QwenAudioEncoderConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.heads = config.num_attention_heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Mix the frames that `mask` (clips, 1, 1, frames) lets through; None lets all through."""
        q, k, v = (self._split(layer(x)) for layer in (self.query, self.key, self.value))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).flatten(2))  # (clips, frames, width)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (clips, heads, frames, head)


class EncoderBlock(GradientCheckpointingLayer):
    """One pre-norm Transformer layer of the encoder."""

    def __init__(self, config: QwenAudioEncoderConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.attn = EncoderAttention(config)
        self.attn_ln = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.mlp_ln = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return the frames after attention and feed-forward, each added to its input."""
        x = x + self.attn(self.attn_ln(x), mask)
        return x + self.mlp(self.mlp_ln(x))


class QwenAudioEncoder(PreTrainedModel):
    """Log-mel frames in, audio tokens out (before the projection to the decoder's width)."""

    config_class = QwenAudioEncoderConfig
    main_input_name = "input_features"
    supports_gradient_checkpointing = True
    _no_split_modules = ["EncoderBlock"]  # noqa: RUF012
    _supports_sdpa = True

    def __init__(self, config: QwenAudioEncoderConfig) -> None:
        super().__init__(config)
        width = config.hidden_size
        self.conv1 = nn.Conv1d(config.num_mel_bins, width, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(width, width, kernel_size=3, stride=2, padding=1)
        # Persistent, so a load on the meta device fills it from the checkpoint.
        positions = torch.empty(config.max_position_embeddings, width)
        self.register_buffer("positional_embedding", positions)
        self.blocks = nn.ModuleList(EncoderBlock(config) for _ in range(config.num_hidden_layers))
        self.ln_post = nn.LayerNorm(width)
        self.gradient_checkpointing = False
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        init_weights(module, self.config.initializer_range)

    def forward(
        self,
        input_features: Float[Tensor, "clips bins frames"],
        input_features_mask: Bool[Tensor, "clips frames"] | None = None,
    ) -> Float[Tensor, "clips tokens width"]:
        """Return the audio tokens of each clip; those beyond `num_tokens` of a clip mean nothing.

        Raises:
            AudioError: more frames than the encoder has positions for.
        """
        mel = input_features.to(self.conv1.weight.dtype)
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel)))).transpose(
            1, 2
        )  # (clips, frames / 2, width)
        if x.shape[1] > self.config.max_position_embeddings:
            raise AudioError(
                f"a clip gives {x.shape[1]} encoder frames but this encoder has positions for "
                f"{self.config.max_position_embeddings} ({MAX_SECONDS} s); cut the clip"
            )
        x = x + self.positional_embedding[: x.shape[1]].to(x.dtype)
        hidden = None if input_features_mask is None else input_features_mask[:, None, None, ::2]
        for block in self.blocks:
            x = block(x, hidden)
        return self._pool(x)

    def num_tokens(self, input_features_mask: Bool[Tensor, "clips frames"]) -> Tensor:
        """Return how many audio tokens each clip has, shape (clips,)."""
        return conv_frames(input_features_mask.sum(dim=1)) // self.config.pool

    def _pool(self, x: Tensor) -> Tensor:
        pool, tokens = self.config.pool, x.shape[1] // self.config.pool
        if self.config.pooling == "stack":
            return self.ln_post(x)[:, : tokens * pool].unflatten(1, (tokens, pool)).flatten(2)
        x = F.avg_pool1d(x.transpose(1, 2), kernel_size=pool).transpose(1, 2)
        return self.ln_post(x)  # (clips, tokens, width): pooled before the norm, as released


def init_weights(module: nn.Module, std: float) -> None:
    """Fill one freshly made module: normal weights, zero biases, unit norms, fixed positions."""
    if isinstance(module, nn.Linear | nn.Conv1d | nn.Embedding):
        nn.init.normal_(module.weight, std=std)
        if getattr(module, "bias", None) is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.LayerNorm | nn.RMSNorm):
        nn.init.ones_(module.weight)
        if getattr(module, "bias", None) is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, QwenAudioEncoder):
        table = sinusoids(*module.positional_embedding.shape)
        with torch.no_grad():
            module.positional_embedding.copy_(table)
