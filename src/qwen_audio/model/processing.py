"""Prompts and clips in, tensors out: the processor that travels with a model."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, no_type_check

import numpy as np
import torch
from torch import Tensor
from transformers import BatchFeature, ProcessorMixin

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.audio.sources import Clip, load_clip
from qwen_audio.errors import PromptError
from qwen_audio.model.configuration import QwenAudioConfig
from qwen_audio.model.features import QwenAudioFeatureExtractor, pad_mels, prompt_mels
from qwen_audio.text.chat_template import CHAT_TEMPLATE
from qwen_audio.text.messages import Message, from_dicts
from qwen_audio.text.prompt import Prompt, decode_reply, render_chat, render_tagged
from qwen_audio.text.tokenizers import end_of_text_id

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Waveform = np.ndarray | Tensor
Conversation = Sequence[Mapping[str, Any]] | Sequence[Message]


class QwenAudioProcessor(ProcessorMixin):
    """Render prompts to ids with audio slots, and clips to log-mel frames.

    `pool` is the model's: how many encoder frames make one audio token.
    """

    @no_type_check  # transformers reads the names of its arguments, which a checker's wrapper hides
    def __init__(
        self,
        feature_extractor: QwenAudioFeatureExtractor,
        tokenizer: "PreTrainedTokenizerFast",
        chat_template: str | None = None,
        pool: int = 2,
    ) -> None:
        self.pool = pool
        super().__init__(feature_extractor, tokenizer, chat_template=chat_template or CHAT_TEMPLATE)

    @classmethod
    def for_model(
        cls, config: QwenAudioConfig, tokenizer: "PreTrainedTokenizerFast"
    ) -> "QwenAudioProcessor":
        """Return the processor that fits a model's configuration."""
        extractor = QwenAudioFeatureExtractor(feature_size=config.audio_config.num_mel_bins)
        return cls(extractor, tokenizer, pool=config.audio_config.pool)

    @property
    def model_input_names(self) -> list[str]:
        """Names of the tensors this makes."""
        return ["input_ids", "attention_mask", "input_features", "input_features_mask"]

    def __call__(
        self,
        text: str | Sequence[str],
        audio: Waveform | Sequence[Waveform] | Sequence[Sequence[Waveform]] | None = None,
        *,
        sampling_rate: int | None = None,
        return_tensors: str = "pt",
        padding_side: str = "left",
    ) -> BatchFeature:
        """Return the tensors of one or more prompts whose text is yours, tags included.

        Every `<audio></audio>` in a text is the place of the next clip. Text that a user typed
        does not belong here but in `apply_chat_template`.

        Args:
            text: one prompt, or a batch.
            audio: the clips in order: of all prompts in one list, or a list for each prompt.
            sampling_rate: of the clips; other rates than 16 kHz are resampled (default 16 kHz).
            return_tensors: "pt".
            padding_side: where shorter prompts are filled up.

        Raises:
            PromptError: clips and places that do not match in number.
            AudioError: a clip that cannot be heard.
        """
        _check_tensors(return_tensors)
        texts = [text] if isinstance(text, str) else list(text)
        clips = self._share_out(texts, _as_clips(audio, sampling_rate or SAMPLE_RATE))
        prompts = [
            render_tagged(one, mine, tokenizer=self.tokenizer, pool=self.pool)
            for one, mine in zip(texts, clips, strict=True)
        ]
        return self.collate(prompts, padding_side=padding_side)

    def apply_chat_template(
        self,
        conversation: Conversation | Sequence[Conversation],
        chat_template: str | None = None,  # noqa: ARG002 - part of the signature
        *,
        add_generation_prompt: bool = False,
        tokenize: bool = False,
        return_dict: bool = False,
        return_tensors: str | None = None,
        **kwargs: Any,
    ) -> BatchFeature | str | list[int]:
        """Return a conversation (or a batch of them) as tensors, ids or text.

        User text never becomes a control token. Without `tokenize` the text is for reading only.

        Args:
            conversation: messages of text and clips, as transformers spells them, or ours.
            chat_template: not used: there is one renderer (`text/prompt.py`).
            add_generation_prompt: open the assistant's turn.
            tokenize: return ids, not text.
            return_dict: return all tensors, not only ids.
            return_tensors: "pt" with `return_dict`.
            **kwargs: `system`, `max_window`, `padding_side`.
        """
        is_batch = bool(conversation) and isinstance(conversation[0], Sequence)
        padding_side = kwargs.pop("padding_side", "left")
        rendered = [
            render_chat(
                _as_messages(one),
                tokenizer=self.tokenizer,
                add_generation_prompt=add_generation_prompt,
                pool=self.pool,
                **{name: kwargs[name] for name in ("system", "max_window") if name in kwargs},
            )
            for one in (conversation if is_batch else [conversation])
        ]
        prompts = [chat.prompt for chat in rendered]
        if tokenize and return_dict:
            _check_tensors(return_tensors or "pt")
            return self.collate(prompts, padding_side=padding_side)
        values = [list(prompt.ids) for prompt in prompts]
        if not tokenize:
            values = [self.tokenizer.decode(ids, skip_special_tokens=False) for ids in values]
        return values if is_batch else values[0]

    def collate(self, prompts: Sequence[Prompt], *, padding_side: str = "left") -> BatchFeature:
        """Return the tensors of rendered prompts as one batch."""
        pad = end_of_text_id(self.tokenizer)
        width = max(len(prompt.ids) for prompt in prompts)
        ids = torch.full((len(prompts), width), pad, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            length = len(prompt.ids)
            place = slice(width - length, width) if padding_side == "left" else slice(0, length)
            ids[row, place] = torch.tensor(prompt.ids)
            mask[row, place] = 1
        tensors = {"input_ids": ids, "attention_mask": mask}
        return BatchFeature(tensors | self._features(prompts))

    def decode(self, ids: Any, skip_special_tokens: bool = True, **_: Any) -> str:  # noqa: FBT001, FBT002
        """Return the text of ids."""
        return decode_reply(self.tokenizer, ids, skip_special=skip_special_tokens)

    def _features(self, prompts: Sequence[Prompt]) -> dict[str, Tensor]:
        bins = self.feature_extractor.feature_size
        mels = [
            mel
            for prompt in prompts
            for mel in prompt_mels([clip.waveform for clip in prompt.clips], num_mel_bins=bins)
        ]
        if not mels:
            return {}
        features, mask = pad_mels(mels)
        return {"input_features": features, "input_features_mask": mask}

    def _share_out(
        self, texts: Sequence[str], clips: list[Clip] | list[list[Clip]]
    ) -> list[list[Clip]]:
        """Give each prompt its clips, by the places it has."""
        from qwen_audio.text.vocab import AUDIO_SLOT

        if clips and isinstance(clips[0], list):
            if len(clips) != len(texts):
                raise PromptError(
                    f"{len(texts)} prompts but {len(clips)} lists of clips; give one list a prompt"
                )
            return clips
        places = [text.count(AUDIO_SLOT) for text in texts]
        if sum(places) != len(clips):
            raise PromptError(
                f"the {len(texts)} prompts have {sum(places)} places for clips ({AUDIO_SLOT}) but "
                f"{len(clips)} clips were given; give one clip for each place"
            )
        shared, start = [], 0
        for count in places:
            shared.append(clips[start : start + count])
            start += count
        return shared


def _as_clips(audio: Any, rate: int) -> list:
    """Return clips in the shape they came: a flat list, or a list for each prompt."""
    if audio is None:
        return []
    if isinstance(audio, np.ndarray | Tensor | Clip):
        audio = [audio]
    return [_one_or_many(item, rate) for item in audio]


def _one_or_many(item: Any, rate: int) -> Clip | list[Clip]:
    if isinstance(item, list):
        return [_one_or_many(inner, rate) for inner in item]
    if isinstance(item, np.ndarray | Tensor):
        return load_clip((item, rate))
    return load_clip(item)


def _as_messages(conversation: Conversation) -> Sequence[Message]:
    if all(isinstance(message, Message) for message in conversation):
        return conversation
    return from_dicts(conversation)


def _check_tensors(kind: str) -> None:
    if kind != "pt":
        raise PromptError(f"return_tensors is {kind!r}; only 'pt' (PyTorch) is made")
