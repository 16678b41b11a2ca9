"""Log-mel frames of the clips of one or more prompts, as the encoder takes them."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F
from transformers import BatchFeature, SequenceFeatureExtractor

from qwen_audio.audio.lengths import (
    CONV_STRIDE,
    HOP_LENGTH,
    MAX_SAMPLES,
    SAMPLE_RATE,
    mel_frames,
)
from qwen_audio.audio.mel import log_mel
from qwen_audio.errors import AudioError


def prompt_mels(
    waveforms: Sequence[np.ndarray], *, num_mel_bins: int
) -> list[tuple[Float[Tensor, "bins frames"], int]]:
    """Return the frames of one prompt's clips, and how many of each are real.

    The released model encodes the clips of one prompt side by side, each cut from 30 s of padding
    at the longest one's end. So the frame after a shorter clip's last is what padding gives there,
    not zero, and the first convolution sees it. We keep that one frame: it is all that reaches.
    """
    lengths = [len(waveform) for waveform in waveforms]
    return [
        clip_mel(waveform, num_mel_bins=num_mel_bins, has_edge=has_edge)
        for waveform, has_edge in zip(waveforms, edges(lengths), strict=True)
    ]


def edges(lengths: Sequence[int]) -> list[bool]:
    """Return which clips of one prompt, given in samples, are shorter than its longest."""
    frames = [mel_frames(num_samples) for num_samples in lengths]
    return [count < max(frames) for count in frames]


def clip_mel(
    waveform: np.ndarray, *, num_mel_bins: int, has_edge: bool
) -> tuple[Float[Tensor, "bins frames"], int]:
    """Return one clip's frames and how many are real; see `prompt_mels` for the edge."""
    mel = log_mel(waveform[:MAX_SAMPLES], num_mel_bins=num_mel_bins)
    return (_with_edge(waveform, mel) if has_edge else mel), mel.shape[1]


def pad_mels(
    mels: Sequence[tuple[Tensor, int]],
) -> tuple[Float[Tensor, "clips bins frames"], Bool[Tensor, "clips frames"]]:
    """Return the clips of a batch side by side, zeros behind each, and which frames are real."""
    frames = max(mel.shape[1] for mel, _ in mels)
    frames += frames % CONV_STRIDE
    features = torch.stack([F.pad(mel, (0, frames - mel.shape[1])) for mel, _ in mels])
    counts = torch.tensor([count for _, count in mels])
    return features, torch.arange(frames)[None] < counts[:, None]


class QwenAudioFeatureExtractor(SequenceFeatureExtractor):
    """Whisper's log-mel without padding to 30 s, in transformers' form (saved with a processor)."""

    model_input_names = ["input_features", "input_features_mask"]  # noqa: RUF012

    def __init__(
        self, feature_size: int = 80, sampling_rate: int = SAMPLE_RATE, **kwargs: object
    ) -> None:
        kwargs.setdefault("padding_value", 0.0)
        super().__init__(feature_size=feature_size, sampling_rate=sampling_rate, **kwargs)

    def __call__(
        self,
        raw_speech: np.ndarray | Sequence[np.ndarray],
        sampling_rate: int | None = None,
        return_tensors: str | None = "pt",
    ) -> BatchFeature:
        """Return `input_features` and `input_features_mask` of clips, each as if alone.

        Raises:
            AudioError: another sampling rate than 16 kHz.
        """
        if sampling_rate not in (None, self.sampling_rate):
            raise AudioError(
                f"the clips are said to be at {sampling_rate} Hz but frames are made from "
                f"{self.sampling_rate} Hz; resample with qwen_audio.audio.load_clip"
            )
        is_one = isinstance(raw_speech, np.ndarray | Tensor) and raw_speech.ndim == 1
        clips = [raw_speech] if is_one else list(raw_speech)
        mels = [log_mel(clip[:MAX_SAMPLES], num_mel_bins=self.feature_size) for clip in clips]
        features, mask = pad_mels([(mel, mel.shape[1]) for mel in mels])
        values = {"input_features": features, "input_features_mask": mask}
        return BatchFeature(values, tensor_type=return_tensors)


def _with_edge(waveform: np.ndarray, mel: Tensor) -> Tensor:
    silence = np.zeros(CONV_STRIDE * HOP_LENGTH, dtype=waveform.dtype)
    longer = log_mel(np.concatenate([waveform, silence]), num_mel_bins=mel.shape[0])
    return longer[:, : mel.shape[1] + 1]
