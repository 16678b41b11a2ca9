"""Clips that the model has heard: their projected audio tokens, each clip encoded once."""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from qwen_audio.audio.sources import Clip
from qwen_audio.model.features import clip_mel, edges, pad_mels
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration

MAX_CLIPS = 64  # of 30 s each some 400 MB for a 7B model
ClipKey = tuple[str, bool]


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
        self._tokens: OrderedDict[ClipKey, Tensor] = OrderedDict()

    def keys(self, clips: Sequence[Clip]) -> list[ClipKey]:
        """Return what tells each clip of one prompt from all others."""
        has_edge = edges([clip.num_samples for clip in clips])
        return [(clip.fingerprint, edge) for clip, edge in zip(clips, has_edge, strict=True)]

    @torch.inference_mode()
    def tokens(
        self, clips: Sequence[Clip], keys: Sequence[ClipKey]
    ) -> tuple[Float[Tensor, "tokens width"], Int[Tensor, " clips"]]:
        """Return the clips' tokens one after the other, and how many each has."""
        found = [self._one(clip, key) for clip, key in zip(clips, keys, strict=True)]
        counts = torch.tensor([len(tokens) for tokens in found], device=found[0].device)
        return torch.cat(found), counts

    def _one(self, clip: Clip, key: ClipKey) -> Tensor:
        if key not in self._tokens:
            self._tokens[key] = self._encode(clip, has_edge=key[1])
        self._tokens.move_to_end(key)
        while len(self._tokens) > self.max_clips:
            self._tokens.popitem(last=False)
        return self._tokens[key]

    def _encode(self, clip: Clip, *, has_edge: bool) -> Float[Tensor, "tokens width"]:
        self.num_encoded += 1
        bins = self.model.config.audio_config.num_mel_bins
        mel = clip_mel(clip.waveform, num_mel_bins=bins, has_edge=has_edge)
        features, mask = (tensor.to(self.model.device) for tensor in pad_mels([mel]))
        tokens, _ = self.model.get_audio_features(features, mask)
        return tokens
