"""From attention to word times: the arithmetic behind labelling words with start and end.

While Whisper's decoder writes a token, a few of its attention heads look at where the token is
spoken (the method of openai/whisper's `timing.py`). Here the text is written with a mark behind
each word: the mark looks at the pause, the word at its own sound. The best path that only moves
forward through these looks, and prefers loud frames for words and quiet ones for marks, gives the
times.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

FRAME_S = 0.02  # seconds of sound behind one frame of the encoder
_MEDIAN_FRAMES = 7
# The decoder looks ahead of the sound by about this much. Both numbers were chosen on synthetic
# speech whose times are known (see docs/log.md).
_EARLY_FRAMES = 1
_LOUDNESS_WEIGHT = 4.0
_PAUSE_LOUDNESS = 0.4  # between the clip's quiet parts (0) and its loud ones (1)
_SPEECH_LOUDNESS = 0.3


def attention_map(
    heads: Float[Tensor, "heads tokens frames"],
) -> Float[np.ndarray, "tokens frames"]:
    """Return how much each token looks at each frame, over all heads.

    Each head is normalised over the tokens, so a frame that every token looks at counts nothing,
    and smoothed by a median over time.
    """
    heads = heads.float()
    spread = heads.std(dim=1, keepdim=True, correction=0).clamp(min=1e-9)
    heads = (heads - heads.mean(dim=1, keepdim=True)) / spread
    reach = min(_MEDIAN_FRAMES // 2, heads.shape[-1] - 1)
    padded = torch.nn.functional.pad(heads, (reach, reach), mode="reflect")
    smooth = padded.unfold(-1, 2 * reach + 1, 1).median(dim=-1).values  # (heads, tokens, frames)
    return smooth.mean(dim=0).numpy()


def loudness(mel: Float[Tensor, "bins mel_frames"]) -> Float[np.ndarray, " frames"]:
    """Return each encoder frame's loudness between the clip's quiet parts (0) and loud ones (1)."""
    level = mel.float().mean(dim=0).numpy()  # the mean of logarithms, one for each 10 ms
    level = level.reshape(-1, 2).mean(axis=1)  # (frames,)
    quiet, loud = np.quantile(level, (0.05, 0.95))
    return np.clip((level - quiet) / (loud - quiet + 1e-6), 0.0, 1.0)


def word_spans(
    looks: Float[np.ndarray, "tokens frames"],
    loud: Float[np.ndarray, " frames"],
    is_mark: Bool[np.ndarray, " tokens"],
) -> list[tuple[float, float]]:
    """Return start and end, in seconds, of each word.

    Args:
        looks: What `attention_map` gives for the tokens of all words, each followed by its mark.
        loud: What `loudness` gives.
        is_mark: Which tokens are marks; the tokens up to a mark are one word.

    Raises:
        ValueError: There are more tokens than frames.
    """
    late = np.pad(looks, ((0, 0), (_EARLY_FRAMES, 0)), mode="edge")[:, : looks.shape[1]]
    speech = _LOUDNESS_WEIGHT * (loud - _PAUSE_LOUDNESS)  # (frames,)
    score = late + np.where(is_mark[:, None], -speech, speech)
    begins = forward_path(np.concatenate([-speech[None], score]))[1:]  # after the first silence
    ends = begins[is_mark]
    starts = begins[np.concatenate([[True], is_mark[:-1]])]
    return [
        (round((start + _silence(loud[start:end])) * FRAME_S, 2), round(end * FRAME_S, 2))
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def _silence(loud: Float[np.ndarray, " frames"]) -> int:
    """Return how many quiet frames a word begins with: the first one looks at the clip's edge."""
    is_speech = loud > _SPEECH_LOUDNESS
    return int(is_speech.argmax())  # 0 when no frame is loud


def forward_path(score: Float[np.ndarray, "tokens frames"]) -> Int[np.ndarray, " tokens"]:
    """Return the frame at which each token begins, on the best path.

    Every token gets at least one frame; a frame belongs to one token.

    >>> forward_path(np.array([[3.0, 3.0, 0.0, 0.0], [0.0, 0.0, 3.0, 3.0]]))
    array([0, 2])

    Raises:
        ValueError: There are more tokens than frames.
    """
    num_tokens, num_frames = score.shape
    if num_frames < num_tokens:
        raise ValueError(f"{num_tokens} tokens do not fit into {num_frames} frames")
    best = np.full(num_tokens, -np.inf)
    best[0] = score[0, 0]
    is_step = np.zeros((num_tokens, num_frames), dtype=bool)
    for frame in range(1, num_frames):
        stepped = np.concatenate(([-np.inf], best[:-1]))
        is_step[:, frame] = stepped > best
        best = np.maximum(best, stepped) + score[:, frame]
    begins = np.zeros(num_tokens, dtype=np.int64)
    token = num_tokens - 1
    for frame in range(num_frames - 1, 0, -1):
        if is_step[token, frame]:
            begins[token] = frame
            token -= 1
    return begins
