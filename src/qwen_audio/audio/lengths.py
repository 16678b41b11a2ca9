"""How long a clip is at each stage: samples, log-mel frames, encoder frames, audio tokens.

This is the only home of these numbers. Every function takes a plain int, a NumPy array or an
integer tensor, and gives back the same kind; nothing here imports torch.
"""

from typing import TypeVar

SAMPLE_RATE = 16_000  # samples a second
HOP_LENGTH = 160  # samples between two log-mel frames: 10 ms
WINDOW_LENGTH = 400  # samples that one log-mel frame sees: 25 ms
MAX_SECONDS = 30  # what the encoder's positions reach
MAX_SAMPLES = MAX_SECONDS * SAMPLE_RATE
CONV_STRIDE = 2  # of the encoder's second convolution
POOL = 2  # encoder frames averaged into one audio token in the released models

Count = TypeVar("Count")


def mel_frames(num_samples: Count) -> Count:
    """Return how many whole hops a clip has; what lies past 30 s is not heard.

    >>> mel_frames(16_000), mel_frames(3_600 * 16_000)
    (100, 3000)
    """
    # min() in arithmetic, so that tensors work too.
    heard = num_samples - (num_samples - MAX_SAMPLES) * (num_samples > MAX_SAMPLES)
    return heard // HOP_LENGTH


def conv_frames(num_mel_frames: Count) -> Count:
    """Return how many frames leave the encoder's convolutions: half, rounded up."""
    return (num_mel_frames + CONV_STRIDE - 1) // CONV_STRIDE


def audio_tokens(num_mel_frames: Count, pool: int = POOL) -> Count:
    """Return how many audio tokens the decoder sees of a clip, without its begin and end.

    >>> audio_tokens(mel_frames(30 * 16_000))
    750
    """
    return conv_frames(num_mel_frames) // pool


def span_tokens(num_mel_frames: Count, pool: int = POOL) -> Count:
    """Return how many prompt positions a clip takes, its begin and end tokens included.

    >>> span_tokens(mel_frames(10 * 16_000))
    252
    """
    return audio_tokens(num_mel_frames, pool) + 2


def token_seconds(pool: int = POOL) -> float:
    """Return how much sound one audio token stands for, in seconds.

    >>> token_seconds()
    0.04
    """
    return HOP_LENGTH * CONV_STRIDE * pool / SAMPLE_RATE
