"""How replies are scored: pure functions on strings, in which whatever is malformed is wrong."""

import re
from collections.abc import Sequence

from qwen_audio.errors import PromptError
from qwen_audio.evaluation.mentions import is_mentioned
from qwen_audio.evaluation.records import Ratio
from qwen_audio.tasks.music import parse_note
from qwen_audio.tasks.records import split_list
from qwen_audio.tasks.sound_names import canonical_sound
from qwen_audio.tasks.speech_targets import parse_language, parse_slots
from qwen_audio.tasks.transcripts import UNSPACED, plain_transcript
from qwen_audio.text.timestamps import Word, parse_words
from qwen_audio.text.vocab import TAG_PATTERN
from qwen_audio.training.scores import edit_distance, plain

_TAG = re.compile(TAG_PATTERN)
_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    )
} | {"once": "1", "twice": "2", "never": "0", "no": "0"}
_FILLERS = frozenset({"a", "an", "the", "times", "time"})


def without_tags(reply: str) -> str:
    """Return a reply's text alone."""
    return _TAG.sub(" ", reply).strip()


def word_errors(reference: str, reply: str, language: str | None) -> Ratio:
    """Return the wrong, missing and added words, or characters where words have no spaces.

    Lower case and without punctuation; numbers and titles stay as they are.

    >>> word_errors("the cat sat", "The cat, sat down!", "en")
    Ratio(part=1, whole=3)
    """
    expected, got = (spoken_units(text, language) for text in (reference, without_tags(reply)))
    return Ratio(edit_distance(expected, got), len(expected))


def spoken_units(text: str, language: str | None) -> list[str]:
    """Return the words of a text, or its characters where words have no spaces."""
    text = plain_transcript(text, language)
    return list(text) if language in UNSPACED else text.split()


def same_text(reference: str, reply: str, _language: str | None = None) -> Ratio:
    """Return whether the reply is the reference, but for case and punctuation."""
    return _verdict(plain(reference) == plain(without_tags(reply)))


def same_language(reference: str, reply: str, _language: str | None = None) -> Ratio:
    """Return whether the reply begins with the tag of the right language."""
    return _verdict(parse_language(reply).language == parse_language(reference).language)


def same_sound(reference: str, reply: str, _language: str | None = None) -> Ratio:
    """Return whether the reply names the sound, in any spelling, and no other.

    >>> same_sound("gunshot", "Gun shot.")
    Ratio(part=1, whole=1)
    """
    return _verdict(canonical_sound(without_tags(reply)) == canonical_sound(reference))


def same_instruments(reference: str, reply: str, _language: str | None = None) -> Ratio:
    """Return whether the reply lists the instruments, in any order."""
    expected, got = (
        {plain(name) for name in split_list(text)} for text in (reference, without_tags(reply))
    )
    return _verdict(expected == got)


def same_pitch(reference: str, reply: str, _language: str | None = None) -> Ratio:
    """Return whether the reply states the exact MIDI pitch."""
    return _verdict(parse_note(reply).pitch == parse_note(reference).pitch)


def same_answer(reference: str, reply: str, _language: str | None = None) -> Ratio:
    """Return whether a short answer is right: a sound in any spelling, or a number in any form.

    >>> same_answer("four", "4 times"), same_answer("dog barking", "a dog barking")
    (Ratio(part=1, whole=1), Ratio(part=1, whole=1))
    """
    return _verdict(_short_answer(reference) == _short_answer(without_tags(reply)))


def _short_answer(text: str) -> str:
    words = [word for word in plain(text).split() if word not in _FILLERS]
    return canonical_sound(" ".join(_NUMBERS.get(word, word) for word in words))


def names_every_sound(reference: str, reply: str, _language: str | None = None) -> Ratio:
    """Return whether a caption mentions every sound of a list."""
    caption = without_tags(reply)
    return _verdict(all(is_mentioned(sound, caption) for sound in split_list(reference)))


def share_of_sounds(reference: str, reply: str, _language: str | None = None) -> Ratio:
    """Return how many sounds of a list a caption mentions."""
    sounds, caption = split_list(reference), without_tags(reply)
    return Ratio(sum(is_mentioned(sound, caption) for sound in sounds), len(sounds))


def slots_in_common(reference: str, reply: str, _language: str | None = None) -> Ratio:
    """Return the share in the F1 of details: twice those in common, over those on both sides.

    >>> slots_in_common("size: large; roast: dark roast", "size: large")
    Ratio(part=2, whole=3)
    """
    expected, got = _slots(reference), _slots(reply)
    return Ratio(2 * len(expected & got), len(expected) + len(got))


def same_slots(reference: str, reply: str, _language: str | None = None) -> Ratio:
    """Return whether all details are right and none is added."""
    return _verdict(_slots(reference) == _slots(reply))


def _slots(text: str) -> set[tuple[str, str]]:
    slots = parse_slots(without_tags(text)).slots
    return {(plain(name), plain(filler)) for name, filler in slots}


def milliseconds_off(reference: str, reply: str, language: str | None) -> Ratio:
    """Return how far starts and ends are off, summed, and how many borders that is.

    Only words that the reply has too count; `words_in_common` tells how many these are.
    """
    pairs = matched_words(reference, reply, language)
    off_s = sum(
        abs(expected.start_s - got.start_s) + abs(expected.end_s - got.end_s)
        for expected, got in pairs
    )
    return Ratio(1000 * off_s, 2 * len(pairs))


def words_in_common(reference: str, reply: str, language: str | None) -> Ratio:
    """Return how many words of the reference the reply has, in order."""
    pairs = matched_words(reference, reply, language)
    return Ratio(len(pairs), len(_timed(reference)))


def matched_words(reference: str, reply: str, language: str | None) -> list[tuple[Word, Word]]:
    """Return the equal words of two transcripts with times, by the best alignment."""
    expected, got = _timed(reference), _timed(reply)
    texts = [[plain_transcript(w.text, language) for w in words] for words in (expected, got)]
    return [(expected[i], got[j]) for i, j in equal_places(*texts)]


def equal_places(reference: Sequence[str], reply: Sequence[str]) -> list[tuple[int, int]]:
    """Return where an alignment with the fewest edits has the same item on both sides.

    Of several with as few edits, the one with the most equal items.

    >>> equal_places("a b c".split(), "b c c".split())
    [(1, 0), (2, 2)]
    """
    edit = len(reference) + len(reply) + 1  # no number of equal items outweighs it
    rows = [[edit * column for column in range(len(reply) + 1)]]
    for i, expected in enumerate(reference, start=1):
        row = [edit * i]
        for j, got in enumerate(reply, start=1):
            both = rows[-1][j - 1] + (-1 if expected == got else edit)
            row.append(min(both, rows[-1][j] + edit, row[-1] + edit))
        rows.append(row)
    i, j = len(reference), len(reply)
    found = []
    while i and j:
        is_equal = reference[i - 1] == reply[j - 1]
        if rows[i][j] == rows[i - 1][j - 1] + (-1 if is_equal else edit):
            i, j = i - 1, j - 1
            found += [(i, j)] if is_equal else []
        elif rows[i][j] == rows[i - 1][j] + edit:
            i -= 1
        else:
            j -= 1
    return found[::-1]


def _timed(text: str) -> tuple[Word, ...]:
    try:
        return parse_words(text)
    except PromptError:
        return ()


def _verdict(is_right: bool) -> Ratio:  # noqa: FBT001 - the function's one argument
    return Ratio(int(is_right), 1)
