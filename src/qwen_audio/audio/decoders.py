"""From the bytes of an audio or video file to mono samples at the file's own rate.

libsndfile reads wav, flac, mp3, ogg and opus; FFmpeg's libraries (through PyAV) read the rest.
Neither gets a name to open: both see only the bytes of an open file.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import soundfile

from qwen_audio.errors import AudioError

if TYPE_CHECKING:
    from av import AudioFrame
    from av.container import InputContainer

logger = logging.getLogger(__name__)

BLOCK_SAMPLES = 1 << 20  # read at once, so that a long stereo file is never whole in memory
# An mp3 frame borrows bits from those before it: after a seek the first ones decode wrongly. Eight
# frames were enough in every file tried.
PRE_ROLL_SAMPLES = 1 << 14

# FFmpeg also knows playlists, image lists and scripts, which open other files and URLs. These
# containers hold their own sound.
CONTAINERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,eac3,flac,flv,matroska,mov,mp3,mp4,mpeg,mpegts,ogg,"
    "oma,tak,tta,w64,wav,webm,wv"
)
_OPTIONS = {"format_whitelist": CONTAINERS}


@dataclass(frozen=True, kw_only=True)
class Part:
    """Which part of a file to decode; no `duration_s` means up to its end."""

    offset_s: float | int = 0.0
    duration_s: float | int | None = None

    def sample_range(self, rate: float | int) -> tuple[int, int | None]:
        """Return the first sample and how many follow at a rate."""
        count = None if self.duration_s is None else round(self.duration_s * rate)
        return round(self.offset_s * rate), count


@dataclass(frozen=True, eq=False)
class Decoded:
    """Mono float32 samples at the rate that the file has."""

    samples: np.ndarray
    rate: float | int


def decode(file: BinaryIO | BytesIO, name: str, part: Part) -> Decoded:
    """Return a part of an open audio or video file, mixed down to one channel.

    Raises:
        AudioError: If no decoder finds sound in it.
    """
    try:
        return _decode_with_libsndfile(file, part)
    except soundfile.LibsndfileError as error:
        logger.debug("libsndfile cannot read %s (%s); trying FFmpeg", name, error)
    file.seek(0)
    return _decode_with_ffmpeg(file, name, part)


def decode_blocks(file: BinaryIO | BytesIO, name: str) -> Iterator[Decoded]:
    """Yield an open audio or video file piece by piece, mixed down to one channel.

    Raises:
        AudioError: If no decoder finds sound in it.
    """
    try:
        sound = soundfile.SoundFile(_readable(file), closefd=False)
    except soundfile.LibsndfileError as error:
        logger.debug("libsndfile cannot read %s (%s); trying FFmpeg", name, error)
        file.seek(0)
        yield from _blocks_from_ffmpeg(file, name)
        return
    with sound:
        while True:
            try:
                block = sound.read(BLOCK_SAMPLES // 16, "float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                logger.warning(
                    "%s: nothing decodes after sample %d (%s)", name, sound.tell(), error
                )
                return
            if len(block) == 0:
                return
            yield Decoded(block.mean(axis=1), sound.samplerate)  # (samples,)


def length_s(file: BinaryIO | BytesIO) -> float | None:
    """Return how long an open file says it is, in seconds; None if it does not say."""
    try:
        with soundfile.SoundFile(_readable(file), closefd=False) as sound:
            return sound.frames / sound.samplerate
    except soundfile.LibsndfileError:
        file.seek(0)
    import av

    with suppress(av.FFmpegError), av.open(file, options=_OPTIONS, metadata_errors="ignore") as box:
        return None if box.duration is None else box.duration / av.time_base
    return None


def to_float(samples: np.ndarray) -> np.ndarray:
    """Return integer samples as float32 between -1 and 1, and floating ones as float32.

    >>> to_float(np.array([-32768, 16384], np.int16))
    array([-1. ,  0.5], dtype=float32)
    """
    if samples.dtype == np.uint8:  # the one unsigned format in use: 128 is silence
        return (samples.astype(np.float32) - 128.0) / 128.0
    if samples.dtype in (np.int8, np.int16, np.int32):
        return (samples / -float(np.iinfo(samples.dtype).min)).astype(np.float32)
    if np.issubdtype(samples.dtype, np.floating):
        return samples.astype(np.float32)
    raise AudioError(
        f"samples of type {samples.dtype} have no known full scale; "
        "pass floats between -1 and 1, or int16"
    )


def _decode_with_libsndfile(file: BinaryIO | BytesIO, part: Part) -> Decoded:
    with soundfile.SoundFile(_readable(file), closefd=False) as sound:
        start, left = part.sample_range(sound.samplerate)
        start = min(start, sound.frames)
        skipped = min(start, PRE_ROLL_SAMPLES)
        sound.seek(start - skipped)
        left = None if left is None else left + skipped
        blocks = []
        while left is None or left > 0:
            wanted = BLOCK_SAMPLES if left is None else min(BLOCK_SAMPLES, left)
            block = sound.read(wanted, "float32", always_2d=True)  # (samples, channels)
            if len(block) == 0:
                break
            blocks.append(block.mean(axis=1))  # (samples,)
            left = None if left is None else left - len(block)
        return Decoded(_join(blocks)[skipped:], sound.samplerate)


def _readable(file: BinaryIO | BytesIO) -> BytesIO | int:
    """Return what libsndfile reads from: a descriptor, without calling back into Python."""
    return file if isinstance(file, BytesIO) else file.fileno()


def _decode_with_ffmpeg(file: BinaryIO | BytesIO, name: str, part: Part) -> Decoded:
    with open_container(file, name) as container:
        decoded = _decode_track(container, part)
    if decoded is None:
        raise _nothing_decodes(name)
    return decoded


def _blocks_from_ffmpeg(file: BinaryIO | BytesIO, name: str) -> Iterator[Decoded]:
    is_empty = True
    with open_container(file, name) as container:
        for frame in audio_frames(container):
            is_empty = False
            yield Decoded(_mono(frame), frame.sample_rate)
    if is_empty:
        raise _nothing_decodes(name)


@contextmanager
def open_container(file: BinaryIO | BytesIO, name: str) -> Iterator["InputContainer"]:
    """Open a file with FFmpeg's libraries; it has an audio track.

    Raises:
        AudioError: If it is no container that holds its own sound.
    """
    import av  # 200 ms, for what libsndfile does not read

    try:
        container = av.open(file, options=_OPTIONS, metadata_errors="ignore")
    except av.FFmpegError as error:
        raise AudioError(
            f"{name} is not audio that we can read ({error.strerror}); "
            "pass a wav, flac, mp3, ogg, opus, m4a, webm or mp4 file"
        ) from error
    with container:
        if not container.streams.audio:
            raise AudioError(f"{name} has no audio track; pass a file with sound")
        yield container


def _nothing_decodes(name: str) -> AudioError:
    return AudioError(
        f"{name} has an audio track, but nothing in it decodes; is the file complete?"
    )


def _decode_track(container: "InputContainer", part: Part) -> Decoded | None:
    """Return the wanted part of the first audio track, or None if no packet decodes."""
    blocks: list[np.ndarray] = []
    rate, num_samples = 0, 0
    start, stop = 0, None
    for frame in audio_frames(container):
        if not rate:  # the stream's own figure is half of it for HE-AAC
            rate = frame.sample_rate
            start, count = part.sample_range(rate)
            stop = None if count is None else start + count
        blocks.append(_mono(frame))
        num_samples += frame.samples
        if stop is not None and num_samples >= stop:
            break
    return Decoded(_join(blocks)[start:stop], rate) if rate else None


def audio_frames(container: "InputContainer") -> Iterator["AudioFrame"]:
    """Yield what decodes, passing over damaged packets as the ffmpeg program does."""
    import av

    num_damaged = 0
    packets = container.demux(container.streams.audio[0])
    while True:
        try:
            frames = next(packets).decode()
        except StopIteration:
            break
        except av.FFmpegError:
            num_damaged += 1
        else:
            yield from frames
    if num_damaged:
        logger.warning("%s: passed over %d damaged packets", container.name, num_damaged)


def _mono(frame: "AudioFrame") -> np.ndarray:
    return all_channels(frame).mean(axis=0)  # (samples,)


def all_channels(frame: "AudioFrame") -> np.ndarray:
    """Return the samples of a decoded frame as floats, shape (channels, samples)."""
    samples = to_float(frame.to_ndarray())  # (channels, samples), or (1, interleaved)
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T  # (channels, samples)
    return samples


def _join(blocks: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
