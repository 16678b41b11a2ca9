"""Notes as records, a Standard MIDI File written from them, and FluidSynth to hear them.

Times are seconds: the file's clock is fixed (960 ticks a second), tempo is where the notes stand.
Many short pieces are rendered by one FluidSynth process, each in its own stretch of one file,
because loading a sound font takes longer than playing a note.
"""

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.errors import DataError

DRUMS = -1
"""The program number that stands for the drum kit."""

# Where Debian and its relatives put sound fonts, best sound first.
SOUND_FONTS = (
    Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    Path("/usr/share/sounds/sf3/MuseScore_General_Full.sf3"),
    Path("/usr/share/sounds/sf2/TimGM6mb.sf2"),
)
_TICKS_PER_SECOND = 960  # 480 ticks a quarter note at 120 quarter notes a minute
_DRUM_CHANNEL = 9
_RENDER_RATE = 44100  # the rate of the sound fonts' samples: lower would alias
_GAP_S = 0.25
_REVERB_GAP_S = 2.0
_ALL_SOUND_OFF = 120
_BEND_RANGE_CENTS = 200


@dataclass(frozen=True, kw_only=True)
class MidiNote:
    """One note: General MIDI program (0 to 127, or DRUMS), pitch, velocity and when."""

    program: int
    pitch: int
    velocity: int
    start_s: float
    duration_s: float

    def __post_init__(self) -> None:
        if not (DRUMS <= self.program <= 127 and 0 <= self.pitch <= 127):
            raise DataError(
                f"a note has program {self.program} and pitch {self.pitch}; "
                "General MIDI knows 0 to 127 of both (program -1 for drums)"
            )
        if not (1 <= self.velocity <= 127 and self.start_s >= 0 and self.duration_s > 0):
            raise DataError(
                f"a note has velocity {self.velocity}, start {self.start_s} s and length "
                f"{self.duration_s} s; give 1 to 127, 0 or later, and more than 0"
            )


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Notes that sound together in one clip of a given length; `cents` puts all out of tune."""

    notes: tuple[MidiNote, ...]
    duration_s: float
    cents: float = 0.0


def find_sound_font() -> Path:
    """Return the best General MIDI sound font of this machine.

    Raises:
        DataError: None is installed.
    """
    for path in SOUND_FONTS:
        if path.exists():
            return path
    raise DataError(
        f"no General MIDI sound font is at {', '.join(map(str, SOUND_FONTS))}; "
        "install the Debian package fluid-soundfont-gm"
    )


def write_midi(pieces: Sequence[Piece], *, gap_s: float = _GAP_S) -> bytes:
    """Return a Standard MIDI File with the pieces one after another."""
    events: list[tuple[int, int, bytes]] = []
    for piece, start_s in zip(pieces, _starts(pieces, gap_s), strict=True):
        events.extend(_piece_events(piece, start_s))
    end = _ticks(sum(piece.duration_s + gap_s for piece in pieces))
    events.append((end, 9, b"\xff\x2f\x00"))
    track, at = bytearray(), 0
    for tick, _, message in sorted(events):
        track += _variable_length(tick - at) + message
        at = tick
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, _TICKS_PER_SECOND // 2)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + bytes(track)


def render(
    pieces: Sequence[Piece],
    *,
    sound_font: Path | None = None,
    has_reverb: bool = False,
    gain: float = 0.6,
) -> tuple[np.ndarray, ...]:
    """Return each piece as 16 kHz samples, rendered by FluidSynth.

    Raises:
        DataError: FluidSynth or a sound font is missing, or the rendering failed.
    """
    program = shutil.which("fluidsynth")
    if program is None:
        raise DataError("the program fluidsynth is missing; install the Debian package fluidsynth")
    font = sound_font or find_sound_font()
    gap_s = _REVERB_GAP_S if has_reverb else _GAP_S
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder) / "pieces.mid", Path(folder) / "pieces.wav"
        midi.write_bytes(write_midi(pieces, gap_s=gap_s))
        switches = ["-R", str(int(has_reverb)), "-C", "0", "-g", str(gain)]
        command = [program, "-ni", "-q", *switches, "-r", str(_RENDER_RATE), "-T", "wav"]
        done = subprocess.run(  # noqa: S603 - a fixed command on files of our own
            [*command, "-F", str(wav), str(font), str(midi)], capture_output=True, check=False
        )
        if done.returncode or not wav.exists():
            reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no sound"]
            raise DataError(f"fluidsynth failed on {font} ({reason[0]}); check the sound font")
        samples, rate = soundfile.read(wav, dtype="float32", always_2d=True)
    return _cut(samples.mean(axis=1), rate, pieces, gap_s)


def _cut(
    samples: np.ndarray, rate: int, pieces: Sequence[Piece], gap_s: float
) -> tuple[np.ndarray, ...]:
    """Return the pieces of one long rendering at 16 kHz."""
    at_16k = soxr.resample(samples, rate, SAMPLE_RATE)
    clips = []
    for piece, start_s in zip(pieces, _starts(pieces, gap_s), strict=True):
        start, length = round(start_s * SAMPLE_RATE), round(piece.duration_s * SAMPLE_RATE)
        clip = np.zeros(length, dtype=np.float32)
        heard = at_16k[start : start + length]
        clip[: len(heard)] = heard
        clips.append(clip)
    return tuple(clips)


def _starts(pieces: Sequence[Piece], gap_s: float) -> list[float]:
    """Return when each piece begins in the common file."""
    starts, at = [], 0.0
    for piece in pieces:
        starts.append(at)
        at += piece.duration_s + gap_s
    return starts


def _piece_events(piece: Piece, start_s: float) -> Iterable[tuple[int, int, bytes]]:
    """Yield (tick, rank, message): at one tick a lower rank comes first."""
    channels = _channels(piece.notes)
    first = _ticks(start_s)
    bend = 8192 + round(piece.cents / _BEND_RANGE_CENTS * 8192)
    for program, channel in channels.items():
        yield first, 0, bytes([0xB0 | channel, _ALL_SOUND_OFF, 0])
        yield first, 1, bytes([0xC0 | channel, max(program, 0)])
        if program != DRUMS:
            yield first, 2, bytes([0xE0 | channel, bend & 0x7F, bend >> 7])
    for note in piece.notes:
        channel = channels[note.program]
        on = _ticks(start_s + note.start_s)
        off = max(on + 1, _ticks(start_s + note.start_s + note.duration_s))
        yield off, 3, bytes([0x80 | channel, note.pitch, 64])
        yield on, 4, bytes([0x90 | channel, note.pitch, note.velocity])
    for channel in channels.values():
        yield _ticks(start_s + piece.duration_s), 5, bytes([0xB0 | channel, _ALL_SOUND_OFF, 0])


def _channels(notes: Sequence[MidiNote]) -> dict[int, int]:
    """Return a MIDI channel for each program; drums have the tenth."""
    free = iter(channel for channel in range(16) if channel != _DRUM_CHANNEL)
    programs = dict.fromkeys(note.program for note in notes)
    if len(programs) > 15:
        raise DataError(f"a piece has {len(programs)} instruments; MIDI has 15 channels for them")
    return {program: _DRUM_CHANNEL if program == DRUMS else next(free) for program in programs}


def _ticks(seconds: float) -> int:
    return round(seconds * _TICKS_PER_SECOND)


def _variable_length(number: int) -> bytes:
    """Return a number in MIDI's seven bits a byte, most significant first."""
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(0x80 | number & 0x7F)
    return bytes(reversed(groups))
