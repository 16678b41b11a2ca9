"""What is known about a clip, as one record.

Every task reads its target from a `Labels` record; a label that is not there means that the task
does not apply.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from qwen_audio.text.timestamps import Word
from qwen_audio.text.vocab import UNKNOWN_LANGUAGE

__all__ = ["Edit", "Entity", "Event", "Labels", "Question", "Word"]

# (highest age, name of the group); the last group has no upper end
AGE_GROUPS: tuple[tuple[int, str], ...] = (
    (12, "child"),
    (17, "teenager"),
    (39, "young adult"),
    (59, "middle-aged adult"),
    (200, "senior"),
)

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgusted", "surprised")

VOCAL_SOUNDS = (
    "baby crying",
    "breathing",
    "coughing",
    "laughter",
    "sighing",
    "sneezing",
    "sniffing",
    "snoring",
    "throat clearing",
)

# Sounds and places in which somebody may be talking: nothing is known about speech there.
MAYBE_SPEECH = frozenset(
    {
        "cafe ambience",
        "carousel music",
        "children playing",
        "church ambience",
        "construction site",
        "crowd talking",
        "laboratory ambience",
        "laundry room",
        "library ambience",
        "night village",
        "office ambience",
        "place ambience",
        "city sounds",
        "radio tuning",
        "restaurant ambience",
        "street music",
        "subway station",
        "supermarket ambience",
        "temple ambience",
        "traffic",
        "train ride",
        "airplane",
        "airplane cabin",
        "fairground",
        "crowded bar",
        "cafe",
        "church",
        "laboratory",
        "library",
        "office",
        "restaurant",
        "street",
        "supermarket",
        "temple",
        "train",
        "village at night",
    }
)
SPEECH_SOUNDS = frozenset({"speech", "man speaking", "woman speaking", "child speaking"})


def age_group_of(age: int) -> str:
    """Return the name of the group that an age in years is in.

    >>> age_group_of(9), age_group_of(23)
    ('child', 'young adult')
    """
    return next(name for highest, name in AGE_GROUPS if age <= highest)


@dataclass(frozen=True)
class Event:
    """Something that is heard from one time to another."""

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Question:
    """A question about the clip and its short answer.

    Attributes:
        question: What is asked.
        answer: The answer in a word or two.
        kind: What is asked for, such as "order" or "count".
        sentence: The same answer as a sentence, for chats.
    """

    question: str
    answer: str
    kind: str = ""
    sentence: str = ""


@dataclass(frozen=True)
class Entity:
    """A named thing in the words spoken, such as ("person", "John")."""

    kind: str
    value: str


@dataclass(frozen=True)
class Edit:
    """A change of the words spoken: `old` is to become `new`."""

    old: str
    new: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Labels:
    """Everything known about a clip; what is not known is `None` or empty.

    `domain` is "speech", "sound" or "music" where a record says so; `language` is a code, or
    "unknown" where it is known that nobody speaks; `voice` is "speech" or "song"; `pitch` and
    `velocity` are MIDI numbers; `tempo` is in beats a minute; `grounding` is the phrase whose
    times are asked for; `turns` are who speaks when.
    """

    domain: str | None = None
    language: str | None = None
    text: str | None = None
    translation: str | None = None
    translation_language: str | None = None
    words: tuple[Word, ...] = ()
    overlapped: tuple[str, ...] = ()
    speaker: str | None = None
    same_speaker: bool | None = None
    turns: tuple[Event, ...] = ()
    gender: str | None = None
    age: int | None = None
    age_group: str | None = None
    emotion: str | None = None
    voice: str | None = None
    dialect: str | None = None
    entities: tuple[Entity, ...] = ()
    keyword: str | None = None
    intent: str | None = None
    slots: tuple[tuple[str, str], ...] = ()
    edit: Edit | None = None
    sound: tuple[str, ...] = ()
    vocal_sound: str | None = None
    audioset: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    grounding: str | None = None
    scene: str | None = None
    captions: tuple[str, ...] = ()
    caption_style: str = "plain"
    qa: tuple[Question, ...] = ()
    instrument: tuple[str, ...] = ()
    pitch: int | None = None
    velocity: int | None = None
    qualities: tuple[str, ...] = ()
    genre: str | None = None
    tempo: int | None = None
    key: str | None = None
    chord: str | None = None
    singer: str | None = None
    title: str | None = None

    def __repr__(self) -> str:
        """Return the labels that are known."""
        known = (
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
        )
        return f"Labels({', '.join(known)})"

    @property
    def asked_phrase(self) -> str | None:
        """The phrase whose times are asked for: the one chosen, else the first event."""
        return self.grounding or (self.events[0].label if self.events else None)

    @property
    def asked_edit(self) -> Edit | None:
        """The change asked for: the one chosen, else between the first two words said once."""
        once = words_said_once(self.words)
        if self.edit is not None or len(once) < 2:
            return self.edit
        return Edit(once[0].text, once[1].text)

    @property
    def heard(self) -> tuple[str, ...]:
        """Every sound that is heard, each once, in order of first time."""
        ordered = sorted(self.events, key=lambda event: event.start_s)
        return tuple(dict.fromkeys((*(event.label for event in ordered), *self.sound)))

    @property
    def is_music(self) -> bool:
        """Whether the clip is a note or a piece of music."""
        if self.domain is not None:
            return self.domain == "music"
        known = (self.pitch, self.genre, self.tempo, self.key, self.chord, self.singer, self.title)
        return bool(self.instrument or self.qualities) or any(label is not None for label in known)

    @property
    def has_speech(self) -> bool | None:
        """Whether somebody speaks, or `None` where the labels do not say.

        >>> Labels(sound=("rain",)).has_speech, Labels(sound=("cafe ambience",)).has_speech
        (False, None)
        """
        sounds = {*self.heard, *((self.scene,) if self.scene else ())}
        if self.language == UNKNOWN_LANGUAGE:
            return False
        if self.language or self.text or self.words or sounds & SPEECH_SOUNDS:
            return True
        if self.is_music and not (self.singer or self.voice):
            return False
        if not sounds or sounds & MAYBE_SPEECH:
            return None
        return False


def words_said_once(words: Iterable[Word]) -> tuple[Word, ...]:
    """Return the words that occur only once, so that each names one place."""
    listed = tuple(words)
    counts = Counter(word.text.lower() for word in listed)
    return tuple(word for word in listed if counts[word.text.lower()] == 1)


def filled(labels: Labels, extra: Labels) -> Labels:
    """Return labels in which everything not known is taken from `extra`.

    >>> filled(Labels(language="en"), Labels(language="de", text="hi"))
    Labels(language='en', text='hi')
    """
    changes = {
        known.name: getattr(extra, known.name)
        for known in fields(Labels)
        if getattr(labels, known.name) == known.default
    }
    return replace(labels, **changes)


def at_speed(labels: Labels, speed: float) -> Labels:
    """Return the labels of a clip that is played `speed` times as fast."""
    if speed == 1.0:
        return labels
    return replace(
        labels,
        words=moved(labels.words, speed, 0.0),
        events=moved(labels.events, speed, 0.0),
        turns=moved(labels.turns, speed, 0.0),
    )


def moved(items: Sequence[Any], speed: float, later_s: float) -> tuple[Any, ...]:
    """Return words, events or turns with their times divided by a speed, then shifted."""
    return tuple(
        replace(item, start_s=item.start_s / speed + later_s, end_s=item.end_s / speed + later_s)
        for item in items
    )
