"""Log-mel frames as Whisper's, for exactly as long as the clip is.

The original pads every clip with silence to 30 s and then looks at all 3000 frames. The frames
that touch the clip do not depend on the silence behind them, so we compute only those.
"""

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from qwen_audio.audio.lengths import (
    CONV_STRIDE,
    HOP_LENGTH,
    MAX_SAMPLES,
    SAMPLE_RATE,
    WINDOW_LENGTH,
    conv_frames,
    mel_frames,
)

POWER_FLOOR = 1e-10  # Whisper's: silence becomes -10 before scaling
DYNAMIC_RANGE = 8.0  # in powers of ten below the loudest point of the clip
# The window of frame t begins 200 samples before 160 t: the last frame that can touch a clip of
# n samples is n // 160 + 2.
TAIL_FRAMES = 3

# Slaney's mel scale: linear below 1 kHz, then 27 steps for each factor of 6.4.
_HERTZ_PER_MEL = 200.0 / 3.0
_LOG_BEGIN_HERTZ = 1000.0
_LOG_BEGIN_MEL = _LOG_BEGIN_HERTZ / _HERTZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def log_mel(
    waveform: Float[np.ndarray, " samples"] | Float[Tensor, " samples"], *, num_mel_bins: int = 80
) -> Float[Tensor, "bins frames"]:
    """Return the log-mel frames of one 16 kHz clip, rounded up to whole encoder frames.

    The numbers are the first frames of Whisper's log-mel of the clip padded to 30 s. Samples
    past 30 s are not used.

    Args:
        waveform: Mono samples at 16 kHz between -1 and 1.
        num_mel_bins: 80 for encoders up to Whisper large-v2, 128 for large-v3.
    """
    if isinstance(waveform, np.ndarray):
        waveform = torch.from_numpy(np.require(waveform, np.float32, ["C", "W"]))
    num_samples = torch.tensor([waveform.shape[0]], device=waveform.device)
    mel, _ = log_mel_batch(waveform[None], num_samples, num_mel_bins=num_mel_bins)
    return mel[0]  # (bins, frames)


@torch.no_grad()
def log_mel_batch(
    waveforms: Float[Tensor, "clips samples"],
    num_samples: Int[Tensor, " clips"],
    *,
    num_mel_bins: int = 80,
) -> tuple[Float[Tensor, "clips bins frames"], Bool[Tensor, "clips frames"]]:
    """Return the log-mel frames of several clips, and which of them are real.

    Each row holds what `log_mel` gives for that clip alone, then zeros. The frame count follows
    from the width of `waveforms`, so nothing waits for the device.

    Args:
        waveforms: Mono samples at 16 kHz; what a row holds past its clip is ignored.
        num_samples: How long each clip is.
        num_mel_bins: As in `log_mel`.
    """
    num_samples = num_samples.to(waveforms.device)
    width = min(waveforms.shape[1], MAX_SAMPLES)
    is_clip = torch.arange(width, device=waveforms.device) < num_samples[:, None]
    samples = waveforms[:, :width].float()
    samples = samples.masked_fill(~is_clip, 0.0)  # (clips, samples)

    log_power = _log_power(samples, num_mel_bins)  # (clips, bins, frames + tail)
    loudest = log_power.amax(dim=(1, 2), keepdim=True)  # (clips, 1, 1)
    mel = (torch.maximum(log_power, loudest - DYNAMIC_RANGE) + 4.0) / 4.0

    num_frames = CONV_STRIDE * conv_frames(mel_frames(num_samples))
    frames = torch.arange(CONV_STRIDE * conv_frames(mel_frames(width)), device=mel.device)
    is_real = frames < num_frames[:, None]  # (clips, frames)
    mel = mel[..., : frames.shape[0]].masked_fill(~is_real[:, None], 0.0)
    return mel, is_real


def _log_power(
    samples: Float[Tensor, "clips samples"], num_mel_bins: int
) -> Float[Tensor, "clips bins frames"]:
    """Return log10 mel power of every frame that touches a sample, unclipped and unscaled."""
    device = samples.device
    num_frames = min(samples.shape[1] // HOP_LENGTH + TAIL_FRAMES, MAX_SAMPLES // HOP_LENGTH)
    samples = F.pad(samples, (0, num_frames * HOP_LENGTH - samples.shape[1]))
    # Autocast would run the filterbank in half precision.
    with torch.autocast(device.type, enabled=False):
        spectrum = torch.stft(
            samples,
            WINDOW_LENGTH,
            HOP_LENGTH,
            window=torch.hann_window(WINDOW_LENGTH, device=device),
            center=True,
            pad_mode="reflect",  # at the end it meets silence, or 30 s as in the original
            return_complex=True,
        )
        spectrum = torch.view_as_real(spectrum[..., :num_frames])  # (clips, freqs, frames, 2)
        power = spectrum.square().sum(dim=-1)  # (clips, freqs, frames)
        mel_power = _filterbank(num_mel_bins, device) @ power  # (clips, bins, frames)
    return mel_power.clamp(min=POWER_FLOOR).log10()


@lru_cache(maxsize=8)
def _filterbank(num_mel_bins: int, device: torch.device) -> Float[Tensor, "bins freqs"]:
    """Return triangular filters of equal area on Slaney's mel scale, from 0 to 8 kHz."""
    hertz = np.linspace(0.0, SAMPLE_RATE / 2, WINDOW_LENGTH // 2 + 1)
    corners = _mel_to_hertz(np.linspace(0.0, _hertz_to_mel(SAMPLE_RATE / 2), num_mel_bins + 2))
    left, middle, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising = (hertz - left) / (middle - left)
    falling = (right - hertz) / (right - middle)
    triangles = np.maximum(0.0, np.minimum(rising, falling))  # (bins, freqs)
    equal_area = triangles * 2.0 / (right - left)
    return torch.from_numpy(equal_area.astype(np.float32)).to(device)


def _hertz_to_mel(hertz: float) -> float:
    if hertz < _LOG_BEGIN_HERTZ:
        return hertz / _HERTZ_PER_MEL
    return _LOG_BEGIN_MEL + np.log(hertz / _LOG_BEGIN_HERTZ) / _LOG_STEP


def _mel_to_hertz(mels: np.ndarray) -> np.ndarray:
    logarithmic = _LOG_BEGIN_HERTZ * np.exp(_LOG_STEP * (mels - _LOG_BEGIN_MEL))
    return np.where(mels < _LOG_BEGIN_MEL, mels * _HERTZ_PER_MEL, logarithmic)
