"""Synthetic reading: what a voice gives, how sentences become clips of 1-28 s, what is refused.

A voice (`voices.py`) speaks one sentence. `read_aloud` joins several with natural pauses, because
models trained on short clips alone ramble on long ones; `find_fault` is the ear we do not have.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.text.timestamps import Word

MIN_SECONDS = 0.3
MAX_SECONDS = 28.0
MAX_CHARACTERS = 330  # of one clip; some 24 s at a usual speed
PAUSE_S = (0.15, 0.8)  # between two joined sentences
EDGE_S = (0.05, 0.35)  # silence before the first word and after the last
AUDIBLE = 0.01  # of the loudest 10 ms frame: quieter edges count as silence
FRAME = SAMPLE_RATE // 100
MAX_PEAK = 0.9
CHARACTERS_A_SECOND = (2.0, 32.0)  # slower or faster than this is a failed synthesis
TOKEN = re.compile(r"[一-鿿]|[^\s一-鿿]+")  # a Chinese character is a word of its own

Waveform = Float[np.ndarray, " samples"]


@dataclass(frozen=True, kw_only=True)
class Voice:
    """Who speaks: everything a label file says about the speaker and where the voice is from."""

    name: str
    language: str
    gender: str | None
    licence: str
    source: str
    package: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A stretch of the text and when it was spoken; `end_s` is None where the engine is silent."""

    first: int
    last: int
    start_s: float
    end_s: float | None


@dataclass(frozen=True, kw_only=True)
class Speech:
    """A spoken text at 16 kHz; `words` is None where the engine's times cannot be trusted."""

    waveform: Waveform
    words: tuple[Word, ...] | None

    @property
    def duration_s(self) -> float:
        """The length in seconds."""
        return len(self.waveform) / SAMPLE_RATE


@runtime_checkable
class Speaker(Protocol):
    """An engine with one voice chosen."""

    voice: Voice

    def speak(self, text: str, *, seed: int) -> Speech:
        """Return the spoken sentence; the seed chooses speed and pitch."""
        ...


def group_sentences(
    sentences: Sequence[str], *, seed: int, max_characters: int = MAX_CHARACTERS
) -> Iterator[tuple[str, ...]]:
    """Yield each sentence once: a third of the groups hold one, a third two, a third 3 to 5.

    A group ends early where the next sentence would make it too long to be read in 28 s.

    >>> list(group_sentences(["a", "b", "c"], seed=1))
    [('a', 'b', 'c')]
    """
    chance = random.Random(seed)
    position = 0
    while position < len(sentences):
        end = position + 1
        last = min(len(sentences), position + chance.choice((1, 2, chance.randint(3, 5))))
        while end < last and sum(map(len, sentences[position : end + 1])) <= max_characters:
            end += 1
        yield tuple(sentences[position:end])
        position = end


def read_aloud(speaker: Speaker, sentences: Sequence[str], *, seed: int) -> Speech:
    """Return the sentences read in one manner, with pauses between them and quiet edges."""
    chance = random.Random(seed)
    parts = [trim(speaker.speak(sentence, seed=seed)) for sentence in sentences]
    pieces: list[np.ndarray] = [silence(chance.uniform(*EDGE_S))]
    words: list[Word] | None = []
    for index, part in enumerate(parts):
        if index:
            pieces.append(silence(chance.uniform(*PAUSE_S)))
        offset_s = sum(map(len, pieces)) / SAMPLE_RATE
        pieces.append(part.waveform)
        if words is not None:
            moved = move(part.words, offset_s, limit_s=offset_s + part.duration_s)
            words = None if moved is None else [*words, *moved]
    pieces.append(silence(chance.uniform(*EDGE_S)))
    waveform = np.concatenate(pieces)
    peak = float(np.abs(waveform).max())
    waveform = waveform * np.float32(min(1.0, MAX_PEAK / max(peak, 1e-9)))
    return Speech(waveform=waveform, words=None if words is None else tuple(words))


def find_fault(speech: Speech, text: str) -> str | None:
    """Return what is wrong with a spoken text, or None when nothing is."""
    levels = np.abs(speech.waveform)
    if not MIN_SECONDS <= speech.duration_s <= MAX_SECONDS:
        return f"lasts {speech.duration_s:.1f} s"
    if not np.isfinite(levels).all() or levels.max() < 0.02 or levels.mean() < 0.002:
        return "is nearly silent"
    if (levels > 0.99).mean() > 0.001:
        return "is clipped"
    slowest, fastest = CHARACTERS_A_SECOND
    if not slowest <= len(text) / speech.duration_s <= fastest:
        return f"has {len(text) / speech.duration_s:.1f} characters a second"
    return find_word_fault(speech)


def find_word_fault(speech: Speech) -> str | None:
    """Return what is wrong with the words' times, or None."""
    time_s = 0.0
    for word in speech.words or ():
        if not time_s - 1e-3 <= word.start_s <= word.end_s <= speech.duration_s + 1e-3:
            return f"has the word {word.text!r} at {word.start_s:.2f}-{word.end_s:.2f} s"
        time_s = word.end_s
    return None


def words_from_marks(
    text: str, marks: Sequence[Mark], waveform: Waveform
) -> tuple[Word, ...] | None:
    """Return the text's words with times, from the marks that an engine gave, or None.

    Several marks in one word ("1985") are joined. A word without a mark was spoken in one breath
    with the word before it ("of the") and gets its share of that time, by its letters.
    """
    groups: list[list[str]] = []
    times: list[tuple[float, float | None]] = []
    for token in TOKEN.finditer(text):
        label = re.sub(r"^\W+|\W+$", "", token.group())
        if not label:
            continue
        own = [mark for mark in marks if overlaps(mark, token.start(), token.end())]
        if own:
            groups.append([label])
            times.append((min(m.start_s for m in own), last_end(own)))
        elif groups:
            groups[-1].append(label)
        else:
            return None
    return tuple(
        word
        for index, group in enumerate(groups)
        for word in share(group, word_span(times, index, waveform))
    )


def overlaps(mark: Mark, first: int, last: int) -> bool:
    """Tell whether a mark that covers any text starts inside the characters first to last."""
    return mark.last > mark.first and first <= mark.first < last


def last_end(marks: Sequence[Mark]) -> float | None:
    """Return the latest end, or None if any end is unknown."""
    ends = [mark.end_s for mark in marks]
    return None if None in ends else max(end for end in ends if end is not None)


def word_span(
    times: Sequence[tuple[float, float | None]], index: int, waveform: Waveform
) -> tuple[float, float]:
    """Return a word's start and end; an unknown end is where its sound fades before the next."""
    start_s, end_s = times[index]
    if end_s is not None:
        return start_s, max(start_s, end_s)
    limit_s = times[index + 1][0] if index + 1 < len(times) else len(waveform) / SAMPLE_RATE
    piece = waveform[int(start_s * SAMPLE_RATE) : int(limit_s * SAMPLE_RATE)]
    _, last = audible_span(piece, float(np.abs(waveform).max(initial=0.0)))
    return start_s, max(start_s, min(limit_s, start_s + last / SAMPLE_RATE))


def share(labels: Sequence[str], span: tuple[float, float]) -> list[Word]:
    """Return the words that were spoken in one breath, each with time by its letters."""
    start_s, end_s = span
    letter_s = (end_s - start_s) / sum(map(len, labels))
    words = []
    for label in labels:
        words.append(Word(label, start_s, start_s + letter_s * len(label)))
        start_s = words[-1].end_s
    return words


def audible_span(waveform: Waveform, loudest: float | None = None) -> tuple[int, int]:
    """Return the first and last sample that are not silence (0, 0 for silence alone)."""
    num_frames = len(waveform) // FRAME
    frames = np.abs(waveform[: num_frames * FRAME]).reshape(num_frames, FRAME)  # (frames, 160)
    levels = frames.max(axis=1, initial=0.0)
    limit = AUDIBLE * (loudest if loudest is not None else levels.max(initial=0.0))
    loud = np.flatnonzero(levels > max(limit, 1e-4))
    if not len(loud):
        return 0, 0
    return int(loud[0]) * FRAME, min(len(waveform), (int(loud[-1]) + 1) * FRAME)


def trim(speech: Speech) -> Speech:
    """Return the speech without the silence at its edges."""
    first, last = audible_span(speech.waveform)
    words = move(speech.words, -first / SAMPLE_RATE, limit_s=(last - first) / SAMPLE_RATE)
    return Speech(waveform=speech.waveform[first:last], words=words)


def move(
    words: Sequence[Word] | None, offset_s: float, *, limit_s: float
) -> tuple[Word, ...] | None:
    """Return the words later by `offset_s`, kept between 0 and the limit."""
    if words is None:
        return None
    return tuple(
        Word(
            word.text,
            min(max(word.start_s + offset_s, 0.0), limit_s),
            min(max(word.end_s + offset_s, 0.0), limit_s),
        )
        for word in words
    )


def silence(seconds: float) -> Waveform:
    """Return that many seconds of zeros."""
    return np.zeros(int(seconds * SAMPLE_RATE), dtype=np.float32)
