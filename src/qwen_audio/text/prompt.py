"""The one renderer: from a tagged prompt or a conversation to ids, clips and what is learnt.

Training, evaluation, chat and server all come through here. Each clip stands in the ids as its
begin token, one pad for each audio token, and its end token.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from rich.text import Text as RichText

from qwen_audio.audio.lengths import POOL
from qwen_audio.audio.sources import Clip
from qwen_audio.errors import PromptError
from qwen_audio.text import vocab
from qwen_audio.text.draft import NEWLINE, Draft, Prompt
from qwen_audio.text.messages import ASSISTANT, SYSTEM, USER, Message, Text
from qwen_audio.text.tokenizers import (
    control_ids,
    encode,
    end_of_text_id,
    fast_backend,
    stop_ids,
    token_id,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

DEFAULT_SYSTEM = "You are a helpful assistant."

STYLES = {"text": "", "control": "bold cyan", "begin": "magenta", "pad": "magenta"}
"""Colours of plain text, of control tokens, and of a clip's begin and pads."""

LEARNT_STYLE = "green underline"


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
    draft = Draft(tokenizer, pool)
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
    opening = Draft(tokenizer, pool)
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
    for index in map(int, ids):  # plain ints, also from a tensor
        if index in stops:
            break
        kept.append(index)
    return fast_backend(tokenizer).decode(kept, skip_special_tokens=skip_special)


def preview(prompt: Prompt, tokenizer: "PreTrainedTokenizerFast") -> RichText:
    """Return the prompt for `rich` to print: each clip in short, what is learnt underlined."""
    backend, control = fast_backend(tokenizer), control_ids(tokenizer)
    begin, pad = (token_id(tokenizer, mark) for mark in (vocab.AUDIO_BEGIN, vocab.AUDIO_PAD))
    kinds = {begin: "begin", pad: "pad"} | dict.fromkeys(control - {begin, pad}, "control")
    clips = iter(prompt.clips)
    shown = RichText()
    pairs = zip(prompt.ids, prompt.is_learnt, strict=True)
    for (kind, is_learnt), group in groupby(
        pairs, lambda pair: (kinds.get(pair[0], "text"), pair[1])
    ):
        ids = [index for index, _ in group]
        text = backend.decode(ids, skip_special_tokens=False)
        if kind == "begin":
            text += _describe(next(clips))
        if kind == "pad":
            text = f", {len(ids)} tokens"
        shown.append(text, style=f"{STYLES[kind]} {LEARNT_STYLE if is_learnt else ''}".strip())
    return shown


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
) -> list[Draft]:
    drafts, number = [], 0
    for turn in turns:
        draft = Draft(tokenizer, pool, clip_number=number)
        for message in turn:
            draft.add_message(message)
        number = draft.clip_number
        drafts.append(draft)
    return drafts


def _too_old(opening: Draft, history: Sequence[Draft], max_window: int | None) -> int:
    """Return how many of the oldest turns the window has no room for."""
    if max_window is None:
        return 0
    newline = len(encode(opening.tokenizer, NEWLINE, trusted=True))
    used = len(opening.ids)
    for age, turn in enumerate(reversed(history)):
        used += newline + len(turn.ids)
        if used >= max_window:  # the original keeps a history below the window, not equal to it
            return len(history) - age
    return 0


def _describe(clip: Clip) -> str:
    return ", ".join(filter(None, (clip.name, f"{clip.duration_s:.2f} s")))
