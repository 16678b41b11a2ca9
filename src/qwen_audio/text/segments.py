"""Long transcripts: segments with their words, and cues short enough to read on a screen."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from qwen_audio.errors import PromptError
from qwen_audio.text.timestamps import Word, join_words
from qwen_audio.text.vocab import Seconds

MAX_CUE_CHARACTERS = 84  # two lines of 42, the usual limit of subtitles
MAX_CUE_S = 7.0
CUE_PAUSE_S = 0.8  # a pause that ends a cue
MIN_CUE_S = 0.02  # a cue that is on the screen for no time is no cue

_SENTENCE_ENDS = (".", "?", "!", "。", "?", "!", "…")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What is said in one stretch of a recording; times count from the recording's start."""

    text: str
    start_s: Seconds
    end_s: Seconds
    language: str | None = None
    words: tuple[Word, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.start_s <= self.end_s:
            raise PromptError(
                f"the segment {self.text[:40]!r} goes from {self.start_s} to {self.end_s} s; "
                "a segment starts at 0 or later and ends after it starts"
            )


def move_words(words: Iterable[Word], offset_s: Seconds, *, end_s: Seconds) -> tuple[Word, ...]:
    """Return words of a window with times of the recording, none past the window's end.

    >>> move_words([Word("hello", 0.5, 1.25)], 60, end_s=61)
    (Word(text='hello', start_s=60.5, end_s=61),)
    """

    def moved(seconds: Seconds) -> Seconds:
        return min(round(seconds + offset_s, 3), end_s)

    return tuple(Word(word.text, moved(word.start_s), moved(word.end_s)) for word in words)


def all_words(segments: Iterable[Segment]) -> tuple[Word, ...]:
    """Return the words of all segments in order."""
    return tuple(word for segment in segments for word in segment.words)


def join_segments(segments: Sequence[Segment]) -> str:
    """Return the plain transcript of segments: with spaces, but none in Chinese and Japanese."""
    language = segments[0].language if segments else None
    parts = [Word(segment.text.strip(), 0, 0) for segment in segments if segment.text.strip()]
    return join_words(parts, language)


def split_into_cues(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Yield segments cut where a viewer expects it: at pauses, sentence ends, and full lines.

    A segment without words stays whole: nothing tells when its parts are said.
    """
    for segment in segments:
        if not segment.words:
            if segment.text.strip():
                yield segment
            continue
        group: list[Word] = []
        for word in segment.words:
            if group and _is_full(group, word, segment.language):
                yield _cue(group, segment)
                group = []
            group.append(word)
        yield _cue(group, segment)


def _is_full(group: Sequence[Word], word: Word, language: str | None) -> bool:
    text = join_words([*group, word], language)
    return (
        len(text) > MAX_CUE_CHARACTERS
        or word.end_s - group[0].start_s > MAX_CUE_S
        or word.start_s - group[-1].end_s > CUE_PAUSE_S
        or group[-1].text.endswith(_SENTENCE_ENDS)
    )


def _cue(group: Sequence[Word], segment: Segment) -> Segment:
    return replace(
        segment,
        text=join_words(group, segment.language),
        start_s=group[0].start_s,
        end_s=max(group[-1].end_s, group[0].start_s + MIN_CUE_S),
        words=tuple(group),
    )
