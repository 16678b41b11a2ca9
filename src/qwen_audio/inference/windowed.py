"""Conversations about recordings longer than the model hears at once: window by window.

The question is put to every window that holds sound, each with its own past of the dialogue, and
the reply is one line a window: its time in the recording, then the answer. Times in the answers
count from the recording's start. So a follow-up is answered for every window too, and what the
model is shown at a time stays as short as what it was trained on.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from qwen_audio.audio.sources import Clip, Seconds
from qwen_audio.audio.windows import Window, stream_windows
from qwen_audio.errors import GenerationError
from qwen_audio.inference.answers import Reply
from qwen_audio.inference.repliers import Answered, Asked
from qwen_audio.text.messages import ASSISTANT, Audio, Message, Part, Text
from qwen_audio.text.timestamps import Span
from qwen_audio.text.vocab import token_seconds

LONGEST_S = 3 * 3600  # of a recording in a conversation; it is held in memory
_LABEL = re.compile(r"^\[\d+(?::\d\d)+–\d+(?::\d\d)+\] ", re.MULTILINE)
_UNANSWERED = "…"

AskOne = Callable[[Asked], Answered]


@dataclass(frozen=True, kw_only=True)
class Line:
    """What is answered about one window, with times of the recording."""

    window: Window
    text: str
    spans: tuple[Span, ...] = ()

    @property
    def shown(self) -> str:
        """The line as it stands in the reply."""
        return f"{label(self.window.start_s, self.window.end_s)}{self.text}\n"


@dataclass
class _Lines:
    """The reply while it comes."""

    lines: list[Line] = field(default_factory=list)
    ended_by: str = "end"
    dropped_turns: int = 0

    def add(self, line: Line, reply: Reply) -> None:
        """Take the answer about one more window."""
        self.lines.append(line)
        self.dropped_turns = max(self.dropped_turns, reply.dropped_turns)
        if reply.ended_by != "end":
            self.ended_by = reply.ended_by

    def answered(self) -> Answered:
        """Return the whole reply."""
        text = "".join(line.shown for line in self.lines).strip()
        spans = tuple(span for line in self.lines for span in line.spans)
        reply = Reply(
            text=text, spans=spans, dropped_turns=self.dropped_turns, ended_by=self.ended_by
        )
        return Answered(reply=reply, answer=(Text(text),))


def find_long(messages: Iterable[Message], *, max_seconds: Seconds) -> Clip | None:
    """Return the one recording that is longer than the model hears at once, if there is one.

    Raises:
        GenerationError: there are several; what should be beside what could not be told.
    """
    clips = [clip for message in messages for clip in message.clips]
    found = {clip.fingerprint: clip for clip in clips if clip.duration_s > max_seconds}
    if len(found) > 1:
        raise GenerationError(
            f"the conversation has {len(found)} recordings of more than {max_seconds:g} s, and "
            "can be about one; start a new one, or cut a part out"
        )
    return next(iter(found.values()), None)


def reply_by_windows(ask: AskOne, asked: Asked, long: Clip, *, max_seconds: Seconds) -> Answered:
    """Return the reply to a conversation about a long recording; each window's line is streamed.

    Args:
        ask: answers a conversation whose clips are all short.
        asked: the conversation; a stop or a limit of time ends the reply between windows too.
        long: the recording in it.
        max_seconds: the longest window.
    """
    found = _Lines()
    for window in audible_windows(long, max_seconds=max_seconds):
        messages = at_window(asked.messages, long, window)
        answered = ask(replace(asked, messages=messages, on_text=None))
        line = line_of(window, answered.answer, answered.reply.spans)
        found.add(line, answered.reply)
        if asked.on_text is not None:
            asked.on_text(line.shown)
        if asked.should_stop():
            break
    return found.answered()


def audible_windows(long: Clip, *, max_seconds: Seconds) -> Iterator[Window]:
    """Yield the windows that hold sound; the first one where none does."""
    has_sound = False
    for window in stream_windows(long, max_seconds=max_seconds):
        if not window.is_silent:
            has_sound = True
            yield window
    if not has_sound:
        yield next(stream_windows(long, max_seconds=max_seconds))


def at_window(messages: Sequence[Message], long: Clip, window: Window) -> tuple[Message, ...]:
    """Return a conversation as it was held about one window of its long recording."""

    def part(given: Part) -> Part:
        is_long = isinstance(given, Audio) and given.clip.fingerprint == long.fingerprint
        return Audio(window.clip) if is_long else given

    return tuple(
        _own_message(message, window)
        if message.role == ASSISTANT
        else Message(message.role, tuple(map(part, message.parts)))
        for message in messages
    )


def line_of(window: Window, answer: Sequence[Text], spans: Sequence[Span]) -> Line:
    """Return the line about a window: time stamps become seconds of the recording."""
    text = "".join(
        f"{token_seconds(part.text) + window.start_s:.2f}" if part.is_trusted else part.text
        for part in answer
    )
    heard = (span for span in spans if span.end_s <= window.clip.duration_s)
    moved = tuple(span.moved(window.start_s) for span in heard)
    return Line(window=window, text=text.strip(), spans=moved)


def label(start_s: float, end_s: float) -> str:
    """Return what stands before the answer about a part of a recording.

    >>> label(61.4, 3671.0)
    '[1:01–1:01:11] '
    """
    return f"[{_clock(start_s)}–{_clock(end_s)}] "


def _own_message(message: Message, window: Window) -> Message:
    """Return what the assistant said about this window, where it spoke window by window."""
    labels = list(_LABEL.finditer(message.text))
    if not labels or labels[0].start():
        return message
    ends = [found.start() for found in labels[1:]] + [len(message.text)]
    said = {
        found[0]: message.text[found.end() : end].strip()
        for found, end in zip(labels, ends, strict=True)
    }
    own = said.get(label(window.start_s, window.end_s))
    return Message(ASSISTANT, (Text(own or _UNANSWERED),))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
