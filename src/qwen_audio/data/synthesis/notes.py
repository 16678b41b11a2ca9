"""Single notes, intervals, chords and scales with exact labels, rendered by FluidSynth.

A `Draft` is what is to be played and everything that is known of it; `render_drafts` plays many at
once. What the ear judges ("bright", "fast decay") is measured on the rendered samples and said only
where the measure is clear.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.data.synthesis.instruments import (
    DISTORTED_PROGRAMS,
    INSTRUMENTS,
    ORCHESTRAL,
    Instrument,
    find_instrument,
)
from qwen_audio.data.synthesis.midi import MidiNote, Piece, render
from qwen_audio.tasks.labels import Labels, Question

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
VELOCITIES = (25, 50, 75, 100, 127)

CHORDS: dict[str, tuple[int, ...]] = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "diminished": (0, 3, 6),
    "augmented": (0, 4, 8),
    "dominant seventh": (0, 4, 7, 10),
    "major seventh": (0, 4, 7, 11),
    "minor seventh": (0, 3, 7, 10),
}
INTERVALS = (
    "unison",
    "minor second",
    "major second",
    "minor third",
    "major third",
    "perfect fourth",
    "tritone",
    "perfect fifth",
    "minor sixth",
    "major sixth",
    "minor seventh",
    "major seventh",
    "octave",
)
SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11, 12),
    "minor": (0, 2, 3, 5, 7, 8, 10, 12),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11, 12),
    "major pentatonic": (0, 2, 4, 7, 9, 12),
    "minor pentatonic": (0, 3, 5, 7, 10, 12),
    "blues": (0, 3, 5, 6, 7, 10, 12),
    "chromatic": tuple(range(13)),
    "whole tone": (0, 2, 4, 6, 8, 10, 12),
}
_HARMONIC = ("piano", "guitar", "organ", "string ensemble", "electric piano", "harp", "accordion")
_ONSET_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What is to be played, and all that is known of it before it is heard."""

    piece: Piece
    labels: Labels
    program: int


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A draft as it sounds: 16 kHz samples, and labels with what was measured on them."""

    waveform: np.ndarray
    labels: Labels
    program: int


def draft_note(*, seed: int, instruments: Sequence[Instrument] = INSTRUMENTS) -> Draft:
    """Return one note of 1 to 4 seconds; orchestral instruments are drawn three times as often."""
    rng = random.Random(seed)
    weights = [3 if instrument.name in ORCHESTRAL else 1 for instrument in instruments]
    instrument = rng.choices(instruments, weights=weights)[0]
    program, velocity = rng.choice(instrument.programs), rng.choice(VELOCITIES)
    pitch = rng.randint(instrument.low, instrument.high)
    held_s = rng.choice((0.25, 0.5, 1.0, 1.5, 2.0, 3.0))
    clip_s = min(4.0, max(1.0, held_s + rng.uniform(0.3, 1.0)))
    start_s = rng.uniform(0.0, 0.15)
    note = MidiNote(
        program=program, pitch=pitch, velocity=velocity, start_s=start_s, duration_s=held_s
    )
    labels = Labels(instrument=(instrument.name,), pitch=pitch, velocity=velocity)
    cents = max(-25.0, min(25.0, rng.gauss(0, 8)))
    piece = Piece(notes=(note,), duration_s=round(clip_s, 2), cents=cents)
    return Draft(piece=piece, labels=labels, program=program)


def draft_chord(*, seed: int) -> Draft:
    """Return one chord, struck at once or broken, in any inversion."""
    rng = random.Random(seed)
    instrument = _harmonic_instrument(rng)
    quality, steps = rng.choice(list(CHORDS.items()))
    root = rng.randint(max(instrument.low, 48), min(instrument.high, 79) - 14)
    pitches = [root + step for step in steps]
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        pitches = [*pitches[1:], pitches[0] + 12]
    apart_s = rng.choice((0.0, 0.0, 0.15, 0.3))
    name = f"{PITCH_CLASSES[root % 12]} {quality}"
    a_name, a_kind = _with_article(name), _with_article(quality)
    manner = "broken chord" if apart_s else "chord"
    labels = Labels(
        instrument=(instrument.name,),
        chord=name,
        captions=(
            f"{_capital(a_name)} {manner} on {instrument.phrase}.",
            f"{_capital(instrument.phrase)} plays {a_name} {manner}.",
        ),
        qa=(
            Question("What chord is this?", name, "chord", f"This is {a_name} chord."),
            Question(
                "Which kind of chord do you hear?", quality, "chord", f"It is {a_kind} chord."
            ),
            *_instrument_questions(instrument, rng),
        ),
    )
    return _played(instrument, pitches, labels=labels, rng=rng, apart_s=apart_s)


def draft_interval(*, seed: int) -> Draft:
    """Return two notes, together or one after the other, and the interval between them."""
    rng = random.Random(seed)
    instrument = _harmonic_instrument(rng)
    size = rng.randint(1, 12)
    low = rng.randint(max(instrument.low, 48), min(instrument.high, 84) - size)
    apart_s = rng.choice((0.0, 0.5, 0.75))
    pitches = [low, low + size]
    goes_down = bool(apart_s) and rng.random() < 0.5
    if goes_down:
        pitches.reverse()
    name = INTERVALS[size]
    a_name = _with_article(name)
    manner = {(False, False): "played together", (True, False): "going up"}.get(
        (bool(apart_s), goes_down), "going down"
    )
    questions = [Question("What interval do you hear?", name, "interval", f"It is {a_name}.")]
    if apart_s:
        direction = "down" if goes_down else "up"
        asked = "Does the second note go up or down?"
        sentence = f"The second note goes {direction}."
        questions.append(Question(asked, direction, "direction", sentence))
    labels = Labels(
        instrument=(instrument.name,),
        captions=(f"{_capital(a_name)} {manner} on {instrument.phrase}.",),
        qa=(*questions, *_instrument_questions(instrument, rng)),
    )
    return _played(instrument, pitches, labels=labels, rng=rng, apart_s=apart_s)


def draft_scale(*, seed: int) -> Draft:
    """Return one scale up or down at a steady tempo."""
    rng = random.Random(seed)
    instrument = rng.choice([i for i in INSTRUMENTS if i.high - i.low >= 24])
    name, steps = rng.choice(list(SCALES.items()))
    low = max(instrument.low, 40)
    root = rng.randint(low, max(low, min(instrument.high, 88) - 12))
    goes_down = rng.random() < 0.4
    pitches = [root + step for step in (reversed(steps) if goes_down else steps)]
    tempo = rng.randrange(80, 181, 10)
    key = f"{PITCH_CLASSES[root % 12]} {name}"
    direction, a_key = "down" if goes_down else "up", _with_article(key)
    labels = Labels(
        instrument=(instrument.name,),
        tempo=tempo,
        key=key if name in ("major", "minor", "harmonic minor") else None,
        captions=(f"{_capital(instrument.phrase)} plays {a_key} scale {direction}.",),
        qa=(
            Question("Which scale is played?", key, "scale", f"It is {a_key} scale."),
            Question(
                "Does the scale go up or down?",
                direction,
                "direction",
                f"The scale goes {direction}.",
            ),
            *_instrument_questions(instrument, rng),
        ),
    )
    return _played(instrument, pitches, labels=labels, rng=rng, apart_s=60 / tempo, is_run=True)


def render_drafts(
    drafts: Sequence[Draft],
    *,
    sound_font: Path | None = None,
    has_reverb: bool = False,
    gain: float = 1.2,
) -> tuple[Rendered, ...]:
    """Return the drafts as they sound, single notes with their measured qualities.

    Raises:
        DataError: FluidSynth or a sound font is missing.
    """
    pieces = [draft.piece for draft in drafts]
    waveforms = render(pieces, sound_font=sound_font, has_reverb=has_reverb, gain=gain)
    rendered = []
    for draft, waveform in zip(drafts, waveforms, strict=True):
        labels = draft.labels
        if labels.pitch is not None:
            heard = measure_qualities(waveform, note=draft.piece.notes[0])
            extra = ("reverb",) if has_reverb else ()
            labels = replace(labels, qualities=(*heard, *extra))
        rendered.append(Rendered(waveform=waveform, labels=labels, program=draft.program))
    return tuple(rendered)


def measure_qualities(waveform: np.ndarray, *, note: MidiNote) -> tuple[str, ...]:
    """Return the sonic qualities of one note that its samples show clearly."""
    start = round(note.start_s * SAMPLE_RATE)
    off = round((note.start_s + note.duration_s) * SAMPLE_RATE)
    sounding = waveform[start:off]
    if not len(sounding) or np.abs(sounding).max() < 1e-3:
        return ()
    qualities = [*_brightness(sounding)]
    if note.program in DISTORTED_PROGRAMS:
        qualities.append("distortion")
    window = SAMPLE_RATE // 20
    peak_db = max(_level(sounding[i : i + window]) for i in range(0, len(sounding), window))
    if note.duration_s >= 1.0 and _level(sounding[-window:]) < peak_db - 20:
        qualities.append("fast decay")
    after = waveform[off + SAMPLE_RATE // 4 : off + SAMPLE_RATE // 4 + window]
    is_held = _level(sounding[-window:]) > peak_db - 12
    if len(after) == window and is_held and _level(after) > _level(sounding[-window:]) - 12:
        qualities.append("long release")
    return tuple(qualities)


def _brightness(sounding: np.ndarray) -> tuple[str, ...]:
    """Return "bright" or "dark" where the share of energy above 2 kHz leaves no doubt."""
    power = np.abs(np.fft.rfft(sounding * np.hanning(len(sounding)))) ** 2
    hertz = np.fft.rfftfreq(len(sounding), 1 / SAMPLE_RATE)
    share = power[hertz > 2000].sum() / max(power.sum(), 1e-12)
    if share > 0.25:
        return ("bright",)
    return ("dark",) if share < 0.001 else ()


def _level(samples: np.ndarray) -> float:
    """Return the level in dB of full scale."""
    return float(10 * np.log10(np.square(samples, dtype=np.float64).mean() + 1e-10))


def _harmonic_instrument(rng: random.Random) -> Instrument:
    return find_instrument(rng.choice(_HARMONIC))


def _instrument_questions(instrument: Instrument, rng: random.Random) -> tuple[Question, ...]:
    wordings = ("Which instrument is playing?", "What instrument do you hear?")
    sentence = f"You hear {instrument.phrase}."
    return (Question(rng.choice(wordings), instrument.name, "instrument", sentence),)


def _played(
    instrument: Instrument,
    pitches: Sequence[int],
    *,
    labels: Labels,
    rng: random.Random,
    apart_s: float,
    is_run: bool = False,
) -> Draft:
    """Return the pitches `apart_s` apart; those of a chord are all held to the end."""
    program, velocity = rng.choice(instrument.programs), rng.choice(VELOCITIES[1:])
    end_s = _ONSET_S + apart_s * (len(pitches) - 1) + rng.uniform(1.0, 2.0)
    is_melodic = is_run or len(pitches) == 2
    notes = []
    for position, pitch in enumerate(pitches):
        start_s = _ONSET_S + apart_s * position
        is_last = position == len(pitches) - 1
        held_s = apart_s * 0.95 if apart_s and is_melodic and not is_last else end_s - start_s
        notes.append(
            MidiNote(
                program=program, pitch=pitch, velocity=velocity, start_s=start_s, duration_s=held_s
            )
        )
    piece = Piece(notes=tuple(notes), duration_s=round(end_s + 0.4, 2))
    return Draft(piece=piece, labels=labels, program=program)


def _with_article(name: str) -> str:
    """Return a name that begins with a note or a word with its article.

    >>> _with_article("C major"), _with_article("F# minor"), _with_article("octave")
    ('a C major', 'an F# minor', 'an octave')
    """
    first = name.split()[0]
    vowels = "AEF" if first in PITCH_CLASSES else "aeio"
    return f"{'an' if first[0] in vowels else 'a'} {name}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
