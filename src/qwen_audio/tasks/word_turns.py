"""Questions about the words spoken: when one is said, whether it is, and what to change."""

import random
from collections.abc import Iterator

from qwen_audio.tasks import dialogue_wordings as wordings
from qwen_audio.tasks.labels import Labels, words_said_once
from qwen_audio.tasks.speech_targets import best_transcript, plain_words, timed_words_target
from qwen_audio.tasks.transcripts import UNSPACED, plain_transcript
from qwen_audio.tasks.turn_records import Turn, make_turn, stamps
from qwen_audio.text.vocab import LANGUAGES

# Words to ask for in vain; those in the clip are left out.
_COMMON = (
    "window",
    "doctor",
    "yellow",
    "mountain",
    "never",
    "together",
    "bridge",
    "winter",
    "machine",
    "letter",
)
_TIMED_TARGET = timed_words_target(*LANGUAGES)


def word_turns(labels: Labels, rng: random.Random) -> Iterator[Turn]:
    """Yield questions about single words of a clip in a language with spaces."""
    text = best_transcript(labels)
    if not text or labels.language in UNSPACED:
        return
    words = plain_transcript(text, labels.language).split()
    if len(words) > 2:
        yield make_turn(
            "first word", rng, wordings.FIRST_WORD, wordings.WORD_REPLY, answer=words[0]
        )
        yield make_turn("last word", rng, wordings.LAST_WORD, wordings.WORD_REPLY, answer=words[-1])
        yield from _presence_turns(words, text, rng)
    if labels.words:
        yield from _timed_turns(labels, rng)


def _presence_turns(words: list[str], text: str, rng: random.Random) -> Iterator[Turn]:
    said = rng.choice(words)
    absent = rng.choice([word for word in _COMMON if word not in words])
    asked = wordings.SAID_QUESTIONS
    yield make_turn("said? yes", rng, asked, ("Yes.", 'Yes, the speaker says "{word}".'), word=said)
    answers = ("No.", 'No. The person says: "{text}"')
    yield make_turn("said? no", rng, asked, answers, word=absent, text=text)
    asked = wordings.WORD_QUESTIONS
    yield make_turn("missing word", rng, asked, wordings.MISSING_WORD, word=absent, text=text)


def _timed_turns(labels: Labels, rng: random.Random) -> Iterator[Turn]:
    target = _TIMED_TARGET(labels)
    if target:
        question = rng.choice(wordings.TIMED_QUESTIONS)
        yield Turn("timed words", question, target)
    single = words_said_once(plain_words(labels.words, labels.language or ""))
    if len(single) < 2:
        return
    word, other = rng.sample(single, 2)
    times = stamps(word.start_s, word.end_s)
    asked, answers = wordings.WORD_QUESTIONS, wordings.WORD_ANSWERS
    yield make_turn("word time", rng, asked, answers, word=word.text, **times)
    asked, answers = wordings.EDIT_QUESTIONS, wordings.EDIT_ANSWERS
    yield make_turn("edit", rng, asked, answers, old=word.text, new=other.text, **times)
