"""Cutting and mending sound, to the sample: each edit is a pure function from sound to sound.

Times become samples by rounding. Every seam gets a ramp of 5 ms, so that it does not click; outside
seams and the edited stretch each sample stays as it is.
"""

import numpy as np
from jaxtyping import Float

from qwen_audio.audio.sound import Sound
from qwen_audio.audio.sources import Seconds
from qwen_audio.errors import AudioError

FADE_S = 0.005
BEEP_HERTZ = 1000.0
BEEP_LEVEL = 0.2  # of full scale: heard over speech, and not painful

Samples = Float[np.ndarray, "samples channels"]


def extract(sound: Sound, start_s: Seconds, end_s: Seconds) -> Sound:
    """Return only the stretch from start to end, its edges faded."""
    start, end = _stretch(sound, start_s, end_s)
    return _with(sound, _faded(sound.samples[start:end], _ramp(sound, end - start)))


def remove(sound: Sound, start_s: Seconds, end_s: Seconds) -> Sound:
    """Return the sound without a stretch; what stood around it is cross-faded where it meets.

    The result is shorter by exactly the stretch.
    """
    start, end = _stretch(sound, start_s, end_s)
    samples = sound.samples
    if end - start == len(samples):
        raise AudioError("removing this would leave no sound; name a shorter stretch")
    half = min(len(_ramp(sound)) // 2, start, len(samples) - end, end - start)
    before, after = (samples[place - half : place + half] for place in (start, end))
    rise = _rise(2 * half)
    seam = before * (1 - rise) + after * rise
    return _with(sound, np.concatenate([samples[: start - half], seam, samples[end + half :]]))


def mute(sound: Sound, start_s: Seconds, end_s: Seconds) -> Sound:
    """Return the sound silent between start and end."""
    return _covered(sound, start_s, end_s, cover=None)


def beep(sound: Sound, start_s: Seconds, end_s: Seconds) -> Sound:
    """Return the sound with a tone of 1 kHz in place of what is between start and end."""
    start, end = _stretch(sound, start_s, end_s)
    time_s = np.arange(end - start) / sound.rate
    tone = BEEP_LEVEL * np.sin(2 * np.pi * BEEP_HERTZ * time_s)
    return _covered(sound, start_s, end_s, cover=tone[:, None])


def fade(sound: Sound, *, in_s: Seconds = 0.0, out_s: Seconds = 0.0) -> Sound:
    """Return the sound rising from silence at its start and falling into it at its end.

    Raises:
        AudioError: when it is shorter than the fades.
    """
    rising, falling = (round(seconds * sound.rate) for seconds in (in_s, out_s))
    if min(rising, falling) < 0 or max(rising, falling) > sound.num_samples:
        raise AudioError(
            f"fades of {in_s:g} and {out_s:g} s do not fit into {sound.duration_s:g} s; "
            "give shorter ones"
        )
    gain = np.ones((sound.num_samples, 1))
    gain[:rising] *= _rise(rising)
    gain[sound.num_samples - falling :] *= _rise(falling)[::-1]
    return _with(sound, sound.samples * gain)


def cut(sound: Sound, at_s: Seconds) -> tuple[Sound, Sound]:
    """Return what is before a moment and what is after it; joined they are the sound."""
    place = _place(sound, at_s)
    if place in (0, sound.num_samples):
        raise AudioError(f"there is nothing on one side of {at_s:g} s; cut inside the sound")
    return _with(sound, sound.samples[:place]), _with(sound, sound.samples[place:])


def splice(sound: Sound, other: Sound) -> Sound:
    """Return two sounds one after the other; they overlap in a cross-fade of 5 ms."""
    other = other.matched_to(sound)
    overlap = min(len(_ramp(sound)), sound.num_samples, other.num_samples)
    rise = _rise(overlap)
    place = sound.num_samples - overlap
    seam = sound.samples[place:] * (1 - rise) + other.samples[:overlap] * rise
    return _with(sound, np.concatenate([sound.samples[:place], seam, other.samples[overlap:]]))


def insert(sound: Sound, other: Sound, *, at_s: Seconds) -> Sound:
    """Return the sound with another put in; it is longer by exactly the other."""
    return replace(sound, other, start_s=at_s, end_s=at_s)


def replace(sound: Sound, other: Sound, *, start_s: Seconds, end_s: Seconds) -> Sound:
    """Return the sound with another in place of a stretch; all edges that meet are faded."""
    start, end = _place(sound, start_s), _place(sound, end_s)
    if end < start:
        raise AudioError(f"the stretch ends at {end_s:g} s, before it starts at {start_s:g} s")
    ramp = _ramp(sound)
    middle = _faded(other.matched_to(sound).samples, ramp)
    left = _faded(sound.samples[:start], ramp, at_start=False)
    right = _faded(sound.samples[end:], ramp, at_end=False)
    return _with(sound, np.concatenate([left, middle, right]))


def _covered(sound: Sound, start_s: Seconds, end_s: Seconds, *, cover: np.ndarray | None) -> Sound:
    """Return the sound with a stretch covered; the ramps lie inside the stretch."""
    start, end = _stretch(sound, start_s, end_s)
    gain = np.ones((end - start, 1))
    ramp = _ramp(sound, end - start)
    gain[: len(ramp)] = ramp
    gain[len(gain) - len(ramp) :] = ramp[::-1]  # how much of the cover is heard
    inside = sound.samples[start:end] * (1 - gain)
    if cover is not None:
        inside = inside + cover * gain
    samples = sound.samples.copy()
    samples[start:end] = inside
    return _with(sound, samples)


def _faded(
    samples: Samples, ramp: np.ndarray, *, at_start: bool = True, at_end: bool = True
) -> Samples:
    ramp = ramp[: len(samples)] if len(samples) < len(ramp) else ramp
    gain = np.ones((len(samples), 1))
    if at_start:
        gain[: len(ramp)] *= ramp
    if at_end:
        gain[len(samples) - len(ramp) :] *= ramp[::-1]
    return samples * gain


def _ramp(sound: Sound, room: int | None = None) -> np.ndarray:
    """Return the ramp of a seam, at most half as long as the room for it."""
    wanted = round(FADE_S * sound.rate)
    return _rise(wanted if room is None else min(wanted, room // 2))


def _rise(count: int) -> np.ndarray:
    """Return a straight line from silence to full, one value a sample, shape (samples, 1)."""
    return ((np.arange(count) + 0.5) / max(count, 1))[:, None]


def _stretch(sound: Sound, start_s: Seconds, end_s: Seconds) -> tuple[int, int]:
    start, end = _place(sound, start_s), _place(sound, end_s)
    if start >= end:
        raise AudioError(
            f"the stretch from {start_s:g} to {end_s:g} s holds no sample; it must end after it "
            "starts"
        )
    return start, end


def _place(sound: Sound, seconds: Seconds) -> int:
    """Return the sample at a time; a little past the end, as rounded times are, is the end."""
    place = round(seconds * sound.rate)
    slack = round(0.02 * sound.rate)  # two time stamps
    if not 0 <= place <= sound.num_samples + slack:
        raise AudioError(f"{seconds:g} s is outside the sound, which lasts {sound.duration_s:g} s")
    return min(place, sound.num_samples)


def _with(sound: Sound, samples: np.ndarray) -> Sound:
    return Sound(np.ascontiguousarray(samples, np.float32), sound.rate, sound.depth)
