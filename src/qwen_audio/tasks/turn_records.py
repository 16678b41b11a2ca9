"""A question and its answer, as the makers of dialogues pass it on."""

import random
from dataclasses import dataclass

from qwen_audio.text.vocab import timestamp_token


@dataclass(frozen=True)
class Turn:
    """A question and its answer.

    Attributes:
        topic: A task's name, or what else is asked about.
        question: How it is asked first.
        answer: What is answered.
        follow_up: How it is asked after something else about the same clip.
        is_english: Whether it is asked in English.
    """

    topic: str
    question: str
    answer: str
    follow_up: str | None = None
    is_english: bool = True


def make_turn(
    topic: str, rng: random.Random, asked: tuple[str, ...], answered: tuple[str, ...], **words: str
) -> Turn:
    """Return a turn from one wording of the question and one of the answer.

    Args:
        topic: What is asked about.
        rng: Chooses the wordings.
        asked: Templates of the question.
        answered: Templates of the answer.
        **words: What stands for the names in braces.
    """
    question = rng.choice(asked).format(**words)
    return Turn(topic, sentence(question), sentence(rng.choice(answered).format(**words)))


def sentence(text: str) -> str:
    """Return the text with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def stamps(start_s: float, end_s: float) -> dict[str, str]:
    """Return the time stamps of a stretch, for templates with `{start}` and `{end}`."""
    return {"start": timestamp_token(start_s), "end": timestamp_token(end_s)}
