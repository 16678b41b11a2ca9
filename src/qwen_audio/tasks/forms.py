"""The forms that tasks share: which tags stand before a target, and how times are written in it."""

import re
from collections.abc import Callable, Iterable

from qwen_audio.tasks.labels import Event, Labels
from qwen_audio.text.tags import Tags
from qwen_audio.text.vocab import (
    ANSWER,
    LANGUAGES,
    UNKNOWN_LANGUAGE,
    is_timestamp,
    timestamp_token,
    token_seconds,
)

TagsOf = Callable[[Labels], str]
Field = str | Callable[[Labels], str] | None

_STAMP_OR_TEXT = re.compile(r"<\|\d\d?\.\d\d\|>|[^<]+")


def audio_language(labels: Labels) -> str:
    """Return the language of the speech for the second tag; "unknown" where there is none."""
    return labels.language if labels.language in LANGUAGES else UNKNOWN_LANGUAGE


def transcript_tags(
    instruction: str | None, *, action: str = "transcribe", timestamps: bool = False
) -> TagsOf:
    """Return what makes the tags of a task that writes down words, or translates them."""

    def make(labels: Labels) -> str:
        language = audio_language(labels)
        text_language = labels.translation_language if action == "translate" else language
        return Tags(
            start="transcript",
            audio_language=language,
            action=action,
            text_language=text_language,
            timestamps=timestamps,
            instruction=instruction,
        ).render()

    return make


def analysis_tags(
    action: str,
    instruction: str | None,
    *,
    timestamps: bool = False,
    field: Field = None,
    text_language: str | None = "en",
) -> TagsOf:
    """Return what makes the tags of a task that analyses.

    Args:
        action: "caption" or "keyword".
        instruction: The output instruction.
        timestamps: Whether the answer has times.
        field: What is asked for, where one instruction serves several tasks (such as "age").
        text_language: The language of the answer; `None` for that of the speech.
    """

    def make(labels: Labels) -> str:
        language = audio_language(labels)
        tags = Tags(
            start="analysis",
            audio_language=language,
            action=action,
            text_language=text_language or language,
            timestamps=timestamps,
            instruction=instruction,
        ).render()
        asked = field(labels) if callable(field) else field
        return tags if asked is None else f"{tags}{asked}{ANSWER}"

    return make


def understanding_tags(part: str) -> TagsOf:
    """Return what makes the tags that ask for a command's action, or for its entities."""
    make = analysis_tags("keyword", "speech_understanding")
    return lambda labels: make(labels) + part


def question_tags(question: Callable[[Labels], str]) -> TagsOf:
    """Return what makes the tags of a question, which stands in place of the last four."""

    def make(labels: Labels) -> str:
        return Tags(
            start="analysis", audio_language=audio_language(labels), question=question(labels)
        ).render()

    return make


def bare_tags(first: str) -> TagsOf:
    """Return what makes the first tag alone: the language is for the model to say."""
    return lambda _labels: first


def question_of(labels: Labels) -> str:
    """Return the first question about the clip."""
    return labels.qa[0].question if labels.qa else ""


def timed_items(items: Iterable[Event]) -> str | None:
    """Return labels between their times, in order of start.

    >>> timed_items([Event("rain", 1.0, 2.5)])
    '<|1.00|>rain<|2.50|>'
    """
    ordered = sorted(items, key=lambda item: (item.start_s, item.end_s, item.label))
    parts = (
        f"{timestamp_token(item.start_s)}{item.label}{timestamp_token(item.end_s)}"
        for item in ordered
    )
    return "".join(parts) or None


def parse_timed_items(text: str) -> tuple[Event, ...]:
    """Return the labels that stand between two times; whatever else is there is passed over.

    >>> parse_timed_items("<|1.00|>rain<|2.50|>")
    (Event(label='rain', start_s=1.0, end_s=2.5),)
    """
    pieces = _STAMP_OR_TEXT.findall(text)
    triples = zip(pieces, pieces[1:], pieces[2:], strict=False)
    return tuple(
        Event(label.strip(), token_seconds(start), token_seconds(end))
        for start, label, end in triples
        if is_timestamp(start) and not is_timestamp(label) and is_timestamp(end)
    )


def times_of(items: Iterable[Event], phrase: str) -> str | None:
    """Return the start and end stamps of each time the phrase is heard."""
    parts = (
        timestamp_token(item.start_s) + timestamp_token(item.end_s)
        for item in sorted(items, key=lambda item: item.start_s)
        if item.label == phrase
    )
    return "".join(parts) or None


def parse_times(text: str) -> tuple[tuple[float, float], ...]:
    """Return the pairs of times in a text.

    >>> parse_times("<|1.00|><|2.50|>")
    ((1.0, 2.5),)
    """
    stamps = [token for token in _STAMP_OR_TEXT.findall(text) if is_timestamp(token)]
    times = [token_seconds(stamp) for stamp in stamps]
    return tuple(zip(times[::2], times[1::2], strict=False))


def spoken_spans(items: Iterable[Event]) -> str | None:
    """Return events with their times as a sentence says them.

    >>> spoken_spans([Event("rain", 1.0, 2.5)])
    'rain from <|1.00|> to <|2.50|> seconds.'
    """
    ordered = sorted(items, key=lambda item: (item.start_s, item.end_s, item.label))
    parts = [
        f"{item.label} from {timestamp_token(item.start_s)} "
        f"to {timestamp_token(item.end_s)} seconds"
        for item in ordered
    ]
    return "; ".join(parts) + "." if parts else None
