"""From a file, bytes or an array to 16 kHz samples and log-mel frames."""

from qwen_audio.audio.lengths import (
    HOP_LENGTH,
    MAX_SAMPLES,
    MAX_SECONDS,
    SAMPLE_RATE,
    WINDOW_LENGTH,
    audio_tokens,
    conv_frames,
    mel_frames,
    span_tokens,
    token_seconds,
)
from qwen_audio.audio.mel import log_mel, log_mel_batch
from qwen_audio.audio.sources import Clip, ClipSource, load_clip

__all__ = [
    "HOP_LENGTH",
    "MAX_SAMPLES",
    "MAX_SECONDS",
    "SAMPLE_RATE",
    "WINDOW_LENGTH",
    "Clip",
    "ClipSource",
    "audio_tokens",
    "conv_frames",
    "load_clip",
    "log_mel",
    "log_mel_batch",
    "mel_frames",
    "span_tokens",
    "token_seconds",
]
