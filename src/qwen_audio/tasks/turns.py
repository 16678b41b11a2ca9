"""What people ask about one clip, and what its labels answer: one question and answer a topic."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from qwen_audio.tasks import dialogue_wordings as wordings
from qwen_audio.tasks import other_languages
from qwen_audio.tasks.labels import Event, Labels
from qwen_audio.tasks.music import say_instruments, say_note
from qwen_audio.tasks.records import Task, spoken_list
from qwen_audio.tasks.registry import applicable, find_task
from qwen_audio.tasks.sound import say_heard, spoken_sound
from qwen_audio.tasks.speakers import say_gender
from qwen_audio.tasks.speech_targets import best_transcript
from qwen_audio.tasks.turn_records import Turn, make_turn, sentence, stamps
from qwen_audio.tasks.word_turns import word_turns
from qwen_audio.text.vocab import LANGUAGES

SHORT_SHARE = 0.12
TRANSCRIPTS = frozenset({"ASR", "Dialect ASR", "OSR"})

# Sounds that nobody mistakes for another: safe to say that they are not there.
_DISTINCT = (
    "baby crying",
    "chainsaw",
    "church bells",
    "clock ticking",
    "coughing",
    "dog barking",
    "fire crackling",
    "gunshot",
    "helicopter",
    "jackhammer",
    "rooster crowing",
    "sea waves",
    "siren",
    "sneezing",
    "thunder",
)
_MIN_GAP_S = 0.5
_MAX_BURST_S = 3.0  # what lasts longer is not counted


def turns_about(labels: Labels, rng: random.Random) -> list[Turn]:
    """Return one turn for each topic that the labels have something to say about."""
    turns = [_task_turn(task, labels, rng) for task in applicable(labels) if task.prompts]
    for make in _MAKERS:
        turns.extend(make(labels, rng))
    return [turn for turn in turns if turn is not None]


def heard_phrase(labels: Labels) -> str:
    """Return in a few words what there is to hear.

    >>> heard_phrase(Labels(gender="female", language="de"))
    'a woman speaking German'
    """
    parts = [say_heard(labels)] if labels.heard and not labels.is_music else []
    if labels.instrument:
        parts.append(say_instruments(labels) or "")
    elif labels.is_music:
        parts.append("music")
    elif labels.has_speech:
        who = say_gender(labels)
        verb = "singing" if labels.voice == "song" else "speaking"
        language = f" {LANGUAGES[labels.language]}" if labels.language in LANGUAGES else ""
        parts.append(f"{f'a {who}' if who else 'somebody'} {verb}{language}")
    return " and ".join(part for part in parts if part) or "no words"


def _task_turn(task: Task, labels: Labels, rng: random.Random) -> Turn | None:
    said = task.say(labels)
    if said is None:
        return None
    question = rng.choice(task.prompts)
    follow_up = rng.choice(wordings.FOLLOW_UPS.get(task.name, (question,)))
    if task.name not in TRANSCRIPTS and len(said) < 40 and rng.random() < SHORT_SHARE:
        short = wordings.SHORT_PHRASE if " " in said else wordings.SHORT_WORD
        suffix = rng.choice(short)
        return Turn(task.name, f"{question} {suffix}", said, f"{follow_up} {suffix}")
    answer = rng.choice(task.answers).replace("{answer}", said)
    if task.name not in TRANSCRIPTS:
        answer = sentence(answer)
    return Turn(task.name, question, answer, follow_up)


def _describe_turns(labels: Labels, rng: random.Random) -> Iterator[Turn]:
    """Yield a description made of what is known, for clips without a caption."""
    if labels.captions or not (labels.has_speech or labels.heard or labels.is_music):
        return
    heard = heard_phrase(labels)
    text = best_transcript(labels)
    mood = f" and sounds {labels.emotion}" if labels.emotion else ""
    note = say_note(labels)
    if text:
        answer = f'{sentence(heard)}{mood and ","}{mood[4:]}: "{text}"'
    elif note:
        answer = f"I hear {heard}, playing the note {note}."
    else:
        answer = f"I hear {heard}{' who' + mood[4:] if mood else ''}."
    yield Turn("describe", rng.choice(wordings.DESCRIBE), answer)


def _question_turns(labels: Labels, rng: random.Random) -> Iterator[Turn]:
    if labels.qa:
        asked = rng.choice(labels.qa)
        if asked.sentence and rng.random() < 0.6:
            yield Turn("question", asked.question, asked.sentence)
        elif rng.random() < 0.5:
            yield Turn("question", asked.question, f"{sentence(asked.answer)}.")
        else:
            suffix = rng.choice(wordings.SHORT_PHRASE)
            yield Turn("question", f"{asked.question} {suffix}", asked.answer)


def _presence_turns(labels: Labels, rng: random.Random) -> Iterator[Turn]:
    heard = heard_phrase(labels)
    speaker = say_gender(labels)
    speaker = f"a {speaker}" if speaker else "somebody"
    if labels.has_speech is not None and labels.voice != "song":
        answers = wordings.SPEECH_YES if labels.has_speech else wordings.SPEECH_NO
        asked = wordings.SPEECH_QUESTIONS
        yield make_turn("speech?", rng, asked, answers, heard=heard, speaker=speaker)
    if labels.heard and not labels.is_music:
        sound = spoken_sound(rng.choice(labels.heard))
        asked, answers = wordings.PRESENCE_QUESTIONS, wordings.PRESENCE_YES
        yield make_turn("sound? yes", rng, asked, answers, sound=sound, heard=heard)
    if labels.has_speech is not None:
        absent = rng.choice([name for name in _DISTINCT if name not in labels.heard])
        asked, answers = wordings.PRESENCE_QUESTIONS, wordings.PRESENCE_NO
        yield make_turn("sound? no", rng, asked, answers, sound=spoken_sound(absent), heard=heard)


def _absent_turns(labels: Labels, rng: random.Random) -> Iterator[Turn]:
    """Yield questions that take for granted what is not in the clip."""
    heard = heard_phrase(labels)
    prompts = {task.name: task.prompts for task in _ASKED_IN_VAIN}
    if labels.has_speech is False:
        name = rng.choice(("ASR", "LID", "SGC", "ER"))
        yield make_turn("nobody", rng, prompts[name], wordings.NOBODY, heard=heard)
    certain = labels.has_speech is True or (labels.has_speech is False and labels.heard)
    if certain and not labels.is_music and labels.voice != "song":
        name = rng.choice(("MIC", "MNA"))
        yield make_turn("no music", rng, prompts[name], wordings.NO_MUSIC, heard=heard)


def _ordered(labels: Labels) -> list[Event]:
    return sorted(labels.events, key=lambda event: (event.start_s, event.end_s))


def _order_turns(labels: Labels, rng: random.Random) -> Iterator[Turn]:
    events = _ordered(labels)
    if len(events) < 2:
        return
    first, second, last = events[0], events[1], events[-1]
    if second.start_s - first.start_s >= _MIN_GAP_S:
        words = {"answer": spoken_sound(first.label)}
        yield make_turn("first", rng, wordings.FIRST_SOUND, wordings.FIRST_ANSWERS, **words)
    is_last = last.start_s - events[-2].start_s >= _MIN_GAP_S
    if is_last and all(event.end_s <= last.end_s for event in events):
        words = {"answer": spoken_sound(last.label)}
        yield make_turn("last", rng, wordings.LAST_SOUND, wordings.LAST_ANSWERS, **words)
    once = [event for event in events if _count(events, event.label) == 1]
    if len(once) >= 2 and once[1].start_s - once[0].start_s >= _MIN_GAP_S:
        pair = [spoken_sound(event.label) for event in once[:2]]
        one, two = rng.sample(pair, 2)
        words = {"one": one, "two": two, "first": pair[0], "second": pair[1]}
        yield make_turn("order", rng, wordings.ORDER_QUESTIONS, wordings.ORDER_ANSWERS, **words)


def _count(events: list[Event], label: str) -> int:
    return Counter(event.label for event in events)[label]


def _count_turns(labels: Labels, rng: random.Random) -> Iterator[Turn]:
    events = _ordered(labels)
    if not events:
        return
    event = rng.choice(events)
    sound, count = spoken_sound(event.label), _count(events, event.label)
    is_burst = all(each.end_s - each.start_s < _MAX_BURST_S for each in events)
    if is_burst and count < len(wordings.TIMES):
        words = {"sound": sound, "count": wordings.TIMES[count]}
        yield make_turn("count", rng, wordings.COUNT_QUESTIONS, wordings.COUNT_ANSWERS, **words)
    if count == 1:
        words = {"sound": sound} | stamps(event.start_s, event.end_s)
        yield make_turn("when", rng, wordings.WHEN_QUESTIONS, wordings.WHEN_ANSWERS, **words)
    if 1 < len(labels.heard) < len(wordings.NUMBERS):
        heard = say_heard(labels) or ""
        words = {"count": wordings.NUMBERS[len(labels.heard)], "heard": heard}
        yield make_turn("number", rng, wordings.NUMBER_QUESTIONS, wordings.NUMBER_ANSWERS, **words)


def _obey_turns(labels: Labels, rng: random.Random) -> Iterator[Turn]:
    text = best_transcript(labels)
    if text and labels.keyword is None:
        yield make_turn("obey", rng, wordings.OBEY_QUESTIONS, wordings.OBEY_ANSWERS, text=text)


def _order_form_turns(labels: Labels, rng: random.Random) -> Iterator[Turn]:
    """Yield questions about the details of a drink's order."""
    slots = dict(labels.slots)
    if "coffeeDrink" not in slots:
        return
    order = _spoken_order(slots)
    yield make_turn("want", rng, wordings.WANT_QUESTIONS, wordings.WANT_ANSWERS, answer=order)
    asked = rng.choice([*slots, *slots, *wordings.SLOT_QUESTIONS])
    if asked not in wordings.SLOT_QUESTIONS:
        return
    questions, sentence_form = wordings.SLOT_QUESTIONS[asked]
    answers = (sentence_form,) if asked in slots else wordings.SLOT_MISSING
    said = slots.get(asked, "")
    said = _article(said) if asked == "coffeeDrink" else said
    yield make_turn(f"slot {asked}", rng, questions, answers, answer=said)


def _article(drink: str) -> str:
    return f"{'an' if drink[:1] in 'aeiou' else 'a'} {drink}"


def _spoken_order(slots: dict[str, str]) -> str:
    drink = " ".join(slots[name] for name in ("size", "roast", "coffeeDrink") if name in slots)
    extras = [
        slots[name] for name in ("numberOfShots", "milkAmount", "sugarAmount") if name in slots
    ]
    if extras and "numberOfShots" in slots:
        extras[0] = f"a {extras[0]}"
    return _article(drink) + (f" with {spoken_list(tuple(extras))}" if extras else "")


def _other_language_turns(labels: Labels, rng: random.Random) -> Iterator[Turn]:
    """Yield questions in another language, answered in it; first of all in that of the speech."""
    languages = list(other_languages.OTHER_LANGUAGES)
    if labels.language in languages and rng.random() < 0.7:
        language = labels.language
    elif labels.language in LANGUAGES:
        language = rng.choice(languages)
    else:
        return
    known = {
        "text": best_transcript(labels),
        "language": other_languages.LANGUAGE_NAMES[language][labels.language],
        "gender": other_languages.GENDER_NAMES[language].get(labels.gender or ""),
    }
    topic = rng.choice([name for name, value in known.items() if value])
    asked, answered = other_languages.OTHER_LANGUAGES[language][topic]
    words = {name: value for name, value in known.items() if value}
    turn = make_turn(f"{topic} in {language}", rng, asked, answered, **words)
    yield replace(turn, is_english=False)


# Tasks whose questions take speech, or music, for granted.
_ASKED_IN_VAIN = tuple(map(find_task, ("ASR", "LID", "SGC", "ER", "MIC", "MNA")))

_MAKERS: tuple[Callable[[Labels, random.Random], Iterator[Turn]], ...] = (
    _describe_turns,
    _question_turns,
    _presence_turns,
    _absent_turns,
    _order_turns,
    _count_turns,
    _obey_turns,
    _order_form_turns,
    _other_language_turns,
    word_turns,
)
