"""Questions about recordings of any length: asked of each window, answered with its times."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qwen_audio.audio.sources import ClipSource
from qwen_audio.audio.windows import Window, stream_windows
from qwen_audio.errors import PromptError
from qwen_audio.tasks.forms import parse_times
from qwen_audio.tasks.labels import Labels
from qwen_audio.tasks.registry import find_task
from qwen_audio.text.prompt import decode_reply
from qwen_audio.text.timestamps import Span
from qwen_audio.text.tokenizers import control_ids, encode

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

GROUNDING = "Audio grounding"


@dataclass(frozen=True, kw_only=True)
class TimedReply:
    """The answer about one stretch of a recording; times count from the recording's start."""

    text: str
    start_s: float
    end_s: float
    spans: tuple[Span, ...] = ()


def ask_windows(
    model: Any, source: ClipSource, question: str, **options: Any
) -> Iterator[TimedReply]:
    """Yield the answer about each window of a recording that holds sound, in order.

    Args:
        model: anything with `ask` and `max_seconds`.
        source: a recording of any length.
        question: text of the user; never read as a tag.
        **options: `system` and `settings`, as for `ask`.

    Raises:
        AudioError: when there is no sound in it that the model could hear.
    """
    for window in stream_windows(source, max_seconds=model.max_seconds):
        if window.is_silent:
            continue
        reply = model.ask(window.clip, question, **options)
        spans = _moved(reply.spans, window)
        yield TimedReply(text=reply.text, start_s=window.start_s, end_s=window.end_s, spans=spans)


def find_sound(model: Any, source: ClipSource, phrase: str) -> tuple[Span, ...]:
    """Return every stretch of a recording in which a sound is heard, such as "a dog barking".

    Args:
        model: a `QwenAudio`.
        source: a recording of any length.
        phrase: what to listen for; never read as a tag.

    Raises:
        AudioError: when there is no sound in it that the model could hear.
        PromptError: a phrase that is empty or spells a tag.
    """
    tokenizer = model.processor.tokenizer
    check_phrase(tokenizer, phrase)
    tags = find_task(GROUNDING).tags(Labels(grounding=phrase.strip()))
    found: list[Span] = []
    for window in stream_windows(source, max_seconds=model.max_seconds):
        if window.is_silent:
            continue
        (ids,) = model.generate([model.tagged(tags, [window.clip])])
        times = parse_times(decode_reply(tokenizer, ids, skip_special=False))
        spans = [Span(min(pair), max(pair), phrase) for pair in times]
        found += _moved(tuple(spans), window)
    return _joined(found)


def check_phrase(tokenizer: "PreTrainedTokenizerFast", phrase: str) -> None:
    """Refuse a phrase that a tagged prompt would not read as plain text.

    Raises:
        PromptError: it is empty or spells a tag.
    """
    if not phrase.strip():
        raise PromptError("the phrase is empty; say what to listen for")
    if not control_ids(tokenizer).isdisjoint(encode(tokenizer, phrase, trusted=True)):
        raise PromptError(f"the phrase {phrase[:40]!r} spells a tag; use plain words")


def _moved(spans: tuple[Span, ...], window: Window) -> tuple[Span, ...]:
    def moved(seconds: float) -> float:
        return min(round(seconds + window.start_s, 3), window.end_s)

    found = (replace(s, start_s=moved(s.start_s), end_s=moved(s.end_s)) for s in spans)
    return tuple(span for span in found if span.end_s > span.start_s)  # else past the window's end


def _joined(spans: list[Span]) -> tuple[Span, ...]:
    """Return spans in order, those that touch or overlap as one: a seam is no end of a sound."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start_s, span.end_s)):
        if joined and span.start_s <= joined[-1].end_s:
            joined[-1] = replace(joined[-1], end_s=max(joined[-1].end_s, span.end_s))
        else:
            joined.append(span)
    return tuple(joined)
