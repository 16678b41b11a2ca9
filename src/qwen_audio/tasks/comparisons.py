"""Questions about several clips at once: which one, the same or not, and what about this one."""

import random
from collections.abc import Callable, Iterator, Sequence

from qwen_audio.tasks import dialogue_wordings as wordings
from qwen_audio.tasks.label_files import note_name
from qwen_audio.tasks.labels import Labels
from qwen_audio.tasks.music import say_instruments
from qwen_audio.tasks.sound import say_heard
from qwen_audio.tasks.speakers import say_gender
from qwen_audio.tasks.turn_records import Turn, make_turn, sentence
from qwen_audio.tasks.turns import heard_phrase
from qwen_audio.text.vocab import LANGUAGES


def comparison_turns(clips: Sequence[Labels], rng: random.Random) -> list[Turn]:
    """Return the questions that compare clips, as far as their labels can answer."""
    turns = list(_difference(clips, rng)) + list(_which_one(clips, rng))
    if len(clips) == 2:
        for make in (_gender, _language, _sound, _mood, _pitch):
            turns.extend(make(clips[0], clips[1], rng))
    return turns


def with_reference(prompt: str, reference: str, rng: random.Random) -> str:
    """Return a prompt that says which clip it is about.

    >>> with_reference("What does the person say?", "Audio 2", random.Random(1))
    'What does the person say in Audio 2?'
    """
    words = prompt.lower().replace("?", " ").replace(".", " ").replace(",", " ").split()
    is_free = "," not in prompt and not any(word in wordings.SELF_REFERENCES for word in words)
    if is_free and prompt.count("?") + prompt.count(".") == 1 and rng.random() < 0.5:
        return f"{prompt[:-1]} in {reference}{prompt[-1]}"
    return sentence(rng.choice(wordings.ABOUT).format(reference=reference, prompt=prompt))


def same_topic(turn: Turn, turns: Sequence[Turn]) -> Turn | None:
    """Return the turn about the same topic as another, if there is one."""
    return next((each for each in turns if each.topic == turn.topic), None)


def _difference(clips: Sequence[Labels], rng: random.Random) -> Iterator[Turn]:
    parts = [
        f"in the {ordinal} one {heard_phrase(labels)}"
        for ordinal, labels in zip(wordings.ORDINALS, clips, strict=False)
    ]
    yield Turn("difference", rng.choice(wordings.DIFFERENCE), f"I hear {', '.join(parts)}.")


def _which_one(clips: Sequence[Labels], rng: random.Random) -> Iterator[Turn]:
    """Ask for the only clip of which something is true."""
    for describe in _DESCRIPTIONS:
        described = [describe(labels) for labels in clips]
        known = [what for what in described if what is not None]
        if len(known) < len(clips) or len(set(known)) < len(known):
            continue
        number = rng.randrange(len(clips))
        words = {"what": described[number] or "", "ordinal": wordings.ORDINALS[number]}
        yield make_turn("which", rng, wordings.WHICH_ONE, wordings.WHICH_ANSWERS, **words)


def _kind(labels: Labels) -> str | None:
    """Return what sort of clip it is, where that is sure."""
    if labels.voice == "song":
        return None
    if labels.is_music:
        return "music"
    return {True: "speech", False: "a sound without speech", None: None}[labels.has_speech]


def _language_name(labels: Labels) -> str | None:
    return f"in {LANGUAGES[labels.language]}" if labels.language in LANGUAGES else None


def _speaker(labels: Labels) -> str | None:
    who = say_gender(labels)
    return who and f"a {who}"


_DESCRIPTIONS: tuple[Callable[[Labels], str | None], ...] = (_kind, say_heard, say_instruments)


def _yes_no(topic: str, asked: str, *, is_same: bool, because: str) -> Turn:
    return Turn(topic, asked, f"{'Yes' if is_same else 'No'}, {because}.")


def _gender(one: Labels, two: Labels, rng: random.Random) -> Iterator[Turn]:
    first, second = _speaker(one), _speaker(two)
    if first is None or second is None or one.gender is None or two.gender is None:
        return
    because = f"the first speaker is {first} and the second is {second}"
    asked = rng.choice(wordings.SAME_GENDER)
    yield _yes_no("same gender", asked, is_same=one.gender == two.gender, because=because)
    yield Turn("who speaks", rng.choice(wordings.BOTH_SPEAKERS), f"{sentence(because)}.")
    if one.gender != two.gender:
        number = rng.randrange(2)
        words = {"what": (first, second)[number], "ordinal": wordings.ORDINALS[number]}
        asked, answered = wordings.WHO_IS, wordings.WHO_IS_ANSWERS
        yield make_turn("who is", rng, asked, answered, **words)


def _language(one: Labels, two: Labels, rng: random.Random) -> Iterator[Turn]:
    first, second = _language_name(one), _language_name(two)
    if first is None or second is None:
        return
    is_same = first == second
    different = f"the first is {first} and the second is {second}"
    because = f"both are {first}" if is_same else different
    asked = rng.choice(wordings.SAME_LANGUAGE)
    yield _yes_no("same language", asked, is_same=is_same, because=because)
    if not is_same:
        number = rng.randrange(2)
        words = {"what": (first, second)[number], "ordinal": wordings.ORDINALS[number]}
        asked, answered = wordings.WHICH_LANGUAGE, wordings.WHICH_ANSWERS
        yield make_turn("which language", rng, asked, answered, **words)


def _sound(one: Labels, two: Labels, rng: random.Random) -> Iterator[Turn]:
    first, second = say_heard(one), say_heard(two)
    if not first or not second:
        return
    different = f"the first is {first} and the second is {second}"
    because = f"both are {first}" if first == second else different
    asked = rng.choice(wordings.SAME_SOUND)
    yield _yes_no("same sound", asked, is_same=first == second, because=because)


def _mood(one: Labels, two: Labels, rng: random.Random) -> Iterator[Turn]:
    if not one.emotion or not two.emotion:
        return
    both = f"Both sound {one.emotion}."
    different = f"The first speaker sounds {one.emotion}, the second sounds {two.emotion}."
    answer = both if one.emotion == two.emotion else different
    yield Turn("same mood", rng.choice(wordings.SAME_MOOD), answer)


def _pitch(one: Labels, two: Labels, rng: random.Random) -> Iterator[Turn]:
    if one.pitch is None or two.pitch is None:
        return
    names = f"{note_name(one.pitch)} and {note_name(two.pitch)}"
    if one.pitch == two.pitch:
        answer = f"Neither: both are {note_name(one.pitch)}."
    else:
        ordinal = wordings.ORDINALS[0 if one.pitch > two.pitch else 1]
        answer = f"The {ordinal} note is higher. The notes are {names}."
    yield Turn("higher note", rng.choice(wordings.HIGHER_NOTE), answer)
