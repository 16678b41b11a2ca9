"""Replies that start sooner: the keys and values of a prompt's known beginning are kept.

A conversation's prompt grows at its end, so nearly all of it was computed a turn before. The cache
is cropped to the longest beginning that the new prompt shares with it, clips compared by content,
and only the rest is computed. An edit, a cut window or another reply just share less.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import takewhile

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache

from qwen_audio.inference.generation import (
    Generation,
    OnToken,
    ShouldStop,
    run_generate,
    until_stop,
)
from qwen_audio.inference.heard import ClipKey, Heard, HeardClips
from qwen_audio.model.decoder import QwenAudioDecoder, seen
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration
from qwen_audio.model.processing import QwenAudioProcessor
from qwen_audio.text.prompt import Prompt
from qwen_audio.text.tokenizers import stop_ids


@dataclass(frozen=True)
class _Kept:
    """A cache, what stands at each of its positions, and its dynamic-NTK factor."""

    cache: DynamicCache
    positions: tuple[Hashable, ...] = ()
    alpha: float | None = None


class PrefixCache:
    """One growing prompt's keys and values, and the clips heard in it.

    Its replies equal those of a run without any cache. It is not for several threads at once.

    Args:
        model: the network, on its device.
        processor: the one it came with.
    """

    def __init__(
        self, model: QwenAudioForConditionalGeneration, processor: QwenAudioProcessor
    ) -> None:
        self.model = model
        self.processor = processor
        self.heard = HeardClips(model)
        self.num_reused = 0
        self._kept = _Kept(DynamicCache())

    @torch.inference_mode()
    def generate(
        self,
        prompt: Prompt,
        *,
        settings: Generation,
        on_token: OnToken | None = None,
        should_stop: ShouldStop | None = None,
    ) -> tuple[int, ...]:
        """Return the tokens that follow a prompt, end token excluded.

        `num_reused` then tells how many of the prompt's positions were not computed again.

        Args:
            prompt: what `render_chat` or `render_tagged` gave; it ends with text.
            settings: how the reply is made; one reply, no beams.
            on_token: called with each new token as it comes.
            should_stop: asked after each token whether to end here.
        """
        keys = self.heard.keys(prompt.clips)
        heard = self.heard.hear(prompt.clips, keys)
        ids = self._seen(prompt.ids, heard)
        positions = self._positions(ids, keys)
        alpha = self._alpha(len(ids))
        cache = self._crop(positions[:-1], alpha)  # `generate` itself computes the last position
        self._kept = _Kept(DynamicCache())  # not to be trusted if what follows fails half-way
        self._prefill(ids, heard, cache, alpha)
        written = run_generate(
            self.model,
            self.processor,
            self._inputs(ids, cache, alpha),
            settings=settings,
            on_token=on_token,
            should_stop=should_stop,
        )[0].tolist()
        self._kept = _Kept(cache, (*positions, *written)[: seen(cache)], _number(alpha))
        return until_stop(written, stop_ids(self.processor.tokenizer))

    def _seen(self, ids: Sequence[int], heard: Sequence[Heard]) -> list[int]:
        """Return the ids without the slots that the decoder does not see.

        A hidden slot takes no position and is never looked at, so leaving it out changes nothing.
        """
        slots = iter([is_seen for clip in heard for is_seen in clip.is_seen])
        pad = self.model.config.audio_token_id
        return [index for index in ids if index != pad or next(slots)]

    def _positions(self, ids: Sequence[int], keys: Sequence[ClipKey]) -> tuple[Hashable, ...]:
        """Return what stands at each position: the id, and in a clip's slots the clip too."""
        config = self.model.config
        slots = (config.audio_begin_id, config.audio_token_id, config.audio_end_id)
        positions, clip = [], -1
        for index in ids:
            clip += index == config.audio_begin_id
            positions.append((index, keys[clip]) if index in slots else index)
        return tuple(positions)

    def _crop(self, wanted: Sequence[Hashable], alpha: Tensor | None) -> DynamicCache:
        """Return the kept cache cut to what it shares with the wanted positions."""
        kept = self._kept
        pairs = zip(kept.positions, wanted, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        self.num_reused = same if kept.alpha == _number(alpha) else 0
        if not self.num_reused:
            return DynamicCache()
        kept.cache.crop(self.num_reused - seen(kept.cache))  # negative: how many to take off
        return kept.cache

    def _prefill(
        self, ids: Sequence[int], heard: Sequence[Heard], cache: DynamicCache, alpha: Tensor | None
    ) -> None:
        """Compute the positions that are not in the cache yet, except the last."""
        new = ids[self.num_reused : -1]
        if not new:
            return
        tensor = torch.tensor([new], device=self.model.device)
        first = list(ids[: self.num_reused]).count(self.model.config.audio_begin_id)
        if first < len(heard):
            counts = [len(clip.tokens) for clip in heard[first:]]
            embedded = self.model.splice(
                tensor,
                torch.cat([clip.tokens for clip in heard[first:]]),
                torch.tensor(counts, device=self.model.device),
            )
        else:
            embedded = self.model.get_input_embeddings()(tensor)
        self.model(
            inputs_embeds=embedded,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
            rope_alpha=alpha,
        )

    def _inputs(self, ids: Sequence[int], cache: DynamicCache, alpha: Tensor | None) -> dict:
        tensor = torch.tensor([ids], device=self.model.device)
        inputs = {
            "input_ids": tensor,
            "attention_mask": torch.ones_like(tensor),
            "past_key_values": cache,
        }
        return inputs if alpha is None else inputs | {"rope_alpha": alpha}

    def _alpha(self, length: int) -> Tensor | None:
        """Return the dynamic-NTK factor of a prompt; keys turned with another are of no use."""
        decoder = self.model.language_model
        if not isinstance(decoder, QwenAudioDecoder) or not decoder.config.dynamic_ntk:
            return None
        alpha = decoder.prefill_alpha(None, 1, length)
        return torch.ones(1, device=self.model.device) if alpha is None else alpha


def _number(alpha: Tensor | None) -> float | None:
    return None if alpha is None else alpha.item()
