"""Composes labelled sounds into a scene whose timeline is known exactly.

A recording of one event is cut to its loud part (`loud_part`) or to one single burst that can be
counted (`single_burst`); `compose_scene` draws a few of them, places them on a background at
known times and returns the waveform with its timeline. All randomness comes from the seed.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.errors import DataError
from qwen_audio.tasks.labels import Event
from qwen_audio.tasks.sound_names import canonical_sound, scene_name

MAX_EVENT_SECONDS = 4.0
# Sounds made of short bursts, which a listener can count.
COUNTABLE = frozenset(
    {"car horn", "dog barking", "door knock", "gunshot", "rooster crowing", "sneezing", "coughing"}
)
# Two sounds of one group are hard to tell apart, so no question asks whether the other is there
# and no background of one group carries an event of it.
CONFUSABLE: tuple[frozenset[str], ...] = (
    frozenset({"rain", "sea waves", "waterfall", "stream flowing", "thunder", "sailboat"}),
    frozenset({"air conditioner", "airplane", "wind", "washing machine", "laundry room"}),
    frozenset({"air conditioner", "engine idling", "helicopter", "train", "submarine"}),
    frozenset({"chainsaw", "construction site", "drilling", "engine idling", "jackhammer"}),
    frozenset({"fire crackling", "rain", "vinyl crackle", "fireworks"}),
    frozenset({"gunshot", "fireworks", "construction site"}),
    frozenset({"car horn", "engine idling", "siren", "traffic"}),
    frozenset({"birds singing", "crickets chirping", "jungle ambience", "stream flowing"}),
    frozenset({"birds singing", "crow cawing", "seagulls calling", "rooster crowing"}),
    frozenset({"carousel music", "children playing", "street music"}),
    frozenset({"children playing", "cafe ambience", "crowd talking", "restaurant ambience"}),
    frozenset({"dog barking", "wolf howling", "night village"}),
    frozenset({"baby crying", "cat meowing", "children playing"}),
    frozenset({"rain", "wind", "traffic", "airplane", "train ride", "submarine"}),
)

_FRAME = SAMPLE_RATE // 40  # 25 ms
_FADE = SAMPLE_RATE // 100  # 10 ms
_SILENT_DB = -50.0  # of a recording's loudest frame: below, nothing is heard
_SHORTEST_S, _LONGEST_S = 5.0, 15.0
_LEAST_GAP_S = 0.35
_CLEAR_START_S = 0.5  # two starts closer than this have no order for a listener

Waveform = np.ndarray


@dataclass(frozen=True, kw_only=True)
class EventClip:
    """One recorded event, cut to what is heard of it; `is_burst` if it happens exactly once."""

    label: str
    waveform: Waveform
    is_burst: bool = False


@dataclass(frozen=True, kw_only=True)
class Background:
    """A recording of a place; `sound` is its canonical name, "" for silence."""

    sound: str
    waveform: Waveform

    @property
    def scene(self) -> str | None:
        """The name of the scene, if this sound has one."""
        return scene_name(self.sound) if self.sound else None


@dataclass(frozen=True, kw_only=True)
class SceneLibrary:
    """What scenes are made of: long events and single bursts by label, and backgrounds."""

    events: Mapping[str, tuple[EventClip, ...]]
    bursts: Mapping[str, tuple[EventClip, ...]]
    backgrounds: tuple[Background, ...]

    def __post_init__(self) -> None:
        if not self.events:
            raise DataError("a scene library has no event clips; give at least one audible clip")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A composed clip: its samples, its timeline in order of start, and where it seems to be."""

    waveform: Waveform
    events: tuple[Event, ...]
    countable: frozenset[str]
    background: str
    scene: str | None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.waveform) / SAMPLE_RATE

    @property
    def labels(self) -> tuple[str, ...]:
        """Every event's label once, in order of first start."""
        return tuple(dict.fromkeys(event.label for event in self.events))


def confusable_with(sound: str) -> frozenset[str]:
    """Return the sounds that a listener may take for this one, and itself.

    >>> sorted(confusable_with("gunshot"))
    ['construction site', 'fireworks', 'gunshot']
    """
    name = canonical_sound(sound)
    return frozenset({name}).union(*(group for group in CONFUSABLE if name in group))


def loud_part(waveform: Waveform, *, max_seconds: float = MAX_EVENT_SECONDS) -> Waveform | None:
    """Return the loudest stretch of a recording, or nothing if it is near silent.

    Quiet ends (25 dB below the loudest 25 ms) are cut off; pauses inside stay.
    """
    levels = _levels(waveform)
    if not len(levels) or levels.max() < _SILENT_DB:
        return None
    loud = np.flatnonzero(levels > levels.max() - 25)
    first, last = loud[0], loud[-1] + 1
    frames = min(last - first, int(max_seconds * SAMPLE_RATE) // _FRAME)
    energy = np.concatenate([[0.0], np.cumsum(10 ** (levels[first:last] / 10))])
    start = first + int(np.argmax(energy[frames:] - energy[: len(energy) - frames]))
    return _faded(waveform[start * _FRAME : (start + frames) * _FRAME])


def single_burst(waveform: Waveform, *, max_seconds: float = 1.5) -> Waveform | None:
    """Return the loudest single burst of a recording, or nothing if it has none that stands out.

    A burst ends where the level stays 18 dB below its peak for 75 ms; the recording outside of its
    bursts must be quiet enough that one burst is heard as one.
    """
    levels = _levels(waveform)
    if not len(levels) or levels.max() < _SILENT_DB:
        return None
    peak = int(levels.argmax())
    quiet = levels < levels[peak] - 18
    start, end = _edge(quiet[: peak + 1][::-1]), _edge(quiet[peak:])
    if start is None or end is None or (start + end) * _FRAME > max_seconds * SAMPLE_RATE:
        return None
    first = max(peak - start, 0)
    return _faded(waveform[first * _FRAME : (peak + end + 2) * _FRAME])


def compose_scene(library: SceneLibrary, *, seed: int) -> Scene:
    """Return one scene of 5 to 15 seconds: events in sequence, overlapping, or one repeated."""
    rng = random.Random(seed)
    background = _draw_background(library, rng)
    taken = confusable_with(background.sound) if background.sound else frozenset()
    plan = rng.choices(("sequence", "overlap", "count"), weights=(45, 25, 30))[0]
    clips = _draw_counted(library, taken, rng) if plan == "count" else ()
    clips = clips or _draw_events(library, taken, rng)
    if plan == "overlap" and len(clips) > 1:
        starts, num_samples = _overlapping(clips, rng)
    else:
        starts, num_samples = _in_sequence(clips, rng)
    order = np.argsort(starts, kind="stable")
    clips, starts = [clips[i] for i in order], [starts[i] for i in order]
    waveform = _mix(clips, starts, _bed(background, num_samples, rng), rng)
    return Scene(
        waveform=waveform,
        events=tuple(_event(clip, start) for clip, start in zip(clips, starts, strict=True)),
        countable=frozenset(clip.label for clip in clips if clip.is_burst),
        background=background.sound,
        scene=background.scene,
    )


def _levels(waveform: Waveform) -> np.ndarray:
    """Return the level of each 25 ms frame in dB of full scale."""
    frames = waveform[: len(waveform) // _FRAME * _FRAME].reshape(-1, _FRAME)
    return 10 * np.log10(np.square(frames, dtype=np.float64).mean(axis=1) + 1e-10)


def _edge(quiet: np.ndarray) -> int | None:
    """Return the first frame that begins three quiet ones in a row (or the end of a short tail)."""
    padded = np.concatenate([quiet, [True, True]]) if len(quiet) else np.ones(3, dtype=bool)
    runs = padded[:-2] & padded[1:-1] & padded[2:]
    return int(runs.argmax()) if runs.any() else None


def _faded(waveform: Waveform) -> Waveform:
    """Return a copy with 10 ms of fade at both ends."""
    ramp = np.linspace(0, 1, min(_FADE, len(waveform) // 2), dtype=np.float32)
    faded = waveform.astype(np.float32, copy=True)
    faded[: len(ramp)] *= ramp
    faded[len(faded) - len(ramp) :] *= ramp[::-1]
    return faded


def _draw_background(library: SceneLibrary, rng: random.Random) -> Background:
    """Return a background; one in eight is near silence (a quiet room)."""
    by_sound: dict[str, list[Background]] = {}
    for background in library.backgrounds:
        by_sound.setdefault(background.sound, []).append(background)
    if not by_sound or rng.random() < 1 / 8:
        noise = np.random.default_rng(rng.getrandbits(32)).standard_normal(SAMPLE_RATE)
        return Background(sound="", waveform=noise.astype(np.float32))
    return rng.choice(by_sound[rng.choice(sorted(by_sound))])


def _draw_events(
    library: SceneLibrary, taken: frozenset[str], rng: random.Random
) -> tuple[EventClip, ...]:
    """Return one to four events with different labels that the background does not hide."""
    free = sorted(set(library.events) - taken) or sorted(library.events)
    count = min(rng.choices((1, 2, 3, 4), weights=(15, 40, 30, 15))[0], len(free))
    clips = [rng.choice(library.events[label]) for label in rng.sample(free, count)]
    while len(clips) > 1 and _least_samples(clips) > _LONGEST_S * SAMPLE_RATE:
        clips.pop()
    return tuple(clips)


def _draw_counted(
    library: SceneLibrary, taken: frozenset[str], rng: random.Random
) -> tuple[EventClip, ...]:
    """Return one burst one to five times, and sometimes another event, in any order."""
    free = sorted(set(library.bursts) - taken)
    if not free:
        return ()
    label = rng.choice(free)
    clips = [rng.choice(library.bursts[label])] * rng.randint(1, 5)
    if rng.random() < 0.4:
        clips = [rng.choice(library.bursts[label]) for _ in clips]
    others = sorted(set(library.events) - taken - confusable_with(label))
    if others and rng.random() < 0.5:
        clips.append(rng.choice(library.events[rng.choice(others)]))
        rng.shuffle(clips)
    return tuple(clips)


def _in_sequence(clips: tuple[EventClip, ...], rng: random.Random) -> tuple[list[int], int]:
    """Return start samples with a gap between all events, and the scene's length."""
    lengths = [len(clip.waveform) for clip in clips]
    least = _least_samples(clips)
    shortest = max(least, int(_SHORTEST_S * SAMPLE_RATE))
    longest = max(shortest, int(min(_LONGEST_S, 1.6 * shortest / SAMPLE_RATE) * SAMPLE_RATE))
    num_samples = rng.randint(shortest, longest)
    cuts = sorted(rng.randint(0, num_samples - least) for _ in clips)
    starts, at = [], 0
    for position, (cut, length) in enumerate(zip(cuts, lengths, strict=True), start=1):
        starts.append(cut + at + int(_LEAST_GAP_S * SAMPLE_RATE) * position)
        at += length
    return starts, num_samples


def _least_samples(clips: Sequence[EventClip]) -> int:
    """Return the length of a sequence with the smallest gaps."""
    gaps = int(_LEAST_GAP_S * SAMPLE_RATE) * (len(clips) + 1)
    return sum(len(clip.waveform) for clip in clips) + gaps


def _overlapping(clips: tuple[EventClip, ...], rng: random.Random) -> tuple[list[int], int]:
    """Return start samples half a second or more apart, events overlapping, and the length."""
    starts, at, end = [], rng.uniform(0.2, 1.5), 0.0
    for clip in clips:
        seconds = len(clip.waveform) / SAMPLE_RATE
        starts.append(int(at * SAMPLE_RATE))
        end = max(end, at + seconds)
        at += rng.uniform(_CLEAR_START_S, max(_CLEAR_START_S, 0.6 * seconds))
    seconds = max(_SHORTEST_S, end + rng.uniform(0.2, 2.0))
    return starts, int(seconds * SAMPLE_RATE)


def _looped(waveform: Waveform, num_samples: int, rng: random.Random) -> Waveform:
    """Return a stretch of the recording, repeated with a quarter-second cross-fade if too short."""
    if len(waveform) >= num_samples:
        start = rng.randint(0, len(waveform) - num_samples)
        return waveform[start : start + num_samples].astype(np.float32)
    cross = min(SAMPLE_RATE // 4, len(waveform) // 2)
    ramp = np.sqrt(np.linspace(0, 1, cross, dtype=np.float32))
    looped = waveform.astype(np.float32)
    while len(looped) < num_samples:
        joint = looped[-cross:] * ramp[::-1] + waveform[:cross] * ramp
        looped = np.concatenate([looped[:-cross], joint, waveform[cross:]])
    return looped[:num_samples]


def _bed(background: Background, num_samples: int, rng: random.Random) -> Waveform:
    """Return the background 5 to 25 dB (silence: 35 to 50 dB) below events of level 1."""
    ratio = rng.uniform(5, 25) if background.sound else rng.uniform(35, 50)
    bed = _looped(background.waveform, num_samples, rng)
    return bed / _rms(bed) * 10 ** (-ratio / 20)


def _mix(clips: list[EventClip], starts: list[int], bed: Waveform, rng: random.Random) -> Waveform:
    """Return the events, each within 4 dB of one level, on the bed; the whole at a drawn level."""
    mixed = bed.copy()
    for clip, start in zip(clips, starts, strict=True):
        level = 10 ** (rng.uniform(-4, 4) / 20)
        mixed[start : start + len(clip.waveform)] += clip.waveform / _rms(clip.waveform) * level
    mixed *= 10 ** (rng.uniform(-28, -18) / 20)
    return (mixed * min(1.0, 0.95 / max(np.abs(mixed).max(), 1e-6))).astype(np.float32)


def _rms(waveform: Waveform) -> float:
    """Return the level of what is heard: frames within 25 dB of the loudest."""
    levels = _levels(waveform)
    if not len(levels):
        return max(float(np.sqrt(np.square(waveform).mean())), 1e-5)
    heard = levels[levels > levels.max() - 25]
    return max(float(np.sqrt((10 ** (heard / 10)).mean())), 1e-5)


def _event(clip: EventClip, start: int) -> Event:
    end = start + len(clip.waveform)
    return Event(clip.label, round(start / SAMPLE_RATE, 2), round(end / SAMPLE_RATE, 2))
