"""Instruments that can be rendered: their General MIDI programs and the range they play in life."""

from dataclasses import dataclass

from qwen_audio.errors import DataError, unknown_name


@dataclass(frozen=True)
class Instrument:
    """An instrument: General MIDI programs that sound like it, lowest and highest pitch."""

    name: str
    family: str
    programs: tuple[int, ...]
    low: int
    high: int

    @property
    def phrase(self) -> str:
        """The name with its article: "an oboe"."""
        return f"{'an' if self.name[0] in 'aeio' else 'a'} {self.name}"


# Names as orchestral note collections have them; ranges are those of players, within 21-108.
INSTRUMENTS: tuple[Instrument, ...] = (
    Instrument("flute", "woodwind", (73,), 59, 102),
    Instrument("piccolo", "woodwind", (72,), 74, 108),
    Instrument("oboe", "woodwind", (68,), 58, 94),
    Instrument("cor anglais", "woodwind", (69,), 52, 83),
    Instrument("clarinet", "woodwind", (71,), 50, 96),
    Instrument("bassoon", "woodwind", (70,), 34, 79),
    Instrument("saxophone", "woodwind", (64, 65, 66, 67), 40, 91),
    Instrument("recorder", "woodwind", (74,), 60, 96),
    Instrument("pan flute", "woodwind", (75,), 60, 96),
    Instrument("french horn", "brass", (60,), 34, 77),
    Instrument("trumpet", "brass", (56,), 52, 87),
    Instrument("trombone", "brass", (57,), 34, 77),
    Instrument("tuba", "brass", (58,), 26, 65),
    Instrument("violin", "strings", (40,), 55, 103),
    Instrument("viola", "strings", (41,), 48, 91),
    Instrument("cello", "strings", (42,), 36, 84),
    Instrument("double bass", "strings", (43,), 24, 67),
    Instrument("string ensemble", "strings", (48, 49), 36, 96),
    Instrument("harp", "plucked", (46,), 24, 103),
    Instrument("guitar", "plucked", (24, 25), 40, 88),
    Instrument("electric guitar", "plucked", (26, 27), 40, 88),
    Instrument("distorted guitar", "plucked", (29, 30), 40, 84),
    Instrument("bass guitar", "plucked", (33, 34), 28, 62),
    Instrument("banjo", "plucked", (105,), 48, 86),
    Instrument("sitar", "plucked", (104,), 48, 84),
    Instrument("piano", "keyboard", (0, 1), 21, 108),
    Instrument("electric piano", "keyboard", (4, 5), 28, 100),
    Instrument("harpsichord", "keyboard", (6,), 29, 89),
    Instrument("organ", "keyboard", (16, 19), 36, 96),
    Instrument("accordion", "keyboard", (21,), 53, 93),
    Instrument("glockenspiel", "mallet", (9,), 79, 108),
    Instrument("vibraphone", "mallet", (11,), 53, 89),
    Instrument("marimba", "mallet", (12,), 45, 96),
    Instrument("xylophone", "mallet", (13,), 65, 108),
    Instrument("timpani", "percussion", (47,), 38, 60),
    Instrument("harmonica", "woodwind", (22,), 60, 96),
    Instrument("bagpipes", "woodwind", (109,), 60, 84),
    Instrument("choir", "voice", (52, 53), 43, 84),
    Instrument("synthesizer", "synthesizer", (80, 81, 87), 36, 96),
)
_BY_NAME = {instrument.name: instrument for instrument in INSTRUMENTS}
# Orchestra instruments of which recorded notes exist to check the rendered ones against.
ORCHESTRAL = frozenset(
    instrument.name
    for instrument in INSTRUMENTS
    if instrument.family in ("woodwind", "brass", "strings")
    or instrument.name in ("guitar", "banjo")
) - {"piccolo", "recorder", "pan flute", "string ensemble", "harmonica", "bagpipes"}
# Programs whose sound is clipped on purpose.
DISTORTED_PROGRAMS = frozenset({29, 30})


def find_instrument(name: str) -> Instrument:
    """Return an instrument by its name.

    >>> find_instrument("oboe").phrase
    'an oboe'

    Raises:
        DataError: There is no such instrument.
    """
    if name not in _BY_NAME:
        raise DataError(unknown_name("instrument", name, _BY_NAME))
    return _BY_NAME[name]
