"""Transcripts of recordings of any length: window by window, seams mended, memory flat."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from qwen_audio.audio.sources import ClipSource
from qwen_audio.audio.windows import OVERLAP_S, Window, stream_windows
from qwen_audio.text.segments import Segment, move_words
from qwen_audio.text.timestamps import Word, join_words

OnProgress = Callable[[float], None]


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
    overlap and each word is taken from the window that heard it whole, so that none is lost or
    doubled. Silent windows give no segment.

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
    last: Word | None = None
    while group := list(islice(windows, batch_size)):
        audible = [window for window in group if not window.is_silent]
        if audible and language is None:
            language = model.hear_languages([audible[0].clip])[0]
        said = _hear(model, audible, language=language, words=words)
        for window, heard in zip(audible, said, strict=True):
            segment = _segment(window, heard, last)
            last = segment.words[-1] if segment.words else None
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


def _segment(window: Window, heard: Any, last: Word | None) -> Segment:
    """Return what a window adds to the transcript."""
    if not heard.words:
        return Segment(
            text=heard.text, start_s=window.start_s, end_s=window.end_s, language=heard.language
        )
    words = _own_words(window, heard.words)
    if words and last is not None and _is_same(last, words[0]):
        words = words[1:]
    return Segment(
        text=join_words(words, heard.language),
        start_s=words[0].start_s if words else window.start_s,
        end_s=words[-1].end_s if words else window.end_s,
        language=heard.language,
        words=words,
    )


def _own_words(window: Window, words: Sequence[Word]) -> tuple[Word, ...]:
    """Return the words whose middle is nearer to this window than to its neighbours."""
    first_s = window.start_s + window.heard_s / 2
    end_s = window.end_s - window.shared_s / 2

    def is_own(word: Word) -> bool:
        middle_s = (word.start_s + word.end_s) / 2
        is_late = not window.heard_s or middle_s >= first_s
        return is_late and (not window.shared_s or middle_s < end_s)

    moved = move_words(words, window.start_s, end_s=window.end_s)
    return tuple(filter(is_own, moved))


def _is_same(one: Word, other: Word) -> bool:
    """Return whether two neighbours are one word that both windows heard across the seam."""
    is_overlapping = other.start_s < (one.start_s + one.end_s) / 2
    return is_overlapping and one.text.casefold() == other.text.casefold()
