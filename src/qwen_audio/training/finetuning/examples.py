"""Conversations as a data set of tensors: clips decoded when their turn comes, targets marked."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from qwen_audio.audio.sources import Clip, load_clip
from qwen_audio.data.corpora.prepare import file_seconds
from qwen_audio.data.hugging_face import StoredAudio
from qwen_audio.errors import DataError
from qwen_audio.model.modeling import IGNORED
from qwen_audio.model.processing import QwenAudioProcessor
from qwen_audio.text import vocab
from qwen_audio.text.messages import ASSISTANT, Audio, Message, Text
from qwen_audio.text.prompt import Prompt, render_chat, render_tagged
from qwen_audio.training.finetuning.rows import Conversation, Recording, Turn

_TAG = re.compile(f"({vocab.TAG_PATTERN})")
# What a reply may spell and mean: tags and time stamps, but nothing that ends a message or holds
# a clip's place.
_MEANT = frozenset(vocab.AUDIO_TOKENS) - frozenset(vocab.CLIP_TOKENS)


@dataclass(frozen=True, kw_only=True)
class Readable:
    """The conversations whose clips can be read, and what is wrong with the others."""

    conversations: tuple[Conversation, ...]
    left_out: tuple[str, ...]


def readable(conversations: Sequence[Conversation], *, max_share: float) -> Readable:
    """Return the conversations without those that have a missing or unreadable clip.

    Raises:
        DataError: More than `max_share` of them have.
    """
    known: dict[Recording, bool] = {}
    kept, left_out = [], []
    for one in conversations:
        for clip in one.clips:
            known[clip] = known.get(clip) or _is_readable(clip)
        bad = [str(clip) for clip in one.clips if not known[clip]]
        if bad:
            left_out.append(f"{one.where}: cannot read {bad[0]}")
        else:
            kept.append(one)
    if not kept or len(left_out) > max_share * len(conversations):
        raise DataError(
            f"{len(left_out)} of {len(conversations)} conversations have clips that cannot be "
            f"read ({'; '.join(left_out[:3])}); paths are relative to the file that names them"
        )
    return Readable(conversations=tuple(kept), left_out=tuple(left_out))


class Conversations(Dataset):
    """Rendered conversations, one at a time."""

    def __init__(
        self, conversations: Sequence[Conversation], processor: QwenAudioProcessor
    ) -> None:
        self.conversations, self.processor = tuple(conversations), processor

    def __len__(self) -> int:
        return len(self.conversations)

    def __getitem__(self, index: int) -> Prompt:
        return render(self.conversations[index], self.processor)


@dataclass(frozen=True)
class Collator:
    """Makes a batch of rendered conversations: padded on the right, all but replies ignored."""

    processor: QwenAudioProcessor

    def __call__(self, prompts: Sequence[Prompt]) -> dict[str, Any]:
        """Return the tensors of a step of `QwenAudioForConditionalGeneration`."""
        batch = dict(self.processor.collate(prompts, padding_side="right"))
        return batch | {"labels": _labels(prompts, batch["input_ids"])}


def render(one: Conversation, processor: QwenAudioProcessor) -> Prompt:
    """Return a conversation as ids, its clips decoded.

    Raises:
        PromptError: its turns make no conversation.
        AudioError: a clip cannot be read.
    """
    tokenizer, pool = processor.tokenizer, processor.pool
    if one.clip is not None:
        text = one.prompt if vocab.AUDIO_SLOT in one.prompt else vocab.AUDIO_SLOT + one.prompt
        clips = (_loaded(one.clip),)
        return render_tagged(text, clips, tokenizer=tokenizer, target=one.target, pool=pool)
    messages = [_message(turn) for turn in one.turns]
    return render_chat(messages, tokenizer=tokenizer, add_generation_prompt=False, pool=pool).prompt


def reply_parts(text: str) -> tuple[Text, ...]:
    """Return a reply in which tags and time stamps are tokens, and all else is text.

    >>> [part.is_trusted for part in reply_parts("at <|2.33|> s<|im_end|>")]
    [False, True, False]
    """
    parts: list[Text] = []
    for piece in filter(None, _TAG.split(text)):
        is_meant = piece in _MEANT
        if parts and not is_meant and not parts[-1].is_trusted:
            parts[-1] = Text(parts[-1].text + piece)
        else:
            parts.append(Text(piece, is_trusted=is_meant))
    return tuple(parts)


def _message(turn: Turn) -> Message:
    parts: list[Text | Audio] = []
    for part in turn.parts:
        if not isinstance(part, str):
            parts.append(Audio(_loaded(part)))
        else:
            parts += reply_parts(part) if turn.role == ASSISTANT else [Text(part)]
    return Message(turn.role, tuple(parts))


def _loaded(clip: Recording) -> Clip:
    return load_clip(clip.content() if isinstance(clip, StoredAudio) else clip)


def _is_readable(clip: Recording) -> bool:
    if isinstance(clip, Path):
        return clip.is_file() and bool(file_seconds(clip))
    try:
        return bool(file_seconds(io.BytesIO(clip.content())))
    except DataError:
        return False


def _labels(prompts: Sequence[Prompt], ids: Tensor) -> Tensor:
    """Return the ids that are learnt, `IGNORED` elsewhere."""
    labels = torch.full_like(ids, IGNORED)
    for row, prompt in enumerate(prompts):
        learnt = torch.tensor(prompt.is_learnt)
        own = labels[row, : len(learnt)]
        own[learnt] = ids[row, : len(learnt)][learnt]
    return labels
