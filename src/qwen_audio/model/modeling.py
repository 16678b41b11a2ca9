"""Qwen-Audio as one network: audio tokens spliced into the decoder's embeddings.

The prompt's ids already hold one slot for each audio token, between a begin and an end id
(`text/prompt.py` makes them). All slots, both ends included, get their vectors from the audio side:
`[begin, token 1 … token n, end]` a clip (original: `modeling_qwen.py`, done there in place).
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, GenerationMixin, PreTrainedModel
from transformers.cache_utils import Cache
from transformers.utils import ModelOutput

from qwen_audio.errors import PromptError
from qwen_audio.model.configuration import QwenAudioConfig, QwenAudioTextConfig
from qwen_audio.model.decoder import QwenAudioDecoder, RMSNorm, seen
from qwen_audio.model.encoder import QwenAudioEncoder, init_weights
from qwen_audio.model.projector import build_projector, init_projector
from qwen_audio.model.reading import Hearing, Reader, init_reader, keep_only

IGNORED = -100  # label of a position that is not learnt (torch's cross-entropy default)


@dataclass
class QwenAudioOutput(ModelOutput):
    """What one forward pass gives.

    `logits` is (batch, kept, vocab), or (learnt, vocab) with `learnt_logits_only`. `audio_tokens`
    is the projected audio, packed over clips, (tokens, width); `audio_token_counts` (clips,).
    `rope_alpha` is the dynamic-NTK factor of the prefill, which decoding must keep, and
    `attention_mask` what a prefill with a reader left of the mask, likewise.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Cache | None = None
    audio_tokens: Tensor | None = None
    audio_token_counts: Tensor | None = None
    rope_alpha: Tensor | None = None
    attention_mask: Tensor | None = None


class QwenAudioForConditionalGeneration(PreTrainedModel, GenerationMixin):
    """Audio and text in, text out; a transformers citizen (generate, PEFT, accelerate, Trainer)."""

    config_class = QwenAudioConfig
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _no_split_modules = ["EncoderBlock", "DecoderLayer"]  # noqa: RUF012
    _supports_sdpa = True
    _tied_weights_keys = {"lm_head.weight": "language_model.embed_tokens.weight"}  # noqa: RUF012

    def __init__(self, config: QwenAudioConfig) -> None:
        super().__init__(config)
        text = config.text_config
        self.encoder = QwenAudioEncoder(config.audio_config)
        self.projector = build_projector(config)
        self.reader = None
        if config.reader:
            self.reader = Reader(text.hidden_size, text.vocab_size, every=config.reader_every)
        self.boundaries = nn.Embedding(2, text.hidden_size)  # begin, end of a clip
        self.language_model = _build_decoder(text)
        self.lm_head = nn.Linear(text.hidden_size, text.vocab_size, bias=False)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        init_weights(module, self.config.initializer_range)
        init_projector(module, self.config.initializer_range)
        init_reader(module)
        if isinstance(module, RMSNorm):
            nn.init.ones_(module.weight)

    def get_input_embeddings(self) -> nn.Module:
        """Return the decoder's token embedding."""
        return self.language_model.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the decoder's token embedding."""
        self.language_model.set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Module:
        """Return the head."""
        return self.lm_head

    def set_output_embeddings(self, value: nn.Module) -> None:
        """Replace the head."""
        self.lm_head = value

    def get_audio_features(
        self,
        input_features: Float[Tensor, "clips bins frames"],
        input_features_mask: Bool[Tensor, "clips frames"] | None = None,
    ) -> tuple[Float[Tensor, "tokens width"], Int[Tensor, " clips"]]:
        """Return all clips' audio tokens one after the other, and how many each has."""
        hearing = self.hear(input_features, input_features_mask)
        return hearing.tokens, hearing.counts

    def hear(
        self,
        input_features: Float[Tensor, "clips bins frames"],
        input_features_mask: Bool[Tensor, "clips frames"] | None = None,
    ) -> Hearing:
        """Return what the decoder gets of all clips: encoded, projected, perhaps read."""
        return self.read(*self.project(input_features, input_features_mask))

    def project(
        self,
        input_features: Float[Tensor, "clips bins frames"],
        input_features_mask: Bool[Tensor, "clips frames"] | None = None,
    ) -> tuple[Float[Tensor, "tokens width"], Int[Tensor, " clips"]]:
        """Return all clips' projected audio tokens, not read yet, and how many each has."""
        if input_features_mask is None:
            clips, _, frames = input_features.shape
            input_features_mask = torch.ones(
                (clips, frames), dtype=torch.bool, device=input_features.device
            )
        hidden = self.encoder(input_features, input_features_mask)  # (clips, tokens, width)
        counts = self.encoder.num_tokens(input_features_mask)
        real = torch.arange(hidden.shape[1], device=hidden.device)[None] < counts[:, None]
        return self.projector(hidden[real], counts), counts

    def read(self, tokens: Float[Tensor, "tokens width"], counts: Int[Tensor, " clips"]) -> Hearing:
        """Return projected audio tokens as the decoder gets them: through the reader, if any."""
        if self.reader is None:
            return Hearing(tokens=tokens, counts=counts)
        return self.reader(tokens, counts, self.get_input_embeddings())

    def splice(
        self,
        input_ids: Int[Tensor, "batch time"],
        tokens: Float[Tensor, "tokens width"],
        counts: Int[Tensor, " clips"],
    ) -> Float[Tensor, "batch time width"]:
        """Return the prompt's embeddings with every audio slot filled, clips in reading order.

        Raises:
            PromptError: the prompt's slots and the clips' tokens do not match in number.
        """
        text = self.get_input_embeddings()(input_ids)
        audio = self._with_boundaries(tokens, counts).to(text.dtype)
        is_audio = self._audio_slots(input_ids)
        slots = int(is_audio.sum())
        if slots != len(audio):
            raise PromptError(
                f"the prompt has {slots} audio slots but the {len(counts)} clips given make "
                f"{len(audio)}; render the prompt with the same clips (see QwenAudioProcessor)"
            )
        return torch.masked_scatter(text, is_audio.unsqueeze(-1), audio)

    def forward(  # noqa: PLR0913
        self,
        input_ids: Int[Tensor, "batch time"] | None = None,
        *,
        input_features: Float[Tensor, "clips bins frames"] | None = None,
        input_features_mask: Bool[Tensor, "clips frames"] | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Int[Tensor, "batch time"] | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Float[Tensor, "batch time width"] | None = None,
        labels: Int[Tensor, "batch time"] | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        learnt_logits_only: bool = False,
        rope_alpha: Float[Tensor, " batch"] | None = None,
        return_dict: bool | None = None,  # noqa: ARG002 - generate passes it
    ) -> QwenAudioOutput:
        """Return logits, and the next-token loss where labels are given.

        Args:
            input_ids: the prompt with audio slots; clips fill them row by row.
            input_features: log-mel frames of all clips of the batch.
            input_features_mask: which of those frames are real.
            attention_mask: 1 for real positions. None with right padding is right too, and faster.
            position_ids: places in each row; computed from the mask by default.
            past_key_values: cache of earlier positions.
            inputs_embeds: embeddings instead of ids (audio already spliced).
            labels: the ids to learn, `IGNORED` elsewhere; shifted inside.
            use_cache: whether to return keys and values.
            logits_to_keep: compute logits only for that many last positions (0: all).
            learnt_logits_only: with labels: logits only where something is learnt.
            rope_alpha: the value the prefill returned, when decoding by hand.
            return_dict: not used; what comes back is always a record.
        """
        hearing = mask_left = None
        if input_features is not None:
            hearing = self.hear(input_features, input_features_mask)
        if inputs_embeds is None:
            inputs_embeds = self._embed(input_ids, hearing)
        if self.reader is not None:
            position_ids = None  # what is not kept takes no position: counted from the mask
            if hearing is not None:
                is_slot = input_ids == self.config.audio_token_id
                attention_mask = mask_left = keep_only(is_slot, hearing, attention_mask)
        alpha = self._alpha(inputs_embeds, attention_mask, past_key_values, rope_alpha)
        if use_cache is None:
            use_cache = past_key_values is not None or (not self.training and labels is None)
        decoded = self.language_model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            **({"rope_alpha": alpha} if isinstance(self.language_model, QwenAudioDecoder) else {}),
        )
        kept = {"logits_to_keep": logits_to_keep, "learnt_logits_only": learnt_logits_only}
        logits, loss = self._score(decoded.last_hidden_state, labels, **kept)
        return QwenAudioOutput(
            loss=loss,
            logits=logits,
            past_key_values=decoded.past_key_values,
            audio_tokens=None if hearing is None else hearing.tokens,
            audio_token_counts=None if hearing is None else hearing.counts,
            rope_alpha=alpha,
            attention_mask=mask_left,
        )

    def _update_model_kwargs_for_generation(
        self, outputs: QwenAudioOutput, model_kwargs: dict[str, Any], **kwargs: Any
    ) -> dict[str, Any]:
        """Keep the prefill's mask and, as the released model does, its dynamic-NTK factor."""
        if outputs.attention_mask is not None:
            model_kwargs["attention_mask"] = outputs.attention_mask
        model_kwargs = super()._update_model_kwargs_for_generation(outputs, model_kwargs, **kwargs)
        if isinstance(self.language_model, QwenAudioDecoder) and "rope_alpha" not in model_kwargs:
            alpha = outputs.rope_alpha
            if alpha is None and self.config.text_config.dynamic_ntk:
                alpha = torch.ones(outputs.logits.shape[0], device=outputs.logits.device)
            model_kwargs["rope_alpha"] = alpha
        return model_kwargs

    def _alpha(
        self, x: Tensor, mask: Tensor | None, cache: Cache | None, given: Tensor | None
    ) -> Tensor | None:
        """Return the dynamic-NTK factor: the prefill's where it is given, else this prompt's."""
        if given is not None or not isinstance(self.language_model, QwenAudioDecoder):
            return given
        mask = mask if mask is not None and mask.ndim == 2 else None
        return self.language_model.prefill_alpha(mask, len(x), seen(cache) + x.shape[1])

    def _embed(self, input_ids: Tensor, hearing: Hearing | None) -> Tensor:
        if hearing is not None:
            return self.splice(input_ids, hearing.tokens, hearing.counts)
        return self.get_input_embeddings()(input_ids)

    def _score(
        self,
        hidden: Tensor,
        labels: Tensor | None,
        *,
        logits_to_keep: Any,
        learnt_logits_only: bool,
    ) -> tuple[Tensor, Tensor | None]:
        if labels is None:
            if isinstance(logits_to_keep, int):
                logits_to_keep = slice(-logits_to_keep, None) if logits_to_keep else slice(None)
            return self.lm_head(hidden[:, logits_to_keep]), None
        targets = labels[:, 1:]
        if learnt_logits_only:
            learnt = targets != IGNORED
            logits = self.lm_head(hidden[:, :-1][learnt])  # (learnt, vocab)
            return logits, F.cross_entropy(logits.float(), targets[learnt])
        logits = self.lm_head(hidden)
        flat = logits[:, :-1].flatten(0, 1).float()
        return logits, F.cross_entropy(flat, targets.flatten(), ignore_index=IGNORED)

    def _audio_slots(self, input_ids: Tensor) -> Tensor:
        config = self.config
        is_audio = input_ids == config.audio_token_id
        is_audio |= input_ids == config.audio_begin_id
        return is_audio | (input_ids == config.audio_end_id)

    def _with_boundaries(self, tokens: Tensor, counts: Tensor) -> Tensor:
        """Put the begin and end vectors around each clip's tokens."""
        clips = torch.arange(len(counts), device=tokens.device)
        starts = counts.cumsum(0) - counts + 2 * clips
        owner = clips.repeat_interleave(counts, output_size=len(tokens))
        places = torch.arange(len(tokens), device=tokens.device) + 2 * owner + 1
        order = torch.zeros(len(tokens) + 2 * len(counts), dtype=torch.long, device=tokens.device)
        order = order.index_fill(0, starts + counts + 1, 1)  # 0 begin, 1 end, 2… the tokens
        order = order.index_copy(0, places, torch.arange(len(tokens), device=tokens.device) + 2)
        return torch.cat([self.boundaries.weight.to(tokens.dtype), tokens])[order]


def _build_decoder(config: Any) -> PreTrainedModel:
    """Return our decoder for a configuration of ours, transformers' own model for any other."""
    if isinstance(config, QwenAudioTextConfig):
        return QwenAudioDecoder(config)
    return AutoModel.from_config(config)
