"""Labels ⇄ JSON: reads the spellings of data sets ("lang", "As2", "dog bark"), writes one."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from qwen_audio.errors import DataError
from qwen_audio.tasks.labels import (
    EMOTIONS,
    VOCAL_SOUNDS,
    Edit,
    Entity,
    Event,
    Labels,
    Question,
    Word,
    age_group_of,
)
from qwen_audio.tasks.sound_names import canonical_sound, scene_name

Json = Mapping[str, Any]

# What a set states but its clips do not show: RAVDESS is cut before the sentence ends; nobody hears
# a baby's sex.
WITHHELD: dict[str, tuple[str, ...]] = {"ravdess": ("text",), "donateacry": ("gender", "age")}
# Sets whose text is one word or phrase to be spotted.
KEYWORD_SETS = frozenset({"fsdd", "precise-community", "zh-dspspeech20"})

_OTHER_NAMES = {
    "lang": "language",
    "kind": "voice",
    "instruments": "instrument",
    "sounds": "sound",
    "note": "pitch",
    "midi": "pitch",
    "style": "genre",
    "caption": "captions",
    "questions": "qa",
    "aligned_words": "words",
}
_GENDERS = {
    "m": "male",
    "male": "male",
    "man": "male",
    "f": "female",
    "female": "female",
    "woman": "female",
}
_EMOTION_NAMES = {
    "anger": "angry",
    "joy": "happy",
    "happiness": "happy",
    "fear": "fearful",
    "disgust": "disgusted",
    "surprise": "surprised",
    "sadness": "sad",
} | {name: name for name in EMOTIONS}
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
# Playing techniques in which the note that sounds is not (only) the one that is named.
_UNSTEADY_PITCH = ("trill", "harmonic", "gliss", "rhythm", "effect")
_PLAIN_TECHNIQUES = frozenset({"normal", "arco normal", "rhythm", "effect", "struck singly"})


def labels_from_json(record: Json) -> Labels:
    """Return the labels in a JSON object of a data set, or of our own manifest.

    Keys that are no labels ("dur", "licence" …) are passed over.

    >>> labels_from_json({"lang": "en", "gender": "f", "dur": 2.0})
    Labels(language='en', gender='female')

    Raises:
        DataError: A label has a value that cannot be read.
    """
    named = _renamed(record)
    fields = {name: _read(name, value) for name, value in named.items() if name in _READERS}
    known = {name: value for name, value in fields.items() if value not in (None, ())}
    known = _music_details(known, record) | _derived(known, record)
    return Labels(**known)


def labels_to_json(labels: Labels) -> dict[str, Any]:
    """Return the labels as a JSON object with only the keys that are known.

    >>> labels_to_json(Labels(language="en", pitch=60))
    {'language': 'en', 'pitch': 60}
    """
    record: dict[str, Any] = {}
    for field in dataclasses.fields(labels):
        value = getattr(labels, field.name)
        if value != field.default:
            record[field.name] = _plain(value)
    return record


def midi_pitch(note: str) -> int:
    """Return the MIDI number of a note's name (C4 is 60; "s" or "#" is sharp, "b" is flat).

    >>> midi_pitch("As2"), midi_pitch("C4"), midi_pitch("Eb5")
    (46, 60, 75)

    Raises:
        DataError: The text is not a note's name.
    """
    match = re.fullmatch(r"([A-Ga-g])([s#♯b♭]?)(-?\d)", note.strip())
    if match is None:
        raise DataError(f"the note {note!r} is not a name such as 'As2' or 'C4'; correct the label")
    letter, accidental, octave = match.groups()
    shift = {"": 0, "b": -1, "♭": -1}.get(accidental, 1)
    return _SEMITONES[letter.upper()] + shift + 12 * (int(octave) + 1)


def note_name(pitch: int) -> str:
    """Return the usual name of a MIDI number.

    >>> note_name(46), note_name(60)
    ('A#2', 'C4')
    """
    names = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
    return f"{names[pitch % 12]}{pitch // 12 - 1}"


def _renamed(record: Json) -> dict[str, Any]:
    """Return the labels under our names, without what this set's clips cannot show."""
    withheld = WITHHELD.get(record.get("dataset", ""), ())
    named: dict[str, Any] = {}
    for key, value in record.items():
        name = _OTHER_NAMES.get(key, key)
        # "pitch" may stand beside "note": the number is the better one
        if name in named and key in _OTHER_NAMES:
            continue
        if name not in withheld and value not in (None, "", [], {}):
            named[name] = value
    return named


def _read(name: str, value: Any) -> Any:
    try:
        return _READERS[name](value)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise DataError(
            f"the label {name!r} cannot be {value!r} ({error}); correct the record"
        ) from error


def _derived(known: dict[str, Any], record: Json) -> dict[str, Any]:
    """Return what follows from other labels: keyword, age group, vocal sound, scene."""
    derived: dict[str, Any] = {}
    if record.get("dataset") in KEYWORD_SETS and "text" in known:
        derived["keyword"] = known["text"].lower()
    if "age" in known and "age_group" not in known:
        derived["age_group"] = age_group_of(known["age"])
    sounds = known.get("sound", ())
    if len(sounds) == 1 and sounds[0] in VOCAL_SOUNDS:
        derived["vocal_sound"] = sounds[0]
    if record.get("dataset") == "moodist" and len(sounds) == 1 and scene_name(sounds[0]):
        derived["scene"] = scene_name(sounds[0])
    return derived


def _music_details(known: dict[str, Any], record: Json) -> dict[str, Any]:
    """Return the labels with technique and dynamic as qualities, without an unsteady pitch."""
    technique = str(record.get("technique", "")).replace("-", " ")
    dynamic = str(record.get("dynamic", "")).replace("-", " ")
    extra = [dynamic] if dynamic else []
    if technique and technique not in _PLAIN_TECHNIQUES:
        extra.append(technique)
    changed = dict(known)
    if extra:
        changed["qualities"] = tuple(dict.fromkeys((*known.get("qualities", ()), *extra)))
    if any(word in technique for word in _UNSTEADY_PITCH):
        changed.pop("pitch", None)
    return changed


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is not text")
    return value.strip()


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(text) for text in ([value] if isinstance(value, str) else value))


def _each(read: Callable[..., Any]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda rows: tuple(read(*row) for row in rows)


def _span(make: Callable[..., Any]) -> Callable[[str, float, float], Any]:
    def read(text: str, start_s: float, end_s: float) -> Any:
        if not 0 <= start_s <= end_s:
            raise ValueError(f"it cannot last from {start_s} to {end_s} seconds")
        return make(text, float(start_s), float(end_s))

    return read


def _event(label: str, start_s: float, end_s: float) -> Event:
    return Event(canonical_sound(label), start_s, end_s)


def _pitch(value: Any) -> int | None:
    number = midi_pitch(value) if isinstance(value, str) and not value.isdigit() else int(value)
    return _midi(number)


def _midi(value: Any) -> int:
    number = int(value)
    if not 0 <= number <= 127:
        raise ValueError("MIDI numbers are 0 to 127")
    return number


def _age(value: Any) -> int:
    age = int(value)
    if not 0 <= age <= 130:
        raise ValueError("ages are 0 to 130 years")
    return age


def _slots(value: Any) -> tuple[tuple[str, str], ...]:
    pairs: Iterable[Any] = value.items() if isinstance(value, Mapping) else value
    return tuple((_text(name), _text(filler)) for name, filler in pairs)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false is needed")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    field.name: _text for field in dataclasses.fields(Labels)
} | {
    "words": _each(_span(Word)),
    "overlapped": _texts,
    "speaker": str,
    "same_speaker": _boolean,
    "turns": _each(_span(Event)),
    "gender": lambda value: _GENDERS[_text(value).lower()],
    "age": _age,
    "emotion": lambda value: _EMOTION_NAMES.get(_text(value).lower(), _text(value).lower()),
    "entities": _each(Entity),
    "slots": _slots,
    "edit": lambda value: Edit(*value),
    "sound": lambda value: tuple(canonical_sound(name) for name in _texts(value)),
    "audioset": _texts,
    "vocal_sound": lambda value: canonical_sound(_text(value)),
    "events": _each(_span(_event)),
    "captions": _texts,
    "qa": _each(Question),
    "instrument": lambda value: tuple(name.lower() for name in _texts(value)),
    "pitch": _pitch,
    "velocity": _midi,
    "qualities": lambda value: tuple(name.replace("_", " ") for name in _texts(value)),
    "tempo": lambda value: round(float(value)),
}
