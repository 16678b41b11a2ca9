"""From the encoder's width to the decoder's: one linear layer, or a small network.

Every projector takes the audio tokens of all clips, packed one clip after the other, and how many
each clip has.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from qwen_audio.model.configuration import QwenAudioConfig, QwenAudioEncoderConfig
from qwen_audio.model.encoder import EncoderBlock

_HEAD_WIDTH = 64  # of a transformer projector's attention, as in every Whisper
_REACH = 2  # audio tokens to each side that its convolutions see


class LinearProjector(nn.Module):
    """The released projection: one linear layer (the paper's 640 M parameters include it)."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width_in, width_out)

    def forward(
        self,
        x: Float[Tensor, "tokens width"],
        counts: Int[Tensor, " clips"],  # noqa: ARG002 - each token stands alone
    ) -> Float[Tensor, "tokens out"]:
        """Return each audio token at the decoder's width."""
        return self.proj(x)


class MlpProjector(nn.Module):
    """Norm, a hidden layer and the output; learns the step from sounds to words more easily."""

    def __init__(self, width_in: int, hidden: int, width_out: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width_in)
        self.hidden = nn.Linear(width_in, hidden)
        self.act = nn.GELU()
        self.proj = nn.Linear(hidden, width_out)

    def forward(
        self,
        x: Float[Tensor, "tokens width"],
        counts: Int[Tensor, " clips"],  # noqa: ARG002 - each token stands alone
    ) -> Float[Tensor, "tokens out"]:
        """Return each audio token at the decoder's width."""
        return self.proj(self.act(self.hidden(self.norm(x))))


class ProjectorBlock(nn.Module):
    """A convolution over neighbouring tokens, which knows their order, then a Transformer layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Parameter(torch.zeros(2 * _REACH + 1, width))  # depth-wise: taps, width
        shape = {"hidden_size": width, "num_attention_heads": max(1, width // _HEAD_WIDTH)}
        self.layer = EncoderBlock(QwenAudioEncoderConfig(**shape))

    def forward(self, x: Tensor, is_real: Tensor) -> Tensor:
        """Return the tokens (clips, tokens, width); `is_real` (clips, tokens) hides padding."""
        padded = F.pad(x * is_real.unsqueeze(-1), (0, 0, _REACH, _REACH))
        # Shifted sums: torch's depth-wise convolution is many times slower on a CPU.
        taps = enumerate(self.conv.to(x.dtype))
        x = x + sum(padded[:, place : place + x.shape[1]] * tap for place, tap in taps)
        return self.layer(x, is_real[:, None, None, :])


class OutputLinear(nn.Linear):
    """A last layer that begins small: what it gives then has the size of a token's embedding."""


class TransformerProjector(nn.Module):
    """Looks at a whole clip once more, so that a frozen encoder's frames can read as tokens."""

    def __init__(self, width_in: int, hidden: int, width_out: int, *, layers: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width_in)
        self.hidden = nn.Linear(width_in, hidden)
        self.dropout = nn.Dropout(0.1)
        self.blocks = nn.ModuleList(ProjectorBlock(hidden) for _ in range(layers))
        self.ln_post = nn.LayerNorm(hidden)
        self.proj = OutputLinear(hidden, width_out)

    def forward(
        self, x: Float[Tensor, "tokens width"], counts: Int[Tensor, " clips"]
    ) -> Float[Tensor, "tokens out"]:
        """Return each audio token at the decoder's width."""
        x = self.dropout(self.hidden(self.norm(x)))
        padded = pad_sequence(x.split(counts.tolist()), batch_first=True)
        is_real = torch.arange(padded.shape[1], device=x.device)[None] < counts[:, None]
        for block in self.blocks:
            padded = block(padded, is_real)
        return self.proj(self.ln_post(padded[is_real]))


def init_projector(module: nn.Module, std: float) -> None:
    """Fill what a freshly made projector has beside ordinary layers."""
    if isinstance(module, ProjectorBlock):
        nn.init.zeros_(module.conv)
    elif isinstance(module, OutputLinear):
        nn.init.normal_(module.weight, std=std / 8)


def build_projector(config: QwenAudioConfig) -> nn.Module:
    """Return the projector a configuration names."""
    width_in, width_out = config.audio_config.output_size, config.text_config.hidden_size
    if config.projector == "linear":
        return LinearProjector(width_in, width_out)
    if config.projector == "mlp":
        return MlpProjector(width_in, config.projector_hidden_size or 2 * width_out, width_out)
    hidden = config.projector_hidden_size or config.audio_config.hidden_size
    return TransformerProjector(width_in, hidden, width_out, layers=config.projector_layers)
