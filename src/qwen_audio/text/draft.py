"""A prompt while it is written: ids, what is learnt, and clips, added piece by piece."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen_audio.audio.lengths import audio_tokens, mel_frames, token_seconds
from qwen_audio.audio.sources import Clip
from qwen_audio.errors import AudioError, PromptError
from qwen_audio.text import vocab
from qwen_audio.text.messages import ASSISTANT, Audio, Message, Text
from qwen_audio.text.tokenizers import encode, token_id

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

AUDIO_LABEL = "Audio {number}:"
"""What stands before a clip in a chat; numbers count over the whole conversation."""

NEWLINE = "\n"
"""What ends a line of a chat: after a role, a label's clip, and between messages."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is given.

    Attributes:
        ids: the token ids.
        is_learnt: for each id, whether training learns to give it.
        clips: the clips, in the order of their places in `ids`.
    """

    ids: tuple[int, ...]
    is_learnt: tuple[bool, ...]
    clips: tuple[Clip, ...] = ()

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.is_learnt):
            raise PromptError(
                f"a prompt of {len(self.ids)} ids needs as many learnt marks, "
                f"got {len(self.is_learnt)}"
            )

    def __len__(self) -> int:
        return len(self.ids)


class Draft:
    """A prompt while it is written.

    Args:
        tokenizer: any fast tokenizer with the tokens that the prompt needs.
        pool: encoder frames in one audio token.
        clip_number: how many clips of the conversation come before.
    """

    def __init__(
        self, tokenizer: "PreTrainedTokenizerFast", pool: int, clip_number: int = 0
    ) -> None:
        self.tokenizer = tokenizer
        self.pool = pool
        self.clip_number = clip_number
        self.ids: list[int] = []
        self.is_learnt: list[bool] = []
        self.clips: list[Clip] = []

    def add_ids(self, ids: Sequence[int], *, is_learnt: bool = False) -> None:
        """Add ids as they are."""
        self.ids += ids
        self.is_learnt += [is_learnt] * len(ids)

    def add_text(self, text: str, *, is_trusted: bool, is_learnt: bool = False) -> None:
        """Add the ids of a text; only trusted text may spell tags, and none may spell a clip."""
        if not text:
            return
        if is_trusted and any(mark in text for mark in vocab.CLIP_TOKENS):
            raise PromptError(
                f"text cannot hold a clip or name a file: got {_shorten_around_mark(text)!r}; "
                f"write {vocab.AUDIO_SLOT} in a tagged prompt, or an Audio part in a chat"
            )
        self.add_ids(encode(self.tokenizer, text, trusted=is_trusted), is_learnt=is_learnt)

    def add_clip(self, clip: Clip) -> None:
        """Add a clip's begin, a pad for each of its audio tokens, and its end.

        Raises:
            AudioError: a clip too short for one audio token of this model.
        """
        begin, pad, end = (token_id(self.tokenizer, mark) for mark in vocab.CLIP_TOKENS)
        num_tokens = int(audio_tokens(mel_frames(clip.num_samples), self.pool))
        if not num_tokens:
            raise AudioError(
                f"{clip.name or 'the clip'} is too short: {clip.duration_s:.3f} s give no audio "
                f"token of {token_seconds(self.pool):g} s; pass a longer clip"
            )
        self.add_ids([begin, *[pad] * num_tokens, end])
        self.clips.append(clip)
        self.clip_number += 1

    def end_line(self) -> None:
        """Add what separates messages, except at the very beginning."""
        if self.ids:
            self.add_text(NEWLINE, is_trusted=True)

    def open_message(self, role: str) -> None:
        """Add all that stands before what `role` says."""
        self.end_line()
        self.add_ids([token_id(self.tokenizer, vocab.CHAT_BEGIN)])
        # The original encodes role, newline and content apart; so do we, for equal ids.
        self.add_text(role, is_trusted=True)
        self.add_text(NEWLINE, is_trusted=True)

    def add_message(self, message: Message) -> None:
        """Add a message of a chat; what the assistant says and its end are learnt."""
        is_learnt = message.role == ASSISTANT
        self.open_message(message.role)
        waiting = Text("")
        for part in message.parts:
            if isinstance(part, Audio):
                label = AUDIO_LABEL.format(number=self.clip_number + 1)
                waiting = self._join(waiting, Text(label), is_learnt=is_learnt)
                self.add_text(waiting.text, is_trusted=waiting.is_trusted)
                self.add_clip(part.clip)
                waiting = Text(NEWLINE)
            else:
                waiting = self._join(waiting, part, is_learnt=is_learnt)
        self.add_text(waiting.text, is_trusted=waiting.is_trusted, is_learnt=is_learnt)
        self.add_ids([token_id(self.tokenizer, vocab.CHAT_END)], is_learnt=is_learnt)

    def add_draft(self, other: "Draft") -> None:
        """Add what was written apart, as further messages."""
        self.end_line()
        self.ids += other.ids
        self.is_learnt += other.is_learnt
        self.clips += other.clips

    def finish(self) -> Prompt:
        """Return what was written."""
        return Prompt(tuple(self.ids), tuple(self.is_learnt), tuple(self.clips))

    def _join(self, waiting: Text, part: Text, *, is_learnt: bool) -> Text:
        """Return the text still to encode: neighbours are encoded as one where trust allows."""
        if waiting.is_trusted == part.is_trusted or not waiting.text.strip():
            return Text(waiting.text + part.text, part.is_trusted)
        self.add_text(waiting.text, is_trusted=waiting.is_trusted, is_learnt=is_learnt)
        return part


def _shorten_around_mark(text: str) -> str:
    place = min(text.find(mark) for mark in vocab.CLIP_TOKENS if mark in text)
    return text[max(place - 10, 0) : place + 40]
