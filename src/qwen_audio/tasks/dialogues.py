"""Conversations to learn from: clips with labels become questions and answers in many wordings.

Everything random comes from the `random.Random` that is given: the same seed, the same dialogue.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_audio.audio.sources import Clip
from qwen_audio.errors import DataError
from qwen_audio.tasks import dialogue_wordings as wordings
from qwen_audio.tasks import other_languages
from qwen_audio.tasks.comparisons import comparison_turns, same_topic, with_reference
from qwen_audio.tasks.labels import Labels
from qwen_audio.tasks.registry import TASKS
from qwen_audio.tasks.small_talk import text_pair
from qwen_audio.tasks.turn_records import Turn
from qwen_audio.tasks.turns import turns_about
from qwen_audio.text.messages import ASSISTANT, USER, Audio, Message, Part, Text

# How often a topic is asked about (1 is usual): what people ask most, and what is hard to learn.
TOPIC_WEIGHTS = {
    "ASR": 5.0,
    "SEC": 2.5,
    "AAC": 2.0,
    "describe": 2.0,
    "MNA": 2.0,
    "ER": 2.0,
    "LID": 1.5,
    "SGC": 1.5,
    "MIC": 1.5,
    "KS": 1.5,
    "question": 2.0,
    "want": 2.0,
    "word time": 1.5,
    "obey": 0.3,
    "no music": 0.4,
    "said? yes": 0.5,
    "said? no": 0.5,
    "sound? yes": 0.6,
    "sound? no": 0.6,
    "missing word": 0.3,
    "timed words": 0.5,
    "edit": 0.5,
    "first word": 0.4,
    "last word": 0.4,
    "speech?": 0.6,
    "nobody": 0.7,
}
NUM_TURNS = ((1, 0.5), (2, 0.35), (3, 0.15))


@dataclass(frozen=True)
class Heard:
    """A clip and what is known about it."""

    clip: Clip
    labels: Labels


@dataclass(frozen=True)
class _Known:
    """A clip and everything that can be asked about it."""

    clip: Clip
    labels: Labels
    turns: list[Turn]


@dataclass
class _Draft:
    """A conversation as it grows."""

    rng: random.Random
    messages: list[Message]

    def say(self, question: str, answer: str, clips: Sequence[Clip] = ()) -> None:
        parts: list[Part] = [Audio(clip) for clip in clips]
        # nearly always the clip comes first, as the web page and the command line send it
        place = 0 if clips and self.rng.random() < 0.07 else len(parts)
        parts.insert(place, Text(question))
        self.messages.append(Message(USER, tuple(parts)))
        # an answer is ours: its time stamps are tokens
        self.messages.append(Message(ASSISTANT, (Text(answer, is_trusted=True),)))


def build_dialogue(heard: Sequence[Heard], rng: random.Random) -> tuple[Message, ...]:
    """Return a conversation about the clips; about nothing heard if there are none.

    >>> [message.role for message in build_dialogue((), random.Random(0))][:2]
    ['user', 'assistant']

    Args:
        heard: Up to three clips.
        rng: Chooses questions and wordings.

    Raises:
        DataError: A clip has no label to talk about, or there are too many clips.
    """
    if len(heard) > len(wordings.ORDINALS):
        raise DataError(f"a dialogue is about up to three clips, got {len(heard)}; give fewer")
    draft = _Draft(rng, [])
    known = [_Known(each.clip, each.labels, turns_about(each.labels, rng)) for each in heard]
    if not all(each.turns for each in known):
        raise DataError("a clip has no label that a question could be about; leave it out")
    if not known:
        _without_audio(draft)
    elif len(known) == 1:
        _about_one(draft, known[0])
    else:
        _about_several(draft, known)
    return tuple(draft.messages)


def _without_audio(draft: _Draft) -> None:
    """Talk without a clip: small talk and facts, or questions that cannot be answered."""
    if draft.rng.random() < 0.35:
        _ask_in_vain(draft)
        if draft.rng.random() < 0.3:
            draft.say(*text_pair(draft.rng))
        return
    for _ in range(_num_turns(draft.rng)):
        draft.say(*text_pair(draft.rng))


def _ask_in_vain(draft: _Draft) -> None:
    """Ask about audio that was not given."""
    rng = draft.rng
    if rng.random() < 0.15:
        asked, answers = other_languages.OTHER_LANGUAGES[
            rng.choice(list(other_languages.OTHER_LANGUAGES))
        ]["none"]
    else:
        task = rng.choice([task for task in TASKS.values() if task.prompts])
        asked = rng.choice((task.prompts, wordings.NO_AUDIO_QUESTIONS))
        answers = wordings.NO_AUDIO_ANSWERS
    draft.say(rng.choice(asked), rng.choice(answers))


def _about_one(draft: _Draft, heard: _Known) -> None:
    rng = draft.rng
    if rng.random() < 0.05:
        _ask_in_vain(draft)
    elif rng.random() < 0.04:
        draft.say(*text_pair(rng))
    for number, turn in enumerate(_chosen(heard.turns, rng)):
        is_first = number == 0
        question = turn.question if is_first or rng.random() < 0.3 else turn.follow_up
        draft.say(question or turn.question, turn.answer, (heard.clip,) if is_first else ())
    if rng.random() < 0.06:
        draft.say(*text_pair(rng))
    elif rng.random() < 0.05:
        _ask_for_missing_clip(draft, num_clips=1)


def _ask_for_missing_clip(draft: _Draft, *, num_clips: int) -> None:
    if num_clips >= len(wordings.ORDINALS):
        return
    rng = draft.rng
    reference = reference_to(num_clips, rng)
    prompt = rng.choice(rng.choice([task for task in TASKS.values() if task.prompts]).prompts)
    answer = rng.choice(wordings.MISSING_CLIP_ANSWERS).format(
        count=wordings.CLIP_COUNTS[num_clips], ordinal=wordings.ORDINALS[num_clips]
    )
    draft.say(with_reference(prompt, reference, rng), answer)


def _about_several(draft: _Draft, heard: Sequence[_Known]) -> None:
    if draft.rng.random() < 0.5:
        _all_at_once(draft, heard)
    else:
        _one_by_one(draft, heard)
    if draft.rng.random() < 0.06:
        _ask_for_missing_clip(draft, num_clips=len(heard))


def _all_at_once(draft: _Draft, heard: Sequence[_Known]) -> None:
    """Give all clips in the first message, then ask about one or about all."""
    rng = draft.rng
    clips = [each.clip for each in heard]
    for question, answer in _questions_about_several(heard, rng)[: 1 + _num_turns(rng)]:
        draft.say(question, answer, clips)
        clips = []


def _one_by_one(draft: _Draft, heard: Sequence[_Known]) -> None:
    """Give a clip a turn, then ask back."""
    rng = draft.rng
    for number, each in enumerate(heard):
        turn = _pick(each.turns, rng)
        form = "{prompt}" if number == 0 else rng.choice(wordings.NEXT_CLIP)
        draft.say(form.replace("{prompt}", turn.question), turn.answer, (each.clip,))
    for question, answer in _questions_about_several(heard, rng)[: _num_turns(rng)]:
        draft.say(question, answer)


def _questions_about_several(heard: Sequence[_Known], rng: random.Random) -> list[tuple[str, str]]:
    """Return questions about a clip by its place, "and the second one?", and comparisons."""
    asked: list[tuple[str, str]] = []
    order = rng.sample(range(len(heard)), len(heard))
    for number in order:
        turn = _pick([each for each in heard[number].turns if each.is_english], rng)
        asked.append(_referring(turn, number, rng))
        other = rng.choice([place for place in order if place != number])
        same = same_topic(turn, heard[other].turns)
        # a yes-or-no question about one sound is another question about another clip
        if same is not None and turn.topic in TASKS and rng.random() < 0.5:
            form = rng.choice(wordings.AND_THE_OTHER)
            asked.append((form.format(reference=reference_to(other, rng)), same.answer))
    compared = comparison_turns([each.labels for each in heard], rng)
    for turn in rng.sample(compared, min(len(compared), 2)):
        asked.insert(rng.choice((0, len(asked))), (turn.question, turn.answer))
    return asked


def _referring(turn: Turn, number: int, rng: random.Random) -> tuple[str, str]:
    reference = reference_to(number, rng)
    answer = turn.answer
    if rng.random() < 0.25 and answer.startswith(("The ", "This ", "It ", "A ", "Somebody ")):
        answer = f"In {reference}, {answer[0].lower()}{answer[1:]}"
    return with_reference(turn.question, reference, rng), answer


def reference_to(number: int, rng: random.Random) -> str:
    """Return words for the clip with this place, counted from zero."""
    form = rng.choice(wordings.REFERENCES)
    return form.format(ordinal=wordings.ORDINALS[number], number=number + 1)


def _chosen(turns: list[Turn], rng: random.Random) -> list[Turn]:
    """Return one to three turns on different topics, the likelier ones first."""
    left, chosen, number = list(turns), [], _num_turns(rng)
    while left and len(chosen) < number:
        turn = _pick(left, rng)
        chosen.append(turn)
        left.remove(turn)
    return chosen


def _pick(turns: Sequence[Turn], rng: random.Random) -> Turn:
    weights = [TOPIC_WEIGHTS.get(turn.topic, 1.0) for turn in turns]
    return rng.choices(turns, weights=weights)[0]


def _num_turns(rng: random.Random) -> int:
    counts, weights = zip(*NUM_TURNS, strict=True)
    return rng.choices(counts, weights=weights)[0]
