"""One turn of a conversation: what was asked about which clips, and what was answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from qwen_audio.audio.sources import Clip
from qwen_audio.inference.answers import Reply
from qwen_audio.text.messages import ASSISTANT, USER, Audio, Message, Text
from qwen_audio.text.timestamps import find_spans
from qwen_audio.text.tokenizers import control_ids, fast_backend
from qwen_audio.text.vocab import is_timestamp

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A question and its reply.

    Attributes:
        question: text of the user; never read as a tag.
        clips: what came with the question.
        reply: the answer for people.
        answer: the answer as the model sees it later: its time stamps are tokens, its text is not.
    """

    question: str
    clips: tuple[Clip, ...] = ()
    reply: Reply
    answer: tuple[Text, ...]

    @property
    def messages(self) -> tuple[Message, Message]:
        """The turn as the prompt shows it."""
        return asked(self.question, self.clips), Message(ASSISTANT, self.answer)


def asked(question: str, clips: Sequence[Clip]) -> Message:
    """Return the user's message: clips first, then the question."""
    return Message(USER, (*map(Audio, clips), Text(question)))


def answer_parts(tokenizer: "PreTrainedTokenizerFast", ids: Sequence[int]) -> tuple[Text, ...]:
    """Return a reply's tokens as text, time stamps trusted, all other tags left out.

    What the model spells letter by letter stays text, even where it spells a tag.
    """
    backend, control = fast_backend(tokenizer), control_ids(tokenizer)
    parts: list[Text] = []
    for is_control, group in groupby(ids, control.__contains__):
        run = list(group)
        if is_control:
            stamps = filter(is_timestamp, map(backend.id_to_token, run))
            parts += [Text(stamp, is_trusted=True) for stamp in stamps]
        else:
            parts.append(Text(backend.decode(run, skip_special_tokens=False)))
    return tuple(parts)


def reply_of(answer: Sequence[Text], *, dropped_turns: int = 0, ended_by: str = "end") -> Reply:
    """Return the reply for people that an answer's parts make."""
    plain = "".join(part.text for part in answer if not part.is_trusted)
    spans = find_spans("".join(part.text for part in answer))
    return Reply(text=plain.strip(), spans=spans, dropped_turns=dropped_turns, ended_by=ended_by)
