"""Writes what can be said of a scene from its timeline alone: captions, questions and answers.

Every sentence follows from the times of the events, so every answer is exact; where a listener
could not be sure (two starts within half a second, sounds easily taken for one another) nothing is
asked. All wordings are drawn with the `random.Random` that is given.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from qwen_audio.data.synthesis.phrases import Phrase, background_phrase, sound_phrase
from qwen_audio.data.synthesis.scenes import Scene, confusable_with
from qwen_audio.tasks.labels import Event, Question

NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")
_TIMES = ("never", "once", "twice")
_CLEAR_S = 0.5

_FIRST = (
    "What do you hear first?",
    "Which sound comes first?",
    "What is the first sound in the clip?",
    "Which sound is heard at the beginning?",
)
_LAST = (
    "Which sound comes last?",
    "What do you hear last?",
    "What is the last sound in the clip?",
    "Which sound starts last?",
)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Consecutive events with one label, told as one: "a dog barks three times"."""

    phrase: Phrase
    count: int
    start_s: float
    end_s: float

    @property
    def times(self) -> str:
        return f" {times(self.count)}" if self.count > 1 else ""

    @property
    def clause(self) -> str:
        """With a verb: "a dog barks twice"."""
        return f"{self.phrase.clause}{self.times}"

    @property
    def noun(self) -> str:
        """As a noun: "a dog barking twice"."""
        return f"{self.phrase.noun}{self.times}"


def times(count: int) -> str:
    """Return how often in words.

    >>> times(1), times(2), times(4)
    ('once', 'twice', 'four times')
    """
    return _TIMES[count] if count < len(_TIMES) else f"{NUMBER_WORDS[count]} times"


def write_captions(scene: Scene, *, rng: random.Random) -> tuple[str, ...]:
    """Return three captions in different wordings, each naming every event and the scene."""
    parts = _parts(scene.events)
    tails = [background_phrase(scene.background, rng=rng) for _ in range(3)]
    told = _told_with_verbs(parts, rng)
    listed = _told_with_nouns(parts, rng)
    names = list(dict.fromkeys(sound_phrase(label).noun for label in scene.labels))
    summary = rng.choice(("The sound of {}", "We hear {}", "This is a recording of {}"))
    return (
        _sentence(told + tails[0]),
        _sentence(listed + tails[1]),
        _sentence(summary.format(_joined(names)) + tails[2]),
    )


def write_questions(
    scene: Scene, *, known: Sequence[str], rng: random.Random
) -> tuple[Question, ...]:
    """Return every kind of question that this scene answers beyond doubt.

    Args:
        scene: The composed scene.
        known: Labels from which the sounds are drawn that are asked for but not there.
        rng: Draws the wordings.
    """
    groups = (
        _end_questions(scene, rng),
        _order_questions(scene, rng),
        _count_questions(scene, rng),
        _presence_questions(scene, known, rng),
    )
    return tuple(answer for group in groups for answer in group)


def _parts(events: Sequence[Event]) -> list[_Part]:
    """Return the timeline as parts, neighbours with one label taken together."""
    parts: list[_Part] = []
    labels: list[str] = []
    for event in events:
        count, start = 1, event.start_s
        if labels and labels[-1] == event.label:
            count, start = parts[-1].count + 1, parts[-1].start_s
            parts.pop()
        else:
            labels.append(event.label)
        phrase = sound_phrase(event.label)
        parts.append(_Part(phrase=phrase, count=count, start_s=start, end_s=event.end_s))
    return parts


def _told_with_verbs(parts: list[_Part], rng: random.Random) -> str:
    """Return the story in clauses: "a dog barks twice, then a car horn honks"."""
    text = parts[0].clause
    for position, (before, part) in enumerate(pairwise(parts), start=1):
        is_last = position == len(parts) - 1 and position > 1
        if part.start_s < before.end_s - 0.2:
            text += f" and {part.clause}" if " while " in text else f" while {part.clause}"
        elif is_last:
            text += rng.choice((", and finally ", ", and then ")) + part.clause
        else:
            text += rng.choice((", then ", ", and then ", " and then ")) + part.clause
    if len(parts) > 1 and parts[1].start_s >= parts[0].end_s and rng.random() < 0.25:
        return f"first {text}"
    return text


def _told_with_nouns(parts: list[_Part], rng: random.Random) -> str:
    """Return the story in nouns: "a dog barking twice followed by a car horn honking"."""
    text = parts[0].noun
    for before, part in pairwise(parts):
        if part.start_s < before.end_s - 0.2:
            text += (
                rng.choice((" together with ", " overlapping with ", " mixed with ")) + part.noun
            )
        else:
            text += rng.choice((" followed by ", ", then ", " and then ")) + part.noun
    return text


def _end_questions(scene: Scene, rng: random.Random) -> list[Question]:
    """Return what comes first and last, where the starts are clear and the labels differ."""
    events = scene.events
    if len(scene.labels) < 2:
        return []
    answers = []
    if events[1].start_s - events[0].start_s >= _CLEAR_S or events[0].label == events[1].label:
        answers.append(_end_answer(events[0], _FIRST, "first", rng))
    if _ends_clearly(events):
        answers.append(_end_answer(events[-1], _LAST, "last", rng))
    return answers


def _ends_clearly(events: Sequence[Event]) -> bool:
    """Whether the event that starts last also ends last, so "last" has one meaning."""
    last, before = events[-1], events[-2]
    if any(event.end_s > last.end_s for event in events):
        return False
    return last.label == before.label or last.start_s - before.start_s >= _CLEAR_S


def _end_answer(event: Event, wordings: tuple[str, ...], kind: str, rng: random.Random) -> Question:
    phrase = sound_phrase(event.label)
    place = {"first": "first", "last": "last"}[kind]
    sentence = rng.choice(
        (
            f"The {place} sound is {phrase.noun}.",
            f"{place} you hear {phrase.noun}." if kind == "first" else f"{phrase.noun} comes last.",
        )
    )
    return _answer(rng.choice(wordings), event.label, kind, sentence)


def _order_questions(scene: Scene, rng: random.Random) -> list[Question]:
    """Return before-or-after questions for two labels that each stay on one side of the other."""
    pairs = [(a, b) for a, b in pairwise(scene.labels) if _is_before(scene, a, b)]
    if not pairs:
        return []
    earlier, later = rng.choice(pairs)
    asked, other, answer = rng.choice(((earlier, later, "before"), (later, earlier, "after")))
    a, b = sound_phrase(asked), sound_phrase(other)
    question = f"{a.do} {a.definite} {a.verb} before or after {b.definite_clause}?"
    sentence = f"{a.definite_clause} {answer} {b.definite_clause}."
    answers = [_answer(question, answer, "order", sentence)]
    first, second = sound_phrase(earlier), sound_phrase(later)
    names = [first.noun, second.noun]
    rng.shuffle(names)
    wording = rng.choice(("Which comes first, {} or {}?", "What do you hear first, {} or {}?"))
    choice = f"{first.noun} comes first, then {second.noun}."
    answers.append(_answer(wording.format(*names), earlier, "order", choice))
    return answers


def _is_before(scene: Scene, earlier: str, later: str) -> bool:
    """Whether every event of one label clearly starts before any of the other."""
    latest = max(event.start_s for event in scene.events if event.label == earlier)
    soonest = min(event.start_s for event in scene.events if event.label == later)
    return soonest - latest >= _CLEAR_S


def _count_questions(scene: Scene, rng: random.Random) -> list[Question]:
    """Return how often each burst is heard."""
    answers = []
    for label in sorted(scene.countable):
        count = sum(event.label == label for event in scene.events)
        phrase = sound_phrase(label)
        wording = rng.choice(
            (
                f"How many times {phrase.do.lower()} {phrase.definite} {phrase.verb}?",
                f"How many times do you hear {phrase.noun}?",
                f"How often {phrase.do.lower()} {phrase.definite} {phrase.verb}?",
            )
        )
        sentence = f"{phrase.definite_clause} {times(count)}."
        answers.append(_answer(wording, NUMBER_WORDS[count], "count", sentence))
    return answers


def _presence_questions(scene: Scene, known: Sequence[str], rng: random.Random) -> list[Question]:
    """Return one question for a sound that is there and one for a sound that is not."""
    heard = frozenset().union(*(confusable_with(label) for label in scene.labels))
    if scene.background:
        heard |= confusable_with(scene.background)
    there = rng.choice(scene.labels)
    answers = [_presence(sound_phrase(there), is_there=True, rng=rng)]
    absent = sorted(set(known) - heard)
    if absent:
        answers.append(_presence(sound_phrase(rng.choice(absent)), is_there=False, rng=rng))
    return answers


def _presence(phrase: Phrase, *, is_there: bool, rng: random.Random) -> Question:
    wordings = (
        f"Is there {phrase.noun}?" if not phrase.is_plural else f"Are there {phrase.noun}?",
        f"Do you hear {phrase.noun}?",
        f"Can you hear {phrase.noun} in this clip?",
    )
    if is_there:
        sentence = rng.choice((f"Yes, {phrase.clause}.", f"Yes, you can hear {phrase.noun}."))
    else:
        sentence = f"No, there is no sound of {phrase.noun}."
    return _answer(rng.choice(wordings), "yes" if is_there else "no", "presence", sentence)


def _answer(question: str, answer: str, kind: str, sentence: str) -> Question:
    return Question(question, answer, kind, _sentence(sentence))


def _joined(names: Sequence[str]) -> str:
    """Return a list in words.

    >>> _joined(["a dog barking", "rain falling", "a siren wailing"])
    'a dog barking, rain falling and a siren wailing'
    """
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _sentence(text: str) -> str:
    """Return the text with a capital and one full stop."""
    return f"{text[0].upper()}{text[1:].rstrip('.')}."
