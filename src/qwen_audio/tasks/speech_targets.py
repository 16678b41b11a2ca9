"""Target texts of the speech tasks, and their inverses: each `x_target` has a `parse_x`."""

import re
from collections.abc import Callable

from qwen_audio.tasks.forms import parse_timed_items, timed_items, transcript_tags
from qwen_audio.tasks.labels import Edit, Entity, Labels, Word, words_said_once
from qwen_audio.tasks.transcripts import UNSPACED, is_written, plain_transcript
from qwen_audio.text.timestamps import parse_words, render_words
from qwen_audio.text.vocab import (
    DELIMITER,
    ENTITY_TYPE_BEGIN,
    ENTITY_TYPE_END,
    ENTITY_VALUE_BEGIN,
    ENTITY_VALUE_END,
    LANGUAGES,
    MAX_STAMP_S,
    START_OF_TRANSCRIPT,
    UNKNOWN_LANGUAGE,
    WORD_BEGIN,
    WORD_END,
    is_timestamp,
    tag,
    timestamp_token,
    token_seconds,
)

PLAIN_TAGS = transcript_tags("wo_itn")
_ANY_TAG = re.compile(r"<\|[^|]*\|>")
_ENTITY = re.compile(
    f"{re.escape(ENTITY_TYPE_BEGIN)}(.*?){re.escape(ENTITY_TYPE_END)}"
    f"{re.escape(ENTITY_VALUE_BEGIN)}(.*?){re.escape(ENTITY_VALUE_END)}"
)


def plain_target(labels: Labels) -> str | None:
    """Return the words spoken, without case and punctuation."""
    if not labels.text or labels.language not in LANGUAGES:
        return None
    return plain_transcript(labels.text, labels.language) or None


def standard_target(labels: Labels) -> str | None:
    """Return the plain words of a clip that is not in a dialect."""
    return None if labels.dialect else plain_target(labels)


def dialect_target(labels: Labels) -> str | None:
    """Return the plain words of a clip in a dialect."""
    return plain_target(labels) if labels.dialect else None


def written_target(labels: Labels) -> str | None:
    """Return the text as written, where it has real case and punctuation."""
    if plain_target(labels) and is_written(labels.text or "", labels.language):
        return labels.text
    return None


def best_transcript(labels: Labels) -> str | None:
    """Return the transcript for a chat: as written where that is known, plain words elsewhere."""
    return written_target(labels) or plain_target(labels)


def parse_text(text: str) -> Labels:
    """Return the transcript that a reply is."""
    return Labels(text=text.strip() or None)


def detected_target(labels: Labels) -> str | None:
    """Return what follows the first tag: language, tags, words; "unknown" without speech."""
    if labels.has_speech is False:
        return tag(UNKNOWN_LANGUAGE)
    plain = plain_target(labels)
    return plain and PLAIN_TAGS(labels).removeprefix(START_OF_TRANSCRIPT) + plain


def parse_detected(text: str) -> Labels:
    """Return the language and the words of a reply that begins with its own tags."""
    words = _ANY_TAG.sub("", text).strip()
    return Labels(language=_first_language(text), text=words or None)


def language_target(labels: Labels) -> str | None:
    """Return the tag of the language spoken, or "unknown" where nobody speaks."""
    if labels.has_speech is False:
        return tag(UNKNOWN_LANGUAGE)
    return tag(labels.language) if labels.language in LANGUAGES else None


def parse_language(text: str) -> Labels:
    """Return the language that a reply begins with."""
    return Labels(language=_first_language(text))


def language_name(labels: Labels) -> str | None:
    """Return the language in words."""
    return LANGUAGES.get(labels.language or "")


def translation_target(labels: Labels) -> str | None:
    """Return the translation, where both languages have a tag."""
    known = labels.language in LANGUAGES and labels.translation_language in LANGUAGES
    return labels.translation if known else None


def parse_translation(text: str) -> Labels:
    """Return the translation that a reply is."""
    return Labels(translation=text.strip() or None)


def overlapped_target(labels: Labels) -> str | None:
    """Return what each of several people says at once, the first to begin first."""
    if labels.language not in LANGUAGES or len(labels.overlapped) < 2:
        return None
    return DELIMITER.join(plain_transcript(text, labels.language) for text in labels.overlapped)


def parse_overlapped(text: str) -> Labels:
    """Return the transcripts in a reply with delimiters."""
    return Labels(overlapped=tuple(part.strip() for part in text.split(DELIMITER)))


def timed_words_target(*languages: str) -> Callable[[Labels], str | None]:
    """Return what renders words with their times, for clips in these languages."""

    def render(labels: Labels) -> str | None:
        if labels.language not in languages or not labels.words:
            return None
        words = plain_words(labels.words, labels.language)
        is_in_range = bool(words) and words[-1].end_s <= MAX_STAMP_S
        return render_words(words, labels.language) if is_in_range else None

    return render


def plain_words(words: tuple[Word, ...], language: str) -> tuple[Word, ...]:
    """Return words without case and punctuation; in Chinese and Japanese one word a character.

    >>> plain_words((Word("你好", 0.0, 0.5),), "zh")
    (Word(text='你', start_s=0.0, end_s=0.25), Word(text='好', start_s=0.25, end_s=0.5))
    """
    spread: list[Word] = []
    now_s = 0.0
    for word in words:
        # aligners let neighbours overlap a little; a word starts when the one before has ended
        start_s, end_s = max(word.start_s, now_s), max(word.end_s, now_s)
        plain = plain_transcript(word.text, language)
        units = list(plain) if language in UNSPACED else plain.split()
        step_s = (end_s - start_s) / max(len(units), 1)
        for index, unit in enumerate(units, start=1):
            border_s = end_s if index == len(units) else start_s + step_s
            spread.append(Word(unit, start_s, border_s))
            start_s = border_s
        now_s = end_s
    return tuple(spread)


def parse_timed_words(text: str) -> Labels:
    """Return the words and times in a reply."""
    return Labels(words=parse_words(text))


def entities_target(labels: Labels) -> str | None:
    """Return the named things, each with its kind."""
    if labels.language not in LANGUAGES:
        return None
    parts = (
        f"{ENTITY_TYPE_BEGIN}{entity.kind}{ENTITY_TYPE_END}"
        f"{ENTITY_VALUE_BEGIN}{entity.value}{ENTITY_VALUE_END}"
        for entity in labels.entities
    )
    return "".join(parts) or None


def parse_entities(text: str) -> Labels:
    """Return the named things in a reply."""
    return Labels(entities=tuple(Entity(kind, value) for kind, value in _ENTITY.findall(text)))


def say_entities(labels: Labels) -> str | None:
    """Return the named things for a sentence."""
    return "; ".join(f"{entity.value} ({entity.kind})" for entity in labels.entities) or None


def spaced(name: str) -> str:
    """Return a program's name as words.

    >>> spaced("orderDrink"), spaced("play_music")
    ('order drink', 'play music')
    """
    return re.sub(r"[_\s]+|(?<=[a-z])(?=[A-Z])", " ", name).lower()


def intent_target(labels: Labels) -> str | None:
    """Return what the speaker wants, as words."""
    return spaced(labels.intent) if labels.intent else None


def parse_intent(text: str) -> Labels:
    """Return the intent that a reply is."""
    return Labels(intent=text.strip() or None)


def slots_target(labels: Labels) -> str | None:
    """Return the details of a command, as "name: value; name: value"."""
    return "; ".join(f"{spaced(name)}: {value}" for name, value in labels.slots) or None


def parse_slots(text: str) -> Labels:
    """Return the details in a reply."""
    pairs = (pair.split(": ", 1) for pair in text.strip().split("; "))
    return Labels(slots=tuple((pair[0], pair[1]) for pair in pairs if len(pair) == 2))


def edit_target(labels: Labels) -> str | None:
    """Return where the old word is and what replaces it, if it is said exactly once."""
    edit = labels.asked_edit
    found = [word for word in words_said_once(labels.words) if edit and word.text == edit.old]
    if edit is None or not found or found[0].end_s > MAX_STAMP_S:
        return None
    start, end = timestamp_token(found[0].start_s), timestamp_token(found[0].end_s)
    return f"{start}{WORD_BEGIN}{edit.old}{WORD_END}{end}{DELIMITER}{edit.new}"


def parse_edit(text: str) -> Labels:
    """Return the change, and the old word's time if the reply states it."""
    place, _, new = text.strip().partition(DELIMITER)
    times_s = [token_seconds(token) for token in _ANY_TAG.findall(place) if is_timestamp(token)]
    old = _ANY_TAG.sub("", place)
    words = (Word(old, *times_s),) if len(times_s) == 2 else ()
    return Labels(edit=Edit(old, new), words=words)


def edit_request(labels: Labels) -> str:
    """Return the words that ask for the change."""
    edit = labels.asked_edit
    return f"{edit.old}{DELIMITER}{edit.new}" if edit else ""


def same_speaker_target(labels: Labels) -> str | None:
    """Return whether one person speaks throughout."""
    return {None: None, True: "yes", False: "no"}[labels.same_speaker]


def parse_same_speaker(text: str) -> Labels:
    """Return the yes or no in a reply."""
    answer = text.strip().lower().rstrip(".")
    return Labels(same_speaker={"yes": True, "no": False}.get(answer))


def turns_target(labels: Labels) -> str | None:
    """Return who speaks when."""
    return timed_items(labels.turns)


def parse_turns(text: str) -> Labels:
    """Return who speaks when, according to a reply."""
    return Labels(turns=parse_timed_items(text))


def emotion_of(voice: str) -> Callable[[Labels], str | None]:
    """Return what renders the emotion of a voice that speaks, or that sings."""

    def render(labels: Labels) -> str | None:
        return labels.emotion if (labels.voice or "speech") == voice else None

    return render


def parse_emotion_of(voice: str) -> Callable[[str], Labels]:
    """Return what reads the emotion of a voice that speaks, or that sings."""
    return lambda text: Labels(emotion=text.strip() or None, voice=voice)


def years_target(labels: Labels) -> str | None:
    """Return the age in years."""
    return None if labels.age is None else str(labels.age)


def parse_years(text: str) -> Labels:
    """Return the age in a reply, if it is a number."""
    found = re.search(r"\d+", text)
    return Labels(age=int(found.group()) if found else None)


def _first_language(text: str) -> str | None:
    codes = (*LANGUAGES, UNKNOWN_LANGUAGE)
    return next((code for code in codes if text.lstrip().startswith(tag(code))), None)
