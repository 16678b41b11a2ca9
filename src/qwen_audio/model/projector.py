"""From the encoder's width to the decoder's: one linear layer, or a small network."""

from jaxtyping import Float
from torch import Tensor, nn

from qwen_audio.model.configuration import QwenAudioConfig


class LinearProjector(nn.Module):
    """The released projection: one linear layer (the paper's 640 M parameters include it)."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width_in, width_out)

    def forward(self, x: Float[Tensor, "tokens width"]) -> Float[Tensor, "tokens out"]:
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

    def forward(self, x: Float[Tensor, "tokens width"]) -> Float[Tensor, "tokens out"]:
        """Return each audio token at the decoder's width."""
        return self.proj(self.act(self.hidden(self.norm(x))))


def build_projector(config: QwenAudioConfig) -> nn.Module:
    """Return the projector a configuration names."""
    width_in, width_out = config.audio_config.output_size, config.text_config.hidden_size
    if config.projector == "linear":
        return LinearProjector(width_in, width_out)
    return MlpProjector(width_in, config.projector_hidden_size or 2 * width_out, width_out)
