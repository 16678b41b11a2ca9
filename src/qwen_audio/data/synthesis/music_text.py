"""Says what is known of a made piece of music: captions, questions and answers."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_audio.data.synthesis.instruments import INSTRUMENTS, find_instrument
from qwen_audio.tasks.labels import Labels, Question

SLOW_BELOW, FAST_ABOVE = 90, 130


@dataclass(frozen=True, kw_only=True)
class Music:
    """Who plays, how fast, in which key and style; drums alone have no key."""

    instruments: tuple[str, ...]
    tempo: int
    key: str | None
    has_drums: bool
    style: str | None

    @property
    def pace(self) -> str:
        """The tempo in a word.

        >>> Music(instruments=("flute",), tempo=70, key=None, has_drums=False, style=None).pace
        'slow'
        """
        if self.tempo < SLOW_BELOW:
            return "slow"
        return "fast" if self.tempo > FAST_ABOVE else "medium"


def music_labels(music: Music, *, rng: random.Random) -> Labels:
    """Return all labels of a piece, with two captions and every question that it answers."""
    return Labels(
        instrument=music.instruments,
        tempo=music.tempo,
        key=music.key,
        genre=music.style,
        captions=_captions(music, rng),
        qa=tuple(_questions(music, rng)),
    )


def name_players(instruments: Sequence[str]) -> str:
    """Return the instruments in words.

    >>> name_players(["drums", "bass guitar", "oboe"])
    'drums, a bass guitar and an oboe'
    """
    names = [name if name == "drums" else find_instrument(name).phrase for name in instruments]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _captions(music: Music, rng: random.Random) -> tuple[str, ...]:
    players = name_players(music.instruments)
    pace = {"slow": "slow", "medium": "moderate", "fast": "fast"}[music.pace]
    tempo = f"{music.tempo} beats per minute"
    key = f" in {music.key}" if music.key else ""
    if music.style is None:
        first, *others = music.instruments
        melody = f"{find_instrument(first).phrase} plays a melody{key}"
        company = f" accompanied by {name_players(others)}" if others else ""
        return (
            _sentence(f"{melody}{company} at {tempo}"),
            _sentence(f"a {pace} melody{key} played by {players}"),
        )
    opening = rng.choice((f"a {pace} {music.style} piece", f"a {music.style} groove"))
    alone = music.instruments == ("drums",)
    return (
        _sentence(f"{opening}{key} with {players} at {tempo}"),
        _sentence(
            f"drums alone play a {pace} {music.style} beat"
            if alone
            else f"{players} play {music.style} music{key} at a {pace} tempo"
        ),
    )


def _questions(music: Music, rng: random.Random) -> list[Question]:
    """Return the questions a piece answers; what is not there is asked for as well."""
    is_one = len(music.instruments) == 1
    which = "Which instrument is playing?" if is_one else "Which instruments are playing?"
    how_fast = ("What is the tempo?", "How many beats per minute does this music have?")
    names, tempo = ", ".join(music.instruments), f"{music.tempo} beats per minute"
    are_there = "Yes, there are drums." if music.has_drums else "No, there are no drums."
    questions = [
        Question(which, names, "instrument", f"You hear {name_players(music.instruments)}."),
        Question(rng.choice(how_fast), tempo, "tempo", f"The tempo is about {tempo}."),
        Question("Are there drums in this music?", _yes(music.has_drums), "drums", are_there),
    ]
    if music.pace != "medium":
        sentence = f"The music is {music.pace}."
        questions.append(Question("Is this music fast or slow?", music.pace, "pace", sentence))
    if music.key:
        mode, asked = music.key.split()[-1], "Is this music in a major or a minor key?"
        sentence = f"The music is in {music.key}."
        questions.append(Question("What key is this music in?", music.key, "key", sentence))
        questions.append(Question(asked, mode, "mode", f"It is in a {mode} key."))
    if music.style:
        wording = rng.choice(("What style of music is this?", "Which genre is this music?"))
        questions.append(Question(wording, music.style, "style", f"This is {music.style} music."))
    questions.extend(_presence(music, rng))
    return questions


def _presence(music: Music, rng: random.Random) -> list[Question]:
    """Return whether one instrument that plays, and one that does not, is heard."""
    there = [name for name in music.instruments if name != "drums"]
    families = {find_instrument(name).family for name in there}
    # an instrument of another family: a cello for a viola would be asked in bad faith
    absent = [i for i in INSTRUMENTS if i.family not in families]
    questions = []
    if there:
        questions.append(_is_there(find_instrument(rng.choice(there)).phrase, is_there=True))
    if absent:
        questions.append(_is_there(rng.choice(absent).phrase, is_there=False))
    return questions


def _is_there(phrase: str, *, is_there: bool) -> Question:
    sentence = f"Yes, you can hear {phrase}." if is_there else f"No, {phrase} is not playing."
    return Question(f"Do you hear {phrase}?", _yes(is_there), "presence", sentence)


def _yes(is_true: bool) -> str:  # noqa: FBT001 - the word for a truth value
    return "yes" if is_true else "no"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
