"""Sound for people, at its own rate and with all its channels: what is edited and written back.

A `Clip` is what the model hears, 16 kHz and mono; edits are made on the `Sound` behind it, so that
nothing of a recording is lost where nothing was changed.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
import soxr
from jaxtyping import Float

from qwen_audio.audio.decoders import all_channels, audio_frames, open_container
from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.audio.sources import Clip, ClipSource, label_of, load_clip, name_of, open_source
from qwen_audio.errors import AudioError, unknown_name

FORMATS = {".flac": "FLAC", ".wav": "WAV"}
FULL_SCALE = {"PCM_16": 1 << 15, "PCM_24": 1 << 23}


@dataclass(frozen=True, eq=False)
class Sound:
    """A recording as it is.

    Attributes:
        samples: float32, of shape (samples, channels).
        rate: samples a second.
        depth: how samples are written: "PCM_16" or "PCM_24".
    """

    samples: Float[np.ndarray, "samples channels"]
    rate: int
    depth: str = "PCM_24"

    @property
    def num_samples(self) -> int:
        """How many samples each channel has."""
        return len(self.samples)

    @property
    def duration_s(self) -> float:
        """How long it is, in seconds."""
        return self.num_samples / self.rate

    def as_clip(self) -> Clip:
        """Return it as the model hears it."""
        return load_clip((self.samples.mean(axis=1), self.rate))

    def matched_to(self, other: "Sound") -> "Sound":
        """Return it at another's rate and with as many channels."""
        samples = self.samples
        if self.rate != other.rate:
            samples = soxr.resample(samples, self.rate, other.rate)
        channels = other.samples.shape[1]
        if samples.shape[1] != channels:
            samples = np.repeat(samples.mean(axis=1, keepdims=True), channels, axis=1)
        return replace(self, samples=samples.astype(np.float32), rate=other.rate)


def load_sound(source: ClipSource) -> Sound:
    """Return a whole recording: a path, bytes, a file object, a Clip or (samples, rate).

    Raises:
        AudioError: If there is no sound in it.
    """
    if isinstance(source, Sound):
        return source
    if isinstance(source, Clip):
        return Sound(source.waveform[:, None], SAMPLE_RATE)
    if isinstance(source, tuple):
        load_clip(source)  # says what is wrong with it
        return _array(source)
    label = label_of(source, name_of(source))
    with open_source(source, label) as file:
        try:
            samples, rate, depth = _read(file)
        except soundfile.LibsndfileError:
            file.seek(0)
            samples, rate, depth = _read_with_ffmpeg(file, label)
    if len(samples) == 0:
        raise AudioError(f"{label} has no samples; pass a file with sound")
    return Sound(samples, rate, depth)


def save_sound(sound: Sound, path: str | Path) -> None:
    """Write a sound as FLAC or WAV; what was read from 16 or 24 bits is written bit by bit.

    Raises:
        AudioError: for another ending of the file's name.
    """
    path = Path(path)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise AudioError(unknown_name("ending", path.suffix, FORMATS))
    scale = FULL_SCALE[sound.depth]
    whole = np.rint(sound.samples.astype(np.float64) * scale).clip(-scale, scale - 1)
    # Integers: libsndfile scales floats by another factor when it writes than when it reads.
    whole = whole.astype(np.int64) * ((1 << 31) // scale)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".new")
    options = {"format": kind, "subtype": sound.depth}
    soundfile.write(unfinished, whole.astype(np.int32), sound.rate, **options)
    unfinished.replace(path)


def _read(file: object) -> tuple[np.ndarray, int, str]:
    with soundfile.SoundFile(file, closefd=False) as sound:
        depth = "PCM_16" if sound.subtype in ("PCM_16", "PCM_S8", "PCM_U8") else "PCM_24"
        return sound.read(dtype="float32", always_2d=True), sound.samplerate, depth


def _read_with_ffmpeg(file: object, label: str) -> tuple[np.ndarray, int, str]:
    with open_container(file, label) as container:
        frames = [(all_channels(frame).T, frame.sample_rate) for frame in audio_frames(container)]
    if not frames:
        raise AudioError(f"{label} has an audio track, but nothing in it decodes")
    return np.concatenate([samples for samples, _ in frames]), frames[0][1], "PCM_24"


def _array(pair: tuple) -> Sound:
    """Return (samples, rate) as it is; `load_clip` has checked it."""
    samples = np.asarray(pair[0])
    is_whole = np.issubdtype(samples.dtype, np.integer)
    samples = samples / -float(np.iinfo(samples.dtype).min) if is_whole else samples
    samples = samples[:, None] if samples.ndim == 1 else samples
    if samples.shape[0] < samples.shape[1]:
        samples = samples.T
    return Sound(np.ascontiguousarray(samples, np.float32), int(pair[1]))
