"""From whatever a user holds (path, bytes, file object, array) to one 16 kHz mono clip.

Only files and memory are read: a URL is refused, and so is anything that would block.
"""

import hashlib
import math
import numbers
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import soxr

from qwen_audio.audio.decoders import Decoded, Part, decode, to_float
from qwen_audio.audio.lengths import SAMPLE_RATE, audio_tokens, mel_frames, token_seconds
from qwen_audio.errors import AudioError

MAX_CHANNELS = 32  # of an array; more along the shorter axis is no sound but something else
MIN_RATE = 1000  # samples a second; a header that says less would blow up to gigabytes
LONGEST_LABEL = 120  # characters of a path in an error message


@dataclass(frozen=True, eq=False)
class Clip:
    """A piece of sound as the model hears it: mono float32 samples at 16 kHz."""

    waveform: np.ndarray
    name: str | None = None

    def __post_init__(self) -> None:
        if self.waveform.dtype != np.float32 or self.waveform.ndim != 1:
            raise AudioError(
                f"a Clip holds float32 samples of shape (samples,), not {self.waveform.dtype} of "
                f"shape {self.waveform.shape}; use load_clip((array, rate))"
            )

    @property
    def num_samples(self) -> int:
        """How many samples the clip has."""
        return len(self.waveform)

    @property
    def duration_s(self) -> float:
        """How long the clip is, in seconds."""
        return self.num_samples / SAMPLE_RATE

    @cached_property
    def fingerprint(self) -> str:
        """What tells this sound from any other: the SHA-256 of its samples, in hex."""
        return hashlib.sha256(self.waveform.astype("<f4").tobytes()).hexdigest()


# A path, bytes, a binary file object, a Clip or (samples, rate). Samples are a NumPy array, a
# tensor or a list of shape (samples,), (channels, samples) or (samples, channels): integers, or
# floats between -1 and 1.
ClipSource: TypeAlias = Any
Seconds: TypeAlias = float | int


def load_clip(
    source: ClipSource,
    *,
    offset_s: Seconds = 0.0,
    duration_s: Seconds | None = None,
    max_seconds: Seconds | None = None,
) -> Clip:
    """Return 16 kHz mono samples of a file, bytes, a file object or (samples, rate).

    Channels are averaged. A damaged or cut file gives what decodes of it. A file object is read
    from its beginning and left open.

    >>> tone = np.sin(np.arange(44_100) / 20).astype(np.float32)
    >>> load_clip((tone, 44_100)).num_samples
    16000

    Args:
        source: What to load; never a URL.
        offset_s: Where to begin.
        duration_s: How much to take; the clip is shorter where the sound ends before.
        max_seconds: Refuse what is longer, after `offset_s` and `duration_s`.

    Raises:
        AudioError: If there is no sound in it that the model could hear.
    """
    _check_part(offset_s, duration_s)
    name = name_of(source)
    label = label_of(source, name)
    # A little more than allowed is read, to tell that there is more, and no hours of it.
    wanted_s = duration_s if max_seconds is None else min(duration_s or math.inf, max_seconds + 1)
    decoded = _decode(source, label, Part(offset_s=offset_s, duration_s=wanted_s))
    _check_sound(decoded, label, offset_s=offset_s, max_seconds=max_seconds)

    samples = np.ascontiguousarray(decoded.samples, np.float32)
    if decoded.rate != SAMPLE_RATE:
        samples = soxr.resample(samples, decoded.rate, SAMPLE_RATE)
    clip = Clip(samples, name)
    if audio_tokens(mel_frames(clip.num_samples)) == 0:
        raise AudioError(
            f"{label} is too short: {clip.duration_s:.3f} s give no audio token of "
            f"{token_seconds():g} s; pass a longer clip"
        )
    return clip


def _check_part(offset_s: Seconds, duration_s: Seconds | None) -> None:
    if not (math.isfinite(offset_s) and offset_s >= 0):
        raise AudioError(f"offset_s is {offset_s}; pass a number of seconds from 0 on")
    if duration_s is not None and not (math.isfinite(duration_s) and duration_s > 0):
        raise AudioError(f"duration_s is {duration_s}; pass a number of seconds above 0")


def name_of(source: ClipSource) -> str | None:
    """Return the name that a source brings along, if any."""
    if isinstance(source, Clip):
        return source.name
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else None


def label_of(source: ClipSource, name: str | None) -> str:
    """Return what an error message calls the source."""
    if name:
        return name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 3]}..."
    if isinstance(source, tuple | Clip):
        return "the array"
    return "the file object" if hasattr(source, "read") else "the data"


def _decode(source: ClipSource, label: str, part: Part) -> Decoded:
    """Return the mono samples of any kind of source at its own rate."""
    if isinstance(source, Clip):
        return _cut(Decoded(source.waveform, SAMPLE_RATE), part)
    if isinstance(source, tuple):
        return _cut(_from_array(*_samples_and_rate(source)), part)
    with open_source(source, label) as file:
        return decode(file, label, part)


@contextmanager
def open_source(source: ClipSource, label: str) -> Iterator[BinaryIO | BytesIO]:
    """Open a path, bytes or a file object for decoding.

    Raises:
        AudioError: If it is none of these, or there is nothing in it.
    """
    if isinstance(source, str | os.PathLike):
        with _open_path(Path(source), label) as file:
            try:
                yield file
            except OSError as error:
                raise AudioError(f"cannot read {label}: {error.strerror or error}") from error
        return
    if isinstance(source, bytes | bytearray | memoryview):
        content = bytes(source)
    elif hasattr(source, "read"):
        content = _read_all(source, label)
    else:
        raise AudioError(
            f"cannot read a clip from {type(source).__name__}; "
            "pass a path, bytes, a binary file object or (samples, rate)"
        )
    if not content:
        raise AudioError(f"{label} is empty (0 bytes); pass the content of an audio file")
    yield BytesIO(content)


def _open_path(path: Path, label: str) -> BinaryIO:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        if "://" in label:
            raise AudioError(
                f"{label} is a URL, and only files are opened; download it first"
            ) from None
        raise AudioError(f"cannot find {label}; check the path") from error
    if stat.S_ISDIR(mode):
        raise AudioError(f"{label} is a folder; pass the audio file in it")
    if not stat.S_ISREG(mode):  # opening a pipe could wait for ever
        raise AudioError(f"{label} is not a regular file; read it and pass its bytes")
    if path.stat().st_size == 0:
        raise AudioError(f"{label} is empty (0 bytes); pass a file with sound")
    try:
        return path.open("rb")
    except OSError as error:
        raise AudioError(f"cannot read {label}: {error.strerror or error}") from error


def _read_all(file: Any, label: str) -> bytes:
    """Return all that a file object holds, wherever it stands."""
    if getattr(file, "closed", False):
        raise AudioError(f"{label} is closed; pass an open file or its path")
    with suppress(AttributeError, OSError):  # a pipe has only what is still to come
        file.seek(0)
    content = file.read()
    if not isinstance(content, bytes | bytearray):
        raise AudioError(
            f"{label} gives {type(content).__name__} and not bytes; open it in binary mode ('rb')"
        )
    return bytes(content)


def _samples_and_rate(pair: tuple) -> tuple[np.ndarray, float]:
    """Return the samples as an array and their rate, or say what the pair should have been."""
    if len(pair) != 2 or isinstance(pair[1], bool) or not isinstance(pair[1], numbers.Real):
        kinds = ", ".join(type(part).__name__ for part in pair)
        raise AudioError(f"got ({kinds}); pass (samples, rate), for example (waveform, 16000)")
    samples, rate = pair
    _check_rate(rate, "the array")
    if hasattr(samples, "detach"):  # a tensor; NumPy has no bfloat16
        samples = samples.detach().cpu()
        samples = (samples.float() if samples.is_floating_point() else samples).numpy()
    return np.asarray(samples), float(rate)


def _from_array(samples: np.ndarray, rate: float) -> Decoded:
    """Return an array as mono floats; the shorter of two axes is the channels."""
    shape = samples.shape
    if samples.ndim not in (1, 2) or (samples.ndim == 2 and min(shape) > MAX_CHANNELS):
        raise AudioError(
            f"the array has shape {shape}; pass (samples,), (channels, samples) or "
            "(samples, channels)"
        )
    samples = to_float(samples)
    if samples.ndim == 2:
        samples = samples.mean(axis=int(np.argmin(shape)))  # (samples,)
    return Decoded(samples, rate)


def _cut(decoded: Decoded, part: Part) -> Decoded:
    start, count = part.sample_range(decoded.rate)
    stop = None if count is None else start + count
    return Decoded(decoded.samples[start:stop], decoded.rate)


def _check_rate(rate: Any, label: str) -> None:
    if not (math.isfinite(rate) and rate >= MIN_RATE):
        raise AudioError(
            f"{label} has a rate of {rate:g} samples a second; {MIN_RATE} is the least that works"
        )


def _check_sound(
    decoded: Decoded, label: str, *, offset_s: Seconds, max_seconds: Seconds | None
) -> None:
    _check_rate(decoded.rate, label)
    samples = decoded.samples
    if len(samples) == 0:
        where = f"no samples after offset_s={offset_s:g}" if offset_s else "no samples"
        raise AudioError(f"{label} has {where}; pass a clip with sound")
    if max_seconds is not None and len(samples) / decoded.rate > max_seconds:
        raise AudioError(
            f"{label} is longer than {max_seconds:g} s; take a part with offset_s and duration_s"
        )
    num_bad = len(samples) - int(np.isfinite(samples).sum())
    if num_bad:
        raise AudioError(
            f"{label} holds {num_bad} samples that are NaN or infinite, of {len(samples)}; "
            "repair the file"
        )
