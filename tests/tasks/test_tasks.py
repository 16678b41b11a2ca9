"""Claims about the task tables: targets and labels are inverses, names are the paper's."""

import dataclasses
import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_audio.errors import DataError
from qwen_audio.tasks.documentation import EXAMPLES, example_of, tasks_page
from qwen_audio.tasks.labels import Edit, Entity, Event, Labels, Question, Word, filled
from qwen_audio.tasks.registry import TASKS, applicable, find_task, narrowed
from qwen_audio.text.tags import parse_tags
from qwen_audio.text.vocab import ANSWER, LANGUAGES, QUESTION

PAGE = Path(__file__).parents[2] / "docs" / "tasks.md"

words = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
phrases = st.lists(words, min_size=1, max_size=4).map(" ".join)
hundredths = st.integers(0, 3000).map(lambda n: n / 100)
midi = st.integers(0, 127)


def optional(strategy):
    return st.one_of(st.none(), strategy)


def tuples(strategy, max_size=4):
    return st.lists(strategy, max_size=max_size).map(tuple)


@st.composite
def events(draw, label=phrases):
    start_s, end_s = sorted((draw(hundredths), draw(hundredths)))
    return Event(draw(label), start_s, end_s)


@st.composite
def timed_words(draw):
    borders = sorted(draw(st.lists(hundredths, min_size=2, max_size=12, unique=True)))
    return tuple(Word(draw(words), start, end) for start, end in pairwise(borders))


# Not yet Labels: beartype draws random numbers to check tuples, which hypothesis forbids here.
some_labels = st.fixed_dictionaries(
    {
        "language": optional(st.sampled_from(sorted(LANGUAGES))),
        "text": optional(phrases),
        "translation": optional(phrases),
        "translation_language": st.none(),
        "words": st.one_of(st.just(()), timed_words()),
        "overlapped": tuples(phrases, 3),
        "same_speaker": optional(st.booleans()),
        "turns": tuples(events()),
        "gender": optional(st.sampled_from(("male", "female"))),
        "age": optional(st.integers(0, 99)),
        "age_group": optional(st.sampled_from(("child", "senior"))),
        "emotion": optional(words),
        "voice": optional(st.sampled_from(("speech", "song"))),
        "dialect": optional(phrases),
        "entities": tuples(st.builds(Entity, words, phrases)),
        "keyword": optional(phrases),
        "intent": optional(phrases),
        "slots": tuples(st.tuples(phrases, phrases)),
        "edit": optional(st.builds(Edit, words, words)),
        "sound": tuples(phrases),
        "vocal_sound": optional(phrases),
        "audioset": tuples(phrases),
        "events": tuples(events()),
        "scene": optional(phrases),
        "captions": tuples(phrases),
        "caption_style": st.sampled_from(("plain", "clotho", "audiocaps")),
        "qa": tuples(st.builds(Question, phrases, phrases)),
        "instrument": tuples(words),
        "pitch": optional(midi),
        "velocity": optional(midi),
        "qualities": tuples(words),
        "genre": optional(phrases),
        "tempo": optional(st.integers(20, 300)),
        "key": optional(phrases),
        "chord": optional(phrases),
        "singer": optional(phrases),
        "title": optional(phrases),
    }
)


def said_by_prompt(labels):
    """What is known before the target: the languages, the style, whether it is a dialect."""
    return Labels(
        domain="music" if labels.is_music else None,
        language=labels.language,
        translation_language=labels.translation_language,
        dialect=labels.dialect,
        caption_style=labels.caption_style,
    )


@settings(max_examples=40, deadline=None)
@given(some_labels)
def test_parse_is_the_inverse_of_render(known):
    labels = Labels(**known)
    for task in applicable(labels):
        target = task.render(labels)

        stated = task.parse(target)

        assert task.render(filled(stated, said_by_prompt(labels))) == target, task.name


@settings(max_examples=30, deadline=None)
@given(some_labels)
def test_every_applicable_task_has_tags_that_mean_something(known):
    labels = Labels(**known)
    for task in applicable(labels):
        tags = task.tags(labels)
        head, mark, _ = tags.partition(QUESTION)
        is_plain = not mark and not tags.endswith(ANSWER) and task.name not in ("IC", "SF")
        assert not is_plain or parse_tags(head).render() == tags, task.name


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_every_task_has_an_example_and_metrics(task):
    labels = example_of(task)

    assert task.render(labels)
    assert task.metrics
    assert task.group in ("speech", "sound", "music")
    assert bool(task.prompts) <= bool(task.say(labels))
    assert all("{answer}" in answer for answer in task.answers)


def test_table_1_of_the_paper_is_there():
    speech = "ASR S2TT OSR SRWT-en SRWT-zh DID LID SGC ER SV SD KS IC SF SAP VSC"
    sound = "AAC AAC-AudioCaps AAC-Clotho SEC ASC SED AQA"
    music = "SID SMER MC MIC MNA MGR MR MQA"
    names = {*speech.split(), *sound.split(), *music.split()}
    names |= {"Dialect ASR", "Speech ER", "Audio grounding", "Speech editing"}

    assert names <= TASKS.keys()
    assert len(TASKS) >= 30


def test_one_clip_answers_differently_under_different_tags():
    labels = EXAMPLES[0]
    tasks = applicable(labels)

    prompts = [task.prompt(labels) for task in tasks]

    assert len(set(prompts)) == len(prompts)
    assert len({task.render(labels) for task in tasks}) == len(tasks)


def test_plain_and_written_transcripts_differ():
    labels = Labels(language="de", text="Er mag den Hund.")

    assert find_task("ASR").render(labels) == "er mag den hund"
    assert find_task("ASR-ITN").render(labels) == "Er mag den Hund."
    assert find_task("ASR-ITN").render(Labels(language="en", text="HE LIKES IT")) is None


def test_the_language_can_be_for_the_model_to_say():
    labels = Labels(language="fr", text="Bonjour à tous !")
    task = find_task("ASR-LD")

    assert task.tags(labels) == "<|startoftranscript|>"
    whole = task.tags(labels) + task.render(labels)
    assert whole == find_task("ASR").tags(labels) + "bonjour à tous"
    assert task.render(Labels(sound=("rain",))) == "<|unknown|>"
    assert task.render(Labels(sound=("cafe ambience",))) is None


def test_chinese_words_are_timed_by_character():
    target = find_task("SRWT-zh").render(EXAMPLES[1])

    assert target == "<|0.00|><|sil|><|0.54|>面<|0.85|>条<|1.16|>机<|1.46|>"


def test_overlapping_words_are_cut_where_the_next_begins():
    words = (Word("one", 0.0, 0.6), Word("two", 0.5, 0.9))

    target = find_task("SRWT-en").render(Labels(language="en", words=words))

    assert target == "<|0.00|>one<|0.60|>two<|0.90|>"


def test_note_analysis_gives_only_what_is_known():
    task = find_task("MNA")

    known = task.render(Labels(pitch=60, instrument=("flute",)))

    assert known == "<|pitch|><|midi_pitch_60|><|instrument|>flute"
    assert task.render(Labels(instrument=("flute",))) is None


def test_narrowed_labels_choose_by_the_seed_alone():
    labels = dataclasses.replace(EXAMPLES[2], captions=("a", "b", "c", "d"))

    chosen = [narrowed(labels, random.Random(seed)) for seed in range(20)]

    assert chosen == [narrowed(labels, random.Random(seed)) for seed in range(20)]
    assert {each.captions for each in chosen} == {("a",), ("b",), ("c",), ("d",)}
    assert {each.grounding for each in chosen} == {"dog barking", "car horn"}


def test_an_unknown_task_names_the_closest():
    with pytest.raises(DataError, match="did you mean 'ASR'"):
        find_task("ASRR")


def test_the_page_about_tasks_is_the_one_that_the_tables_write():
    assert PAGE.read_text(encoding="utf-8") == tasks_page(), "write docs/tasks.md again"
