"""The one renderer: from a tagged prompt or a conversation to ids, clips and what is learnt.

Training, evaluation, chat and server all come through here. Each clip stands in the ids as its
begin token, one pad for each audio token, and its end token.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from qwen_audio.audio.lengths import POOL, audio_tokens, mel_frames
from qwen_audio.audio.sources import Clip
from qwen_audio.errors import PromptError
from qwen_audio.text import vocab
from qwen_audio.text.messages import ASSISTANT, SYSTEM, USER, Audio, Message, Text
from qwen_audio.text.tokenizers import encode, end_of_text_id, stop_ids, token_id

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

DEFAULT_SYSTEM = "You are a helpful assistant."
AUDIO_LABEL = "Audio {number}:"
"""What stands before a clip in a chat; numbers count over the whole conversation."""


_NEWLINE = "\n"


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


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """A rendered conversation, and what the window left no room for.

    Attributes:
        prompt: what the model is given.
        dropped: the messages that were left out, oldest first.
        dropped_turns: how many turns these are.
    """

    prompt: Prompt
    dropped: tuple[Message, ...] = ()
    dropped_turns: int = 0


def render_tagged(
    text: str,
    clips: Sequence[Clip] = (),
    *,
    tokenizer: "PreTrainedTokenizerFast",
    target: str | None = None,
    pool: int = POOL,
) -> Prompt:
    """Return the prompt of a text in which tags are tokens.

    Args:
        text: our own text, such as `Tags.render` gives; `<audio></audio>` is the next clip's place.
        clips: one clip for each place.
        tokenizer: any fast tokenizer with the audio tokens.
        target: what the model should answer; learnt, and followed by an end-of-text.
        pool: encoder frames in one audio token.

    Raises:
        PromptError: when places and clips do not match.
    """
    pieces = text.split(vocab.AUDIO_SLOT)
    if len(pieces) - 1 != len(clips):
        raise PromptError(
            f"the prompt has {len(pieces) - 1} places for audio but got {len(clips)} clips; "
            f"write {vocab.AUDIO_SLOT} once for each clip"
        )
    draft = _Draft(tokenizer, pool)
    for number, piece in enumerate(pieces):
        if number:
            draft.add_clip(clips[number - 1])
        draft.add_text(piece, is_trusted=True)
    if target is not None:
        draft.add_text(target, is_trusted=True, is_learnt=True)
        draft.add_ids([end_of_text_id(tokenizer)], is_learnt=True)
    return draft.finish()


def render_chat(
    messages: Sequence[Message],
    *,
    tokenizer: "PreTrainedTokenizerFast",
    system: str | None = DEFAULT_SYSTEM,
    add_generation_prompt: bool = True,
    max_window: int | None = None,
    pool: int = POOL,
) -> ChatPrompt:
    """Return the prompt of a conversation in the released form (ChatML, clips with a label).

    The assistant's text and its end token are learnt, nothing else is.

    Args:
        messages: the conversation; a first message of the system replaces `system`.
        tokenizer: any fast tokenizer with the audio and chat tokens.
        system: the system prompt; `None` for none.
        add_generation_prompt: whether the assistant is to speak next.
        max_window: system prompt and history stay below so many tokens: the oldest turns are
            dropped whole. The current turn is not counted and never dropped.
        pool: encoder frames in one audio token.

    Raises:
        PromptError: when the messages are in no order that makes a conversation.
    """
    messages = list(messages)
    _check_order(messages, add_generation_prompt=add_generation_prompt)
    opening = _Draft(tokenizer, pool)
    if messages[0].role == SYSTEM:
        opening.add_message(messages.pop(0))
    elif system is not None:
        opening.add_message(Message(SYSTEM, (Text(system),)))
    turns = _turns(messages)
    drafts = _draft_turns(turns, tokenizer, pool)
    if add_generation_prompt:
        drafts[-1].open_message(ASSISTANT)
    dropped = _too_old(opening, drafts[:-1], max_window)
    for draft in drafts[dropped:]:
        opening.add_draft(draft)
    left_out = tuple(message for turn in turns[:dropped] for message in turn)
    return ChatPrompt(opening.finish(), left_out, dropped)


def decode_reply(
    tokenizer: "PreTrainedTokenizerFast", ids: Iterable[int], *, skip_special: bool = True
) -> str:
    """Return the text of a reply, up to its end token.

    Args:
        tokenizer: the tokenizer of the prompt.
        ids: what the model gave after the prompt.
        skip_special: whether tags and time stamps are left out.
    """
    stops = stop_ids(tokenizer)
    kept: list[int] = []
    for index in ids:
        if index in stops:
            break
        kept.append(int(index))
    return tokenizer.backend_tokenizer.decode(kept, skip_special_tokens=skip_special)


class _Draft:
    """A prompt while it is written."""

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
        self.ids += ids
        self.is_learnt += [is_learnt] * len(ids)

    def add_text(self, text: str, *, is_trusted: bool, is_learnt: bool = False) -> None:
        if not text:
            return
        if is_trusted and any(mark in text for mark in vocab.CLIP_TOKENS):
            raise PromptError(
                f"text cannot hold a clip or name a file: got {_shorten_around_mark(text)!r}; "
                f"write {vocab.AUDIO_SLOT} in a tagged prompt, or an Audio part in a chat"
            )
        self.add_ids(encode(self.tokenizer, text, trusted=is_trusted), is_learnt=is_learnt)

    def add_clip(self, clip: Clip) -> None:
        begin, pad, end = (token_id(self.tokenizer, mark) for mark in vocab.CLIP_TOKENS)
        num_tokens = int(audio_tokens(mel_frames(clip.num_samples), self.pool))
        self.add_ids([begin, *[pad] * num_tokens, end])
        self.clips.append(clip)
        self.clip_number += 1

    def end_line(self) -> None:
        if self.ids:
            self.add_text(_NEWLINE, is_trusted=True)

    def open_message(self, role: str) -> None:
        self.end_line()
        self.add_ids([token_id(self.tokenizer, vocab.CHAT_BEGIN)])
        # The original encodes role, newline and content apart; so do we, for equal ids.
        self.add_text(role, is_trusted=True)
        self.add_text(_NEWLINE, is_trusted=True)

    def add_message(self, message: Message) -> None:
        is_learnt = message.role == ASSISTANT
        self.open_message(message.role)
        waiting = Text("")
        for part in message.parts:
            if isinstance(part, Audio):
                label = AUDIO_LABEL.format(number=self.clip_number + 1)
                waiting = self._join(waiting, Text(label), is_learnt=is_learnt)
                self.add_text(waiting.text, is_trusted=waiting.is_trusted)
                self.add_clip(part.clip)
                waiting = Text(_NEWLINE)
            else:
                waiting = self._join(waiting, part, is_learnt=is_learnt)
        self.add_text(waiting.text, is_trusted=waiting.is_trusted, is_learnt=is_learnt)
        self.add_ids([token_id(self.tokenizer, vocab.CHAT_END)], is_learnt=is_learnt)

    def _join(self, waiting: Text, part: Text, *, is_learnt: bool) -> Text:
        """Return the text still to encode: neighbours are encoded as one where trust allows."""
        if waiting.is_trusted == part.is_trusted or not waiting.text.strip():
            return Text(waiting.text + part.text, part.is_trusted)
        self.add_text(waiting.text, is_trusted=waiting.is_trusted, is_learnt=is_learnt)
        return part

    def add_draft(self, other: "_Draft") -> None:
        self.end_line()
        self.ids += other.ids
        self.is_learnt += other.is_learnt
        self.clips += other.clips

    def finish(self) -> Prompt:
        return Prompt(tuple(self.ids), tuple(self.is_learnt), tuple(self.clips))


def _shorten_around_mark(text: str) -> str:
    place = min(text.find(mark) for mark in vocab.CLIP_TOKENS if mark in text)
    return text[max(place - 10, 0) : place + 40]


def _check_order(messages: Sequence[Message], *, add_generation_prompt: bool) -> None:
    roles = [message.role for message in messages]
    if roles[:1] == [SYSTEM]:
        roles.pop(0)
    if not roles:
        raise PromptError("the conversation is empty; give at least one message of the user")
    if SYSTEM in roles:
        raise PromptError("a message of the system may only be the first of a conversation")
    if roles[0] != USER:
        raise PromptError("the conversation begins with the assistant; let the user speak first")
    if (ASSISTANT, ASSISTANT) in pairwise(roles):
        raise PromptError("two messages of the assistant in a row; join them into one")
    if add_generation_prompt and roles[-1] == ASSISTANT:
        raise PromptError(
            "the last message is already the assistant's; add a message of the user, or pass "
            "add_generation_prompt=False to render a finished conversation"
        )


def _turns(messages: Sequence[Message]) -> list[list[Message]]:
    """Cut a conversation into turns: what the user says up to the assistant's reply."""
    turns: list[list[Message]] = []
    for message in messages:
        if not turns or turns[-1][-1].role == ASSISTANT:
            turns.append([])
        turns[-1].append(message)
    return turns


def _draft_turns(
    turns: Sequence[Sequence[Message]], tokenizer: "PreTrainedTokenizerFast", pool: int
) -> list[_Draft]:
    drafts, number = [], 0
    for turn in turns:
        draft = _Draft(tokenizer, pool, clip_number=number)
        for message in turn:
            draft.add_message(message)
        number = draft.clip_number
        drafts.append(draft)
    return drafts


def _too_old(opening: _Draft, history: Sequence[_Draft], max_window: int | None) -> int:
    """Return how many of the oldest turns the window has no room for."""
    if max_window is None:
        return 0
    newline = len(encode(opening.tokenizer, _NEWLINE, trusted=True))
    used = len(opening.ids)
    for age, turn in enumerate(reversed(history)):
        used += newline + len(turn.ids)
        if used >= max_window:  # the original keeps a history below the window, not equal to it
            return len(history) - age
    return 0
