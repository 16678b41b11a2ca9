"""Short pieces of music with known key, tempo, style and instruments: melodies and drum loops.

The pieces are made by rule (a scale, a chord progression, a rhythm a style is known by); they teach
what is played, how fast and in which key, not what music may be.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_audio.data.synthesis.instruments import find_instrument
from qwen_audio.data.synthesis.midi import DRUMS, MidiNote, Piece
from qwen_audio.data.synthesis.music_text import Music, music_labels
from qwen_audio.data.synthesis.notes import PITCH_CLASSES, Draft
from qwen_audio.data.synthesis.styles import STYLES, Style

_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_MINOR = (0, 2, 3, 5, 7, 8, 10)
_PROGRESSIONS = ((0, 3, 4, 0), (0, 5, 3, 4), (0, 4, 5, 3), (1, 4, 0, 0), (0, 3, 0, 4))
# lengths of notes in beats; each row fills four beats
_RHYTHMS = (
    (1, 1, 1, 1),
    (1, 1, 0.5, 0.5, 1),
    (0.5, 0.5, 1, 1, 1),
    (1.5, 0.5, 1, 1),
    (2, 1, 1),
    (0.5, 0.5, 0.5, 0.5, 1, 1),
)
_RHYTHMS_IN_THREE = ((1, 1, 1), (2, 1), (1, 0.5, 0.5, 1), (1.5, 0.5, 1))
_MELODIC = (
    "flute,oboe,clarinet,bassoon,saxophone,french horn,trumpet,trombone,violin,viola,cello,guitar,"
    "banjo,piano,electric piano,harpsichord,organ,accordion,vibraphone,marimba,xylophone,harp,"
    "electric guitar,recorder,harmonica,synthesizer"
)


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """What all players of one piece share: the key and the beat."""

    tonic: int
    is_minor: bool
    tempo: int
    beats: int
    bars: int

    @property
    def beat_s(self) -> float:
        return 60 / self.tempo

    @property
    def duration_s(self) -> float:
        return self.beat_s * self.beats * self.bars

    @property
    def key(self) -> str:
        return f"{PITCH_CLASSES[self.tonic]} {'minor' if self.is_minor else 'major'}"

    def pitch(self, degree: int, *, near: int) -> int:
        """The pitch of a step of the scale (0 is the tonic), in the octave around `near`."""
        scale = _MINOR if self.is_minor else _MAJOR
        pitch_class = (self.tonic + scale[degree % 7]) % 12
        return near + (pitch_class - near + 6) % 12 - 6


def draft_melody(*, seed: int) -> Draft:
    """Return one instrument playing a melody, in half of the cases with chords under it."""
    rng = random.Random(seed)
    beats = rng.choice((4, 4, 3))
    frame = _draw_frame(rng, tempo=(60, 180), beats=beats, is_minor=rng.random() < 0.4)
    instrument = rng.choice(_MELODIC.split(","))
    players = [instrument]
    notes = _melody(frame, instrument, rng, velocity=rng.choice((70, 90, 110)))
    if rng.random() < 0.4:
        partner = rng.choice([n for n in ("piano", "guitar", "organ", "harp") if n != instrument])
        players.append(partner)
        chord_beats = tuple(range(0, beats, rng.choice((1, 2, beats))))
        notes += _chords(frame, partner, chord_beats, _progression(frame, rng), velocity=55)
    music = Music(
        instruments=tuple(players), tempo=frame.tempo, key=frame.key, has_drums=False, style=None
    )
    return _draft(frame, notes, music, rng)


def draft_loop(*, seed: int) -> Draft:
    """Return a few bars of drums, bass, chords and mostly a lead in one style."""
    rng = random.Random(seed)
    style = rng.choice(STYLES)
    frame = _draw_frame(rng, tempo=style.tempo, beats=style.beats, is_minor=style.is_minor)
    if rng.random() < 0.08:
        music = Music(
            instruments=("drums",), tempo=frame.tempo, key=None, has_drums=True, style=style.name
        )
        return _draft(frame, _drums(frame, style, rng), music, rng)
    chords, lead = rng.choice(style.chords), rng.choice(style.lead)
    progression = _progression(frame, rng)
    notes = _drums(frame, style, rng) + _bass(frame, style, progression)
    notes += _chords(frame, chords, style.chord_beats, progression, velocity=64)
    players = ["drums", style.bass, chords]
    if rng.random() < 0.7:
        notes += _melody(frame, lead, rng, velocity=100)
        players.append(lead)
    music = Music(
        instruments=tuple(dict.fromkeys(players)),
        tempo=frame.tempo,
        key=frame.key,
        has_drums=True,
        style=style.name,
    )
    return _draft(frame, notes, music, rng)


def _draw_frame(
    rng: random.Random, *, tempo: tuple[int, int], beats: int, is_minor: bool
) -> _Frame:
    """Return a key, a tempo and as many bars as fill 6 to 14 seconds."""
    bpm = rng.randint(*tempo)
    bar_s = 60 / bpm * beats
    bars = max(2, round(rng.uniform(6.0, 13.0) / bar_s))
    return _Frame(
        tonic=rng.randrange(12), is_minor=is_minor, tempo=bpm, beats=beats, bars=min(bars, 8)
    )


def _draft(frame: _Frame, notes: list[MidiNote], music: Music, rng: random.Random) -> Draft:
    piece = Piece(notes=tuple(notes), duration_s=round(frame.duration_s + 0.6, 2))
    return Draft(piece=piece, labels=music_labels(music, rng=rng), program=notes[0].program)


def _progression(frame: _Frame, rng: random.Random) -> tuple[int, ...]:
    """Return the chord of each bar as a step of the scale; the last bar is home."""
    steps = rng.choice(_PROGRESSIONS)
    return (*(steps[bar % len(steps)] for bar in range(frame.bars - 1)), 0)


def _melody(frame: _Frame, instrument: str, rng: random.Random, *, velocity: int) -> list[MidiNote]:
    """Return a walk over the scale that begins and ends on the tonic."""
    player = find_instrument(instrument)
    program = rng.choice(player.programs)
    centre = max(player.low + 12, min(player.high - 12, 69))
    home = frame.pitch(0, near=centre)
    ladder = [
        home + 12 * octave + step
        for octave in (-1, 0, 1)
        for step in (_MINOR if frame.is_minor else _MAJOR)
        if player.low <= home + 12 * octave + step <= player.high
    ]
    place, notes = ladder.index(home), []
    rhythms = _RHYTHMS_IN_THREE if frame.beats == 3 else _RHYTHMS
    for bar in range(frame.bars):
        at = float(bar * frame.beats)
        lengths = (frame.beats,) if bar == frame.bars - 1 else rng.choice(rhythms)
        for length in lengths:
            is_end = bar == frame.bars - 1
            pitch = home if is_end else ladder[place]
            notes.append(_note(frame, program, pitch, velocity=velocity, beat=at, length=length))
            place = max(
                0, min(len(ladder) - 1, place + rng.choice((-2, -1, -1, 0, 1, 1, 2, 3, -3)))
            )
            at += length
    return notes


def _chords(
    frame: _Frame,
    instrument: str,
    beats: Sequence[int | float],
    progression: Sequence[int],
    *,
    velocity: int,
) -> list[MidiNote]:
    """Return a triad of the bar's chord on each of the given beats."""
    program = find_instrument(instrument).programs[0]
    notes = []
    for bar, step in enumerate(progression):
        for position, beat in enumerate(beats):
            until = beats[position + 1] if position + 1 < len(beats) else frame.beats
            for degree in (step, step + 2, step + 4):
                pitch = frame.pitch(degree, near=60)
                start, length = bar * frame.beats + beat, until - beat
                notes.append(
                    _note(frame, program, pitch, velocity=velocity, beat=start, length=length)
                )
    return notes


def _bass(frame: _Frame, style: Style, progression: Sequence[int]) -> list[MidiNote]:
    """Return the root (and now and then the fifth) of each bar's chord, low."""
    program = find_instrument(style.bass).programs[0]
    notes = []
    for bar, step in enumerate(progression):
        for position, beat in enumerate(style.bass_beats):
            degree = step + 4 if position % 4 == 2 else step
            pitch = frame.pitch(degree, near=38)
            start = bar * frame.beats + beat
            notes.append(_note(frame, program, pitch, velocity=88, beat=start, length=0.5))
    return notes


def _drums(frame: _Frame, style: Style, rng: random.Random) -> list[MidiNote]:
    """Return the style's pattern in every bar, with slightly uneven strength."""
    notes = []
    for bar in range(frame.bars):
        for drum, pattern in style.drums.items():
            for sixteenth, hit in enumerate(pattern):
                if hit != "x":
                    continue
                velocity = (95 if sixteenth % 4 == 0 else 75) + rng.randint(-8, 8)
                start = bar * frame.beats + sixteenth / 4
                notes.append(_note(frame, DRUMS, drum, velocity=velocity, beat=start, length=0.25))
    return notes


def _note(
    frame: _Frame,
    program: int,
    pitch: int,
    *,
    velocity: int,
    beat: int | float,
    length: int | float,
) -> MidiNote:
    return MidiNote(
        program=program,
        pitch=pitch,
        velocity=velocity,
        start_s=0.05 + beat * frame.beat_s,
        duration_s=max(0.05, length * frame.beat_s * 0.92),
    )
