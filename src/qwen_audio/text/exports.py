"""Transcripts in the formats of other programs: subtitles, annotation tiers, tables, JSON.

Each is a pure function from segments to a text that ends with a newline.
"""

import json
from collections.abc import Callable, Iterable, Sequence

from qwen_audio.errors import PromptError, unknown_name
from qwen_audio.text.segments import Segment, all_words, join_segments, split_into_cues
from qwen_audio.text.timestamps import Word
from qwen_audio.text.vocab import Seconds


def export(segments: Sequence[Segment], form: str) -> str:
    """Return segments in a format by its name, one of `FORMATS`.

    Raises:
        PromptError: an unknown format.
    """
    if form not in FORMATS:
        raise PromptError(unknown_name("format", form, FORMATS))
    return FORMATS[form](segments)


def to_text(segments: Sequence[Segment]) -> str:
    """Return the plain transcript."""
    return join_segments(segments) + "\n"


def to_srt(segments: Iterable[Segment]) -> str:
    """Return SubRip subtitles.

    >>> print(to_srt([Segment(text="Hello", start_s=0.5, end_s=61)]), end="")
    1
    00:00:00,500 --> 00:01:01,000
    Hello
    <BLANKLINE>
    """
    return "".join(
        f"{number}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n{_line(cue)}\n\n"
        for number, cue in enumerate(split_into_cues(segments), start=1)
    )


def to_vtt(segments: Iterable[Segment]) -> str:
    """Return WebVTT subtitles for web pages."""
    return "WEBVTT\n\n" + "".join(
        f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}\n{_escape(_line(cue))}\n\n"
        for cue in split_into_cues(segments)
    )


def to_tsv(segments: Iterable[Segment]) -> str:
    """Return a table of start and end in milliseconds and text, one cue a line (as Whisper's)."""
    rows = [
        f"{round(cue.start_s * 1000)}\t{round(cue.end_s * 1000)}\t{_line(cue)}"
        for cue in split_into_cues(segments)
    ]
    return "\n".join(["start\tend\ttext", *rows]) + "\n"


def to_json(segments: Sequence[Segment]) -> str:
    """Return text, language, segments and words as one JSON object, times in seconds."""
    record = {
        "text": join_segments(segments),
        "language": segments[0].language if segments else None,
        "segments": [
            {
                "id": number,
                "start": segment.start_s,
                "end": segment.end_s,
                "text": segment.text,
                "words": [
                    {"word": word.text, "start": word.start_s, "end": word.end_s}
                    for word in segment.words
                ],
            }
            for number, segment in enumerate(segments)
        ],
    }
    return json.dumps(record, ensure_ascii=False, indent=1) + "\n"


def to_textgrid(segments: Sequence[Segment]) -> str:
    """Return Praat's TextGrid (long form) with a tier of segments, and one of words if known.

    An interval tier has no gaps, so silence is written as intervals without text.
    """
    end_s = max([0.01, *(s.end_s for s in segments), *(w.end_s for w in all_words(segments))])
    spoken = [Word(segment.text, segment.start_s, segment.end_s) for segment in segments]
    tiers = [("segments", spoken)]
    if words := all_words(segments):
        tiers.append(("words", list(words)))
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {end_s:.10g}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, (name, marks) in enumerate(tiers, start=1):
        lines += _tier(number, name, _without_gaps(marks, end_s))
    return "\n".join(lines) + "\n"


FORMATS: dict[str, Callable[[Sequence[Segment]], str]] = {
    "text": to_text,
    "srt": to_srt,
    "vtt": to_vtt,
    "textgrid": to_textgrid,
    "tsv": to_tsv,
    "json": to_json,
}
"""Every format by its name."""


def _clock(seconds: Seconds, point: str) -> str:
    """Return a time as hours, minutes, seconds and thousandths."""
    minutes, thousandths = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, thousandths = divmod(thousandths, 1000)
    return f"{hours:02d}:{minutes:02d}:{whole:02d}{point}{thousandths:03d}"


def _line(cue: Segment) -> str:
    """Return the text of a cue on one line: a blank line or a tab would end it."""
    return " ".join(cue.text.replace("-->", "→").split())


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _without_gaps(marks: Iterable[Word], end_s: Seconds) -> list[Word]:
    """Return intervals from 0 to the end; what overlaps is cut and what has no length left out."""
    tier, now = [], 0.0
    for mark in marks:
        start_s, stop_s = max(mark.start_s, now), mark.end_s
        if stop_s <= start_s:
            continue
        if start_s > now:
            tier.append(Word("", now, start_s))
        tier.append(Word(mark.text, start_s, stop_s))
        now = stop_s
    if now < end_s:
        tier.append(Word("", now, end_s))
    return tier


def _tier(number: int, name: str, intervals: Sequence[Word]) -> list[str]:
    lines = [
        f"    item [{number}]:",
        '        class = "IntervalTier"',
        f'        name = "{name}"',
        "        xmin = 0",
        f"        xmax = {intervals[-1].end_s:.10g}",
        f"        intervals: size = {len(intervals)}",
    ]
    for place, interval in enumerate(intervals, start=1):
        text = interval.text.replace('"', '""')
        lines += [
            f"        intervals [{place}]:",
            f"            xmin = {interval.start_s:.10g}",
            f"            xmax = {interval.end_s:.10g}",
            f'            text = "{text}"',
        ]
    return lines
