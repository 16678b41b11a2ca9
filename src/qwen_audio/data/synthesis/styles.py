"""Styles of popular and dance music as a rhythm section plays them: one table, no code."""

from dataclasses import dataclass

# General MIDI drum keys
_KICK, _SNARE, _CLAP, _HAT, _OPEN_HAT, _RIDE, _RIM, _SHAKER = 36, 38, 39, 42, 46, 51, 37, 70


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a style is played: tempo, drums as hits in sixteenths of a bar, and who plays what.

    `drums` maps a drum to a string with one character a sixteenth: "x" hit, "-" rest.
    """

    name: str
    tempo: tuple[int, int]
    drums: dict[int, str]
    bass: str
    chords: tuple[str, ...]
    lead: tuple[str, ...]
    bass_beats: tuple[int | float, ...]
    chord_beats: tuple[int | float, ...]
    is_minor: bool = False

    @property
    def beats(self) -> int:
        """Beats in a bar."""
        return len(next(iter(self.drums.values()))) // 4


STYLES: tuple[Style, ...] = (
    Style(
        name="rock",
        tempo=(100, 150),
        drums={
            _KICK: "x-----x-x-------",
            _SNARE: "----x-------x---",
            _HAT: "x-x-x-x-x-x-x-x-",
        },
        bass="bass guitar",
        chords=("distorted guitar",),
        lead=("distorted guitar", "electric guitar", "organ"),
        bass_beats=(0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5),
        chord_beats=(0, 1.5, 2),
    ),
    Style(
        name="jazz",
        tempo=(110, 190),
        drums={
            _RIDE: "x---x--xx---x--x",
            _HAT: "----x-------x---",
        },
        bass="double bass",
        chords=("piano", "electric piano"),
        lead=("saxophone", "trumpet", "vibraphone", "clarinet"),
        bass_beats=(0, 1, 2, 3),
        chord_beats=(0.67, 2.67),
    ),
    Style(
        name="waltz",
        tempo=(120, 190),
        drums={_KICK: "x-----------", _RIM: "----x---x---"},
        bass="double bass",
        chords=("accordion", "string ensemble", "piano"),
        lead=("violin", "flute", "clarinet", "accordion"),
        bass_beats=(0,),
        chord_beats=(1, 2),
    ),
    Style(
        name="reggae",
        tempo=(68, 92),
        drums={
            _KICK: "--------x-------",
            _SNARE: "--------x-------",
            _HAT: "x-x-x-x-x-x-x-x-",
        },
        bass="bass guitar",
        chords=("electric guitar", "organ"),
        lead=("organ", "trombone", "harmonica"),
        bass_beats=(0, 1.5, 2.5),
        chord_beats=(1, 3),
    ),
    Style(
        name="house",
        tempo=(116, 132),
        drums={
            _KICK: "x---x---x---x---",
            _CLAP: "----x-------x---",
            _OPEN_HAT: "--x---x---x---x-",
        },
        bass="synthesizer",
        chords=("electric piano", "synthesizer"),
        lead=("synthesizer", "piano"),
        bass_beats=(0.5, 1.5, 2.5, 3.5),
        chord_beats=(0, 0.75, 1.5, 2.5),
        is_minor=True,
    ),
    Style(
        name="hip hop",
        tempo=(78, 100),
        drums={
            _KICK: "x------x--x-----",
            _SNARE: "----x-------x---",
            _HAT: "x-x-x-xxx-x-x-xx",
        },
        bass="bass guitar",
        chords=("electric piano",),
        lead=("vibraphone", "synthesizer", "flute"),
        bass_beats=(0, 1.75, 2.5),
        chord_beats=(0,),
        is_minor=True,
    ),
    Style(
        name="bossa nova",
        tempo=(110, 145),
        drums={
            _KICK: "x-----xxx-----xx",
            _RIM: "x-----x-----x---",
            _SHAKER: "x-x-x-x-x-x-x-x-",
        },
        bass="double bass",
        chords=("guitar",),
        lead=("flute", "saxophone", "guitar"),
        bass_beats=(0, 1.5, 2, 3.5),
        chord_beats=(0, 1, 2.5),
    ),
    Style(
        name="ballad",
        tempo=(60, 80),
        drums={_KICK: "x-------x-------", _RIM: "----x-------x---", _HAT: "x-x-x-x-x-x-x-x-"},
        bass="bass guitar",
        chords=("piano", "string ensemble"),
        lead=("piano", "violin", "cello", "saxophone"),
        bass_beats=(0, 2),
        chord_beats=(0, 1, 2, 3),
    ),
    Style(
        name="funk",
        tempo=(95, 118),
        drums={
            _KICK: "x--x--x---x--x--",
            _SNARE: "----x--x-x--x--x",
            _HAT: "xxxxxxxxxxxxxxxx",
        },
        bass="bass guitar",
        chords=("electric guitar",),
        lead=("trumpet", "saxophone", "organ"),
        bass_beats=(0, 0.75, 1.5, 2.25, 2.75, 3.5),
        chord_beats=(0.5, 1.25, 2.5, 3.25),
        is_minor=True,
    ),
    Style(
        name="march",
        tempo=(108, 126),
        drums={_KICK: "x---x---x---x---", _SNARE: "x-xxx-x-x-xxx-xx"},
        bass="tuba",
        chords=("french horn", "trombone"),
        lead=("trumpet", "piccolo", "flute"),
        bass_beats=(0, 2),
        chord_beats=(1, 3),
    ),
    Style(
        name="country",
        tempo=(100, 140),
        drums={_KICK: "x-------x-------", _SNARE: "----x-------x---", _HAT: "--x---x---x---x-"},
        bass="bass guitar",
        chords=("guitar", "banjo"),
        lead=("banjo", "violin", "harmonica"),
        bass_beats=(0, 2),
        chord_beats=(1, 3),
    ),
    Style(
        name="disco",
        tempo=(112, 128),
        drums={
            _KICK: "x---x---x---x---",
            _SNARE: "----x-------x---",
            _HAT: "x-x-x-x-x-x-x-x-",
            _OPEN_HAT: "--x---x---x---x-",
        },
        bass="bass guitar",
        chords=("string ensemble", "electric guitar"),
        lead=("string ensemble", "trumpet", "synthesizer"),
        bass_beats=(0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5),
        chord_beats=(0, 1.5, 2.5),
        is_minor=True,
    ),
)
