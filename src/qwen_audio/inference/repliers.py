"""Who answers a conversation's next turn: our models with their caches, or any other model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from qwen_audio.errors import GenerationError
from qwen_audio.inference.answers import QwenAudio, Reply
from qwen_audio.inference.generation import Generation, ShouldStop
from qwen_audio.inference.prefix import PrefixCache
from qwen_audio.inference.turns import answer_parts, reply_of
from qwen_audio.text.messages import SYSTEM, Message, Text
from qwen_audio.text.prompt import render_chat
from qwen_audio.text.stream import TextStream

OnText = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A reply for people, and its parts as the model sees them in the next turn's prompt."""

    reply: Reply
    answer: tuple[Text, ...]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the model is to answer, and how.

    Attributes:
        messages: the conversation, the user's message last.
        system: the system prompt, if any.
        settings: how the reply is made.
        on_text: called with each piece of the reply as it comes.
        should_stop: asked after each token whether to end here.
    """

    messages: Sequence[Message]
    system: str | None
    settings: Generation
    on_text: OnText | None
    should_stop: ShouldStop


@runtime_checkable
class Replier(Protocol):
    """Anything that answers a conversation."""

    def reply(self, asked: Asked) -> Answered:
        """Return the assistant's next message."""
        ...

    def forget(self) -> None:
        """Drop what is kept between turns."""
        ...


def replier_for(model: Any, *, max_window: int) -> Replier:
    """Return who answers for a loaded model."""
    if isinstance(model, QwenAudio):
        return CachedReplier(model, max_window=max_window)
    return PlainReplier(model)


class CachedReplier:
    """Our own models: every clip is encoded once, and the prompt's known beginning is kept."""

    def __init__(self, model: QwenAudio, *, max_window: int) -> None:
        self.model = model
        self.max_window = max_window
        self.forget()

    def reply(self, asked: Asked) -> Answered:
        """Return the assistant's next message.

        Raises:
            GenerationError: several replies or beams asked for, which share no cache.
        """
        settings, processor = asked.settings, self.model.processor
        if settings.num_beams > 1 or settings.num_return_sequences > 1:
            raise GenerationError(
                "a conversation takes one reply a turn, without beams; set num_beams and "
                "num_return_sequences to 1, or use reply_to"
            )
        chat = render_chat(
            asked.messages,
            tokenizer=processor.tokenizer,
            system=asked.system,
            max_window=self.max_window,
            pool=processor.pool,
        )
        stream = (
            None if asked.on_text is None else TextStream(processor.tokenizer, skip_special=True)
        )

        def show(token: int) -> None:
            if piece := stream.push(token):
                asked.on_text(piece)

        ids = self.prefix.generate(
            chat.prompt,
            settings=settings,
            on_token=show if stream else None,
            should_stop=asked.should_stop,
        )
        if stream and (rest := stream.finish()):
            asked.on_text(rest)
        answer = answer_parts(processor.tokenizer, ids)
        ended_by = "length" if len(ids) >= settings.max_new_tokens else "end"
        reply = reply_of(answer, dropped_turns=chat.dropped_turns, ended_by=ended_by)
        return Answered(reply=replace(reply, ids=ids), answer=answer)

    def forget(self) -> None:
        """Drop the caches."""
        self.prefix = PrefixCache(self.model.model, self.model.processor)


class PlainReplier:
    """Any other model with `reply_to`: nothing is kept, and the reply comes in one piece."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def reply(self, asked: Asked) -> Answered:
        """Return the assistant's next message."""
        opening = () if asked.system is None else (Message(SYSTEM, (Text(asked.system),)),)
        reply = self.model.reply_to((*opening, *asked.messages), settings=asked.settings)
        if asked.on_text is not None:
            asked.on_text(reply.text)
        return Answered(reply=reply, answer=(Text(reply.text),))

    def forget(self) -> None:
        """Nothing is kept."""
