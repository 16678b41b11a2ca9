"""Long recordings as windows that the encoder can hear: read piece by piece, cut in silence.

Memory holds one window, however long the file is. A window ends in the middle of a pause; where a
stretch has no pause, its neighbours overlap, so that a word at the seam is whole in one of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import soxr
from jaxtyping import Float

from qwen_audio.audio.decoders import decode_blocks, length_s
from qwen_audio.audio.lengths import MAX_SECONDS, SAMPLE_RATE
from qwen_audio.audio.sources import (
    Clip,
    ClipSource,
    Seconds,
    label_of,
    load_clip,
    name_of,
    open_source,
)
from qwen_audio.errors import AudioError

FRAME = SAMPLE_RATE // 100  # 10 ms, in which loudness is measured
MIN_PAUSE_S = 0.12  # shorter gaps are inside words: the closure of a p or t
LONG_PAUSE_S = 1.0  # a longer pause is no better a place to cut
EARLIEST = 1 / 3  # of a window; before that a cut would waste the rest
OVERLAP_S = 2.0  # of neighbours where no pause is found; longer than a word
SILENT_DB = -60.0  # of full scale; a window whose loudest frame is below it holds no sound
SHORTEST_S = 0.5  # the last window is filled up with silence to this


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of a recording.

    Attributes:
        clip: its sound.
        start_s: where it begins in the recording.
        end_s: where it ends, filling silence not counted.
        heard_s: how much of its beginning the window before heard too.
        shared_s: how much of its end the window after hears again.
    """

    clip: Clip
    start_s: float
    end_s: float
    heard_s: float = 0.0
    shared_s: float = 0.0

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to hear in it."""
        return bool(loudness_db(self.clip.waveform).max(initial=-np.inf) < SILENT_DB)


@dataclass(frozen=True)
class Cut:
    """Where a window ends, in samples, and whether that is in a pause."""

    place: int
    is_clean: bool


def stream_windows(
    source: ClipSource, *, max_seconds: Seconds = MAX_SECONDS, overlap_s: Seconds = OVERLAP_S
) -> Iterator[Window]:
    """Yield a recording of any length as windows in order; they cover every sample.

    Args:
        source: a path, bytes, a file object, a Clip or (samples, rate).
        max_seconds: the longest window.
        overlap_s: how much neighbours share where there is no pause between them.

    Raises:
        AudioError: when there is no sound in it that the model could hear.
    """
    lengths = {"max_seconds": max_seconds, "overlap_s": overlap_s}
    yield from cut_windows(stream_blocks(source), name=name_of(source), **lengths)


def stream_blocks(source: ClipSource) -> Iterator[np.ndarray]:
    """Yield a recording piece by piece as 16 kHz mono samples, shape (samples,).

    Raises:
        AudioError: when it cannot be read, or holds no sound.
    """
    if isinstance(source, tuple | Clip):  # it is in memory already
        yield load_clip(source).waveform
        return
    label = label_of(source, name_of(source))
    resampler, rate, num_samples = None, 0, 0
    with open_source(source, label) as file:
        for block in decode_blocks(file, label):
            if resampler is None:
                rate = block.rate
                resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
            if block.rate != rate:
                raise AudioError(f"{label} changes its rate half-way; convert it to wav first")
            if not np.isfinite(block.samples).all():
                raise AudioError(f"{label} holds samples that are NaN or infinite; repair the file")
            num_samples += len(block.samples)
            yield resampler.resample_chunk(np.ascontiguousarray(block.samples, np.float32))
    if not num_samples:
        raise AudioError(f"{label} has no samples; pass a clip with sound")
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def recording_s(source: ClipSource) -> Seconds | None:
    """Return how long a recording says it is, in seconds, without decoding it; None if unknown."""
    if isinstance(source, tuple | Clip):
        return load_clip(source).duration_s
    with open_source(source, label_of(source, name_of(source))) as file:
        return length_s(file)


def cut_windows(
    blocks: Iterable[np.ndarray],
    *,
    max_seconds: Seconds = MAX_SECONDS,
    overlap_s: Seconds = OVERLAP_S,
    name: str | None = None,
) -> Iterator[Window]:
    """Yield consecutive pieces of sound as windows; see `stream_windows`."""
    longest, overlap = round(max_seconds * SAMPLE_RATE), round(overlap_s * SAMPLE_RATE)
    parts, count, start, heard = [], 0, 0, 0
    for block in blocks:
        parts.append(block)
        count += len(block)
        if count <= longest:
            continue
        waiting = np.concatenate(parts)
        while len(waiting) > longest:
            cut = find_cut(waiting[:longest])
            shared = 0 if cut.is_clean else min(overlap, cut.place // 3)
            yield _window(waiting[: cut.place], start, heard=heard, shared=shared, name=name)
            start, heard = start + cut.place - shared, shared
            waiting = waiting[cut.place - shared :]
        parts, count = [waiting.copy()], len(waiting)
    if count > heard:
        yield _window(np.concatenate(parts), start, heard=heard, shared=0, name=name)


def find_cut(waveform: Float[np.ndarray, " samples"]) -> Cut:
    """Return the best place to end a window: in its longest pause, a later one if both are long.

    Without a pause it is the quietest moment, and not clean.
    """
    loudness = loudness_db(waveform)
    first = int(len(loudness) * EARLIEST)
    quiet, loud = np.percentile(loudness, [5, 95])
    is_pause = loudness < max(SILENT_DB, quiet + 0.25 * (loud - quiet))
    if loud - quiet < 6:  # decibels: noise or a steady tone, in which nothing is a pause
        is_pause = loudness < SILENT_DB
    shortest, enough = (round(s * SAMPLE_RATE / FRAME) for s in (MIN_PAUSE_S, LONG_PAUSE_S))
    runs = [(a, b) for a, b in _runs(is_pause[first:]) if b - a >= shortest]
    if runs:
        start, end = max(runs, key=lambda run: (min(run[1] - run[0], enough), run[1]))
        return Cut((first + (start + end) // 2) * FRAME, is_clean=True)
    smooth = np.convolve(loudness[first:], np.ones(shortest) / shortest, mode="same")
    return Cut((first + int(smooth.argmin())) * FRAME, is_clean=False)


def loudness_db(waveform: Float[np.ndarray, " samples"]) -> Float[np.ndarray, " frames"]:
    """Return the loudness of each whole 10 ms in decibels of full scale, at least -100."""
    frames = waveform[: len(waveform) // FRAME * FRAME].reshape(-1, FRAME)  # (frames, samples)
    power = np.square(frames, dtype=np.float64).mean(axis=1)
    return 10 * np.log10(np.maximum(power, 1e-10))


def _runs(marks: np.ndarray) -> list[tuple[int, int]]:
    """Return where each run of true marks begins and ends."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in steps.reshape(-1, 2)]


def _window(
    waveform: np.ndarray, start: int, *, heard: int, shared: int, name: str | None
) -> Window:
    missing = max(0, round(SHORTEST_S * SAMPLE_RATE) - len(waveform))
    return Window(
        clip=Clip(np.pad(waveform, (0, missing)), name),
        start_s=start / SAMPLE_RATE,
        end_s=(start + len(waveform)) / SAMPLE_RATE,
        heard_s=heard / SAMPLE_RATE,
        shared_s=shared / SAMPLE_RATE,
    )
