"""Transcripts of recordings of any length: window by window, seams mended, memory flat."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from qwen_audio.audio.sources import ClipSource
from qwen_audio.audio.windows import OVERLAP_S, Window, stream_windows
from qwen_audio.text.segments import Segment, move_words
from qwen_audio.text.timestamps import Word, join_words

OnProgress = Callable[[float], None]
NEAR_S = 1.5  # one word, heard in two windows, has times that differ by no more than this


@dataclass(frozen=True)
class _Seam:
    """What the window before heard, and how many of these words were taken from it."""

    words: tuple[Word, ...] = ()
    num_taken: int = 0


def transcribe_windows(
    model: Any,
    source: ClipSource,
    *,
    language: str | None = None,
    words: bool = False,
    batch_size: int = 1,
    on_progress: OnProgress | None = None,
) -> Iterator[Segment]:
    """Yield what is said in a recording, one segment a window, as soon as it is known.

    The file is read as far as needed. Windows end in pauses; where there is none, neighbours
    overlap and each word is taken from the window that heard it whole. The words that both heard
    say where the one goes on from the other, so that none is lost or doubled though the times of
    both are a little off. Silent windows give no segment.

    Args:
        model: anything with `transcribe_batch` and `max_seconds`.
        source: a path, bytes, a file object, a Clip or (samples, rate).
        language: of the speech; heard in the first window that is not silent if not given.
        words: give each word's start and end.
        batch_size: how many windows to hear at once; more is faster on a GPU.
        on_progress: called with how many seconds of the recording are done.

    Raises:
        AudioError: when there is no sound in it that the model could hear.
    """
    # Without times of words an overlap could not be mended: such windows only touch.
    overlap_s = OVERLAP_S if getattr(model, "gives_words", True) else 0.0
    windows = stream_windows(source, max_seconds=model.max_seconds, overlap_s=overlap_s)
    seam = _Seam()
    while group := list(islice(windows, batch_size)):
        audible = [window for window in group if not window.is_silent]
        if audible and language is None:
            language = model.hear_languages([audible[0].clip])[0]
        said = _hear(model, audible, language=language, words=words)
        for window, heard in zip(audible, said, strict=True):
            segment, seam = _segment(window, heard, seam)
            if segment.text:
                yield segment if words else replace(segment, words=())
        if on_progress is not None:
            on_progress(group[-1].end_s)


def _hear(model: Any, windows: Sequence[Window], *, language: str | None, words: bool) -> list[Any]:
    """Return each window's transcript; words are needed where windows overlap."""
    found: dict[int, Any] = {}
    for needs_words in (False, True):
        places = [
            place
            for place, window in enumerate(windows)
            if (words or bool(window.heard_s or window.shared_s)) == needs_words
        ]
        if places:
            clips = [windows[place].clip for place in places]
            said = model.transcribe_batch(clips, language=language, words=needs_words)
            found |= dict(zip(places, said, strict=True))
    return [found[place] for place in range(len(windows))]


def _segment(window: Window, heard: Any, seam: _Seam) -> tuple[Segment, _Seam]:
    """Return what a window adds to the transcript, and what the next one has to go on from."""
    if not heard.words:
        text, start_s = heard.text, window.start_s
        whole = Segment(text=text, start_s=start_s, end_s=window.end_s, language=heard.language)
        return whole, _Seam()
    moved = move_words(heard.words, window.start_s, end_s=window.end_s)
    first, end = _first_own(window, moved, seam), _end_own(window, moved)
    words = moved[first : max(first, end)]
    segment = Segment(
        text=join_words(words, heard.language),
        start_s=words[0].start_s if words else window.start_s,
        end_s=max(word.end_s for word in words) if words else window.end_s,
        language=heard.language,
        words=words,
    )
    return segment, _seam(window, moved, num_taken=max(first, end))


def _seam(window: Window, words: Sequence[Word], *, num_taken: int) -> _Seam:
    """Return the words that the next window may hear too."""
    if not window.shared_s:
        return _Seam()
    first_s = window.end_s - window.shared_s - NEAR_S
    before = sum(1 for word in words if word.end_s < first_s)
    before = min(before, num_taken)
    return _Seam(tuple(words[before:]), num_taken - before)


def _end_own(window: Window, words: Sequence[Word]) -> int:
    """Return how many words are nearer to this window's middle than to the next one's."""
    end_s = window.end_s - window.shared_s / 2
    return sum(1 for word in words if not window.shared_s or _middle_s(word) < end_s)


def _first_own(window: Window, words: Sequence[Word], seam: _Seam) -> int:
    """Return the number of the first word that was not taken from the window before."""
    if not window.heard_s:
        return 0
    last_s = window.start_s + window.heard_s + NEAR_S
    early = [word for word in words if word.start_s < last_s]
    near = _heard_twice(seam.words, early)
    if near:  # the words that both heard tell it, though their times be off
        old, new = min(near, key=lambda pair: abs(pair[0] - seam.num_taken + 0.5))
        return max(0, new + seam.num_taken - old)
    first_s = window.start_s + window.heard_s / 2
    return sum(1 for word in words if _middle_s(word) < first_s)


def _heard_twice(before: Sequence[Word], after: Sequence[Word]) -> list[tuple[int, int]]:
    """Return which words of two windows are the same: most of them, nearest in time, in order."""
    # best[i][j]: the worth of matches among before[i:] and after[j:]
    best = [[0.0] * (len(after) + 1) for _ in range(len(before) + 1)]
    for i in reversed(range(len(before))):
        for j in reversed(range(len(after))):
            both = best[i + 1][j + 1] + _likeness(before[i], after[j])
            best[i][j] = max(both, best[i + 1][j], best[i][j + 1])
    pairs, i, j = [], 0, 0
    while i < len(before) and j < len(after):
        likeness = _likeness(before[i], after[j])
        if likeness and best[i][j] == best[i + 1][j + 1] + likeness:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _likeness(one: Word, other: Word) -> float:
    """Return how likely two words are one: 1 at the same time, 0 far apart or of other letters."""
    apart_s = abs(_middle_s(one) - _middle_s(other))
    return max(0.0, 1 - apart_s / NEAR_S) if _plain(one) == _plain(other) else 0.0


def _middle_s(word: Word) -> float:
    return (word.start_s + word.end_s) / 2


def _plain(word: Word) -> str:
    """Return a word's letters: windows differ in capitals and commas."""
    folded = unicodedata.normalize("NFKC", word.text).casefold()
    return "".join(c for c in folded if c.isalnum()) or folded
