"""The special tokens of the released vocabulary by name, in id order.

The first 151,643 ids are text; the chat tokens follow, then 3314 audio tokens: tags, languages,
time stamps, notes, and the three that mark a clip's place. No other file spells a token.
"""

from typing import TypeAlias

from qwen_audio.errors import PromptError

NUM_TEXT_TOKENS = 151_643
Seconds: TypeAlias = float | int
MAX_STAMP_S = 30.0
"""The last time stamp; one stamp is a hundredth of a second."""

LANGUAGES = {
    "en": "English",
    "zh": "Chinese",
    "de": "German",
    "es": "Spanish",
    "ko": "Korean",
    "fr": "French",
    "ja": "Japanese",
    "it": "Italian",
}
"""The eight languages with a tag, by code, in id order."""

NUM_MIDI = 128
_STAMPS_A_SECOND = 100
_NUM_STAMPS = int(MAX_STAMP_S) * _STAMPS_A_SECOND + 1
TAG_PATTERN = r"<\|[^|<>]*\|>"
"""A regular expression for any tag."""


def tag(name: str) -> str:
    """Return how the vocabulary spells a tag.

    >>> tag("transcribe")
    '<|transcribe|>'
    """
    return f"<|{name}|>"


def _stamp(hundredths: int) -> str:
    return tag(f"{hundredths / _STAMPS_A_SECOND:.2f}")


def timestamp_token(seconds: Seconds) -> str:
    """Return the time stamp nearest to `seconds`.

    >>> timestamp_token(2.334)
    '<|2.33|>'

    Raises:
        PromptError: when `seconds` is not between 0 and 30.
    """
    if not 0 <= seconds <= MAX_STAMP_S:
        raise PromptError(
            f"a time stamp is between 0 and {MAX_STAMP_S:.0f} s, got {seconds!r}; "
            "cut the clip into windows and count from each window's start"
        )
    return _stamp(round(seconds * _STAMPS_A_SECOND))


def is_timestamp(token: str) -> bool:
    """Return whether `token` is one of the 3001 time stamps."""
    return token in _SECONDS_OF


def token_seconds(token: str) -> float:
    """Return the time that a time stamp names.

    >>> token_seconds("<|2.33|>")
    2.33
    """
    if not is_timestamp(token):
        raise PromptError(f"{token!r} is not a time stamp; write it like {timestamp_token(2.33)}")
    return _SECONDS_OF[token]


def midi_pitch_token(pitch: int) -> str:
    """Return the token of a MIDI pitch (60 is the middle C)."""
    return tag(f"midi_pitch_{_midi(pitch, 'pitch')}")


def midi_velocity_token(velocity: int) -> str:
    """Return the token of a MIDI velocity (how hard the note was struck)."""
    return tag(f"midi_velocity_{_midi(velocity, 'velocity')}")


def _midi(number: int, kind: str) -> int:
    if not 0 <= number < NUM_MIDI:
        raise PromptError(f"a MIDI {kind} is a number from 0 to {NUM_MIDI - 1}, got {number}")
    return number


END_OF_TEXT = tag("endoftext")
CHAT_BEGIN = tag("im_start")
CHAT_END = tag("im_end")
CHAT_TOKENS = (END_OF_TEXT, CHAT_BEGIN, CHAT_END, *(tag(f"extra_{i}") for i in range(205)))
"""The special tokens of the text model, in id order."""

AUDIO_PAD = "[[[AUDIO:modality]]]"
AUDIO_BEGIN = "<audio>"
AUDIO_END = "</audio>"
AUDIO_SLOT = AUDIO_BEGIN + AUDIO_END
"""How a prompt marks the place of the next clip."""

CLIP_TOKENS = (AUDIO_BEGIN, AUDIO_PAD, AUDIO_END)
"""What only a clip puts into a prompt, in this order."""

START_OF_TRANSCRIPT = tag("startoftranscript")
START_OF_ANALYSIS = tag("startofanalysis")
UNKNOWN_LANGUAGE = "unknown"
TRADITIONAL_CHINESE = "zh_tr"
NO_TIMESTAMPS = tag("notimestamps")
SILENCE = tag("sil")
TIMESTAMPS = tag("timestamps")
ENTITY_VALUE_BEGIN = tag("startofentityvalue")
ENTITY_VALUE_END = tag("endofentityvalue")
ENTITY_TYPE_BEGIN = tag("startofentitytype")
ENTITY_TYPE_END = tag("endofentitytype")
WORD_BEGIN = tag("startofword")
WORD_END = tag("endofword")
DELIMITER = tag("delim")
PITCH = tag("pitch")
VELOCITY = tag("velocity")
SONIC = tag("sonic")
INSTRUMENT = tag("instrument")
QUESTION = tag("question")
ANSWER = tag("answer")
CHOICE = tag("choice")
SCENARIO = tag("scenario")
ACTION = tag("action")
ENTITIES = tag("entities")

ACTIONS = ("translate", "transcribe", "caption", "keyword")
"""Names of the task tags, in id order."""

_STYLES = (
    "caption_audiocaps",
    "caption_clotho",
    "audioset_ontology",
    "caption_plain",
    "itn",
    "wo_itn",
)
_PLACED = ("named_entity_recognition", "audio_grounding")
_HEARD = ("emotion_recognition", "music_description", "note_analysis")
_ABOUT = ("speaker_meta", "song_meta")
_CLASSES = ("scene", "event", "vocal_classification", "speech_understanding")
_EDIT = ("speech_edit",)
INSTRUCTIONS = _STYLES + _PLACED + _HEARD + _ABOUT + _CLASSES + _EDIT
"""Names of the output-instruction tags, in id order; other tokens stand between the groups."""

_SECONDS_OF = {_stamp(i): i / _STAMPS_A_SECOND for i in range(_NUM_STAMPS)}

AUDIO_TOKENS: tuple[str, ...] = (
    AUDIO_PAD,
    START_OF_TRANSCRIPT,
    START_OF_ANALYSIS,
    *map(tag, ACTIONS),
    tag(UNKNOWN_LANGUAGE),
    *map(tag, LANGUAGES),
    tag(TRADITIONAL_CHINESE),
    NO_TIMESTAMPS,
    SILENCE,
    TIMESTAMPS,
    *_SECONDS_OF,
    *map(tag, _STYLES),
    ENTITY_VALUE_BEGIN,
    ENTITY_VALUE_END,
    ENTITY_TYPE_BEGIN,
    ENTITY_TYPE_END,
    *map(tag, _PLACED),
    WORD_BEGIN,
    WORD_END,
    DELIMITER,
    *map(tag, _HEARD),
    PITCH,
    *map(midi_pitch_token, range(NUM_MIDI)),
    VELOCITY,
    *map(midi_velocity_token, range(NUM_MIDI)),
    SONIC,
    INSTRUMENT,
    *map(tag, _ABOUT),
    QUESTION,
    ANSWER,
    CHOICE,
    *map(tag, _CLASSES),
    SCENARIO,
    ACTION,
    ENTITIES,
    *map(tag, _EDIT),
    AUDIO_BEGIN,
    AUDIO_END,
)
"""The 3314 tokens that audio adds to a vocabulary, in id order."""

SPECIAL_TOKENS = CHAT_TOKENS + AUDIO_TOKENS
"""Every special token of the released vocabulary; the first has id `NUM_TEXT_TOKENS`."""
