"""Clips that the model has heard: their projected audio tokens, each clip encoded once."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from qwen_audio.audio.sources import Clip
from qwen_audio.model.features import clip_mel, edges, pad_mels
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration

MAX_CLIPS = 64  # of 30 s each some 400 MB for a 7B model
ClipKey = tuple[str, bool]


@dataclass(frozen=True)
class Heard:
    """What the decoder is given of a clip.

    Attributes:
        tokens: the audio tokens that the decoder sees.
        is_seen: for each of the clip's slots in a prompt, whether the decoder sees its token.
    """

    tokens: Float[Tensor, "tokens width"]
    is_seen: tuple[bool, ...]


class HeardClips:
    """Audio tokens by content, the least recently used dropped first.

    A clip shorter than the longest of its prompt is encoded with one frame of edge behind it (see
    `model/features.py`), so a clip is encoded a second time when a longer one first joins it.

    Args:
        model: the network, on its device.
        max_clips: how many clips to keep.
    """

    def __init__(
        self, model: QwenAudioForConditionalGeneration, *, max_clips: int = MAX_CLIPS
    ) -> None:
        self.model = model
        self.max_clips = max_clips
        self.num_encoded = 0
        self._heard: OrderedDict[ClipKey, Heard] = OrderedDict()

    def keys(self, clips: Sequence[Clip]) -> list[ClipKey]:
        """Return what tells each clip of one prompt from all others."""
        has_edge = edges([clip.num_samples for clip in clips])
        return [(clip.fingerprint, edge) for clip, edge in zip(clips, has_edge, strict=True)]

    def hear(self, clips: Sequence[Clip], keys: Sequence[ClipKey]) -> list[Heard]:
        """Return what the decoder is given of each clip of one prompt."""
        found = [self._one(clip, key) for clip, key in zip(clips, keys, strict=True)]
        while len(self._heard) > self.max_clips:
            self._heard.popitem(last=False)
        return found

    def _one(self, clip: Clip, key: ClipKey) -> Heard:
        if key not in self._heard:
            self._heard[key] = self._encode(clip, has_edge=key[1])
        self._heard.move_to_end(key)
        return self._heard[key]

    @torch.inference_mode()
    def _encode(self, clip: Clip, *, has_edge: bool) -> Heard:
        self.num_encoded += 1
        bins = self.model.config.audio_config.num_mel_bins
        mel = clip_mel(clip.waveform, num_mel_bins=bins, has_edge=has_edge)
        features, mask = (tensor.to(self.model.device) for tensor in pad_mels([mel]))
        hearing = self.model.hear(features, mask)
        if hearing.is_kept is None:
            return Heard(hearing.tokens, (True,) * len(hearing.tokens))
        return Heard(hearing.tokens[hearing.is_kept], tuple(hearing.is_kept.tolist()))
