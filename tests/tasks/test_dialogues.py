"""Claims about dialogues: same seed, same talk; answers are true; missing clips are missed."""

import random
from collections import Counter

import numpy as np
import pytest

from qwen_audio.audio.sources import Clip
from qwen_audio.errors import DataError
from qwen_audio.tasks import dialogue_wordings as wordings
from qwen_audio.tasks.comparisons import comparison_turns
from qwen_audio.tasks.dialogues import Heard, build_dialogue
from qwen_audio.tasks.documentation import EXAMPLES
from qwen_audio.tasks.labels import Event, Labels, Word
from qwen_audio.tasks.registry import TASKS
from qwen_audio.tasks.small_talk import PAIRS, text_pair
from qwen_audio.tasks.turns import turns_about

SPEECH = Labels(language="de", text="Guten Tag.", gender="female", emotion="happy")
DOG = Labels(sound=("dog barking",))
NOTE = Labels(instrument=("flute",), pitch=72)


@pytest.fixture(scope="module")
def clip():
    return Clip(np.zeros(16_000, dtype=np.float32), None)


def dialogues(labels, clip, number=60):
    heard = [Heard(clip, each) for each in labels]
    return [build_dialogue(heard, random.Random(seed)) for seed in range(number)]


def answers_to(turns, topic):
    return [turn.answer for turn in turns if turn.topic == topic]


@pytest.mark.parametrize("labels", [(), (SPEECH,), (SPEECH, DOG), (NOTE, DOG, SPEECH)])
def test_user_and_assistant_take_turns(labels, clip):
    for messages in dialogues(labels, clip):
        assert messages
        assert [each.role for each in messages] == ["user", "assistant"] * (len(messages) // 2)
        assert sum(len(each.clips) for each in messages) == len(labels)


def test_the_same_seed_gives_the_same_dialogue(clip):
    assert dialogues((SPEECH, DOG), clip, 20) == dialogues((SPEECH, DOG), clip, 20)


def test_no_template_stays_unfilled(clip):
    for labels in (*EXAMPLES, SPEECH, DOG, NOTE):
        for messages in dialogues((labels, DOG), clip, 12):
            assert not any("{" in each.text or "None" in each.text for each in messages)


def test_only_our_answers_are_trusted(clip):
    for messages in dialogues((EXAMPLES[0],), clip, 50):
        for message in messages:
            trusted = [part.is_trusted for part in message.parts if hasattr(part, "text")]
            assert all(each == (message.role == "assistant") for each in trusted)


def test_the_frequent_questions_have_ten_wordings():
    for name in ("ASR", "LID", "SGC", "ER", "SEC", "AAC", "MIC", "MNA"):
        assert len(set(TASKS[name].prompts)) >= 10, name


def test_a_transcript_is_exact():
    for seed in range(50):
        turns = turns_about(SPEECH, random.Random(seed))

        assert all("Guten Tag." in answer for answer in answers_to(turns, "ASR"))


def test_what_is_not_there_is_denied():
    for seed in range(50):
        turns = turns_about(DOG, random.Random(seed))

        assert all(answer.startswith("No") for answer in answers_to(turns, "speech?"))
        assert all("dog barking" in answer for answer in answers_to(turns, "nobody"))
        assert all(answer.startswith("No") for answer in answers_to(turns, "sound? no"))


def test_nothing_is_denied_where_the_labels_do_not_know():
    topics = {
        turn.topic for turn in turns_about(Labels(sound=("cafe ambience",)), random.Random(1))
    }

    assert not topics & {"speech?", "nobody", "sound? no", "no music"}


def test_order_and_count_come_from_the_events():
    events = (
        Event("dog barking", 0.5, 1.0),
        Event("car horn", 2.0, 2.5),
        Event("dog barking", 4.0, 4.6),
    )
    turns = turns_about(Labels(events=events), random.Random(3))

    assert all("dog barking" in answer.lower() for answer in answers_to(turns, "first"))
    assert all("dog barking" in answer.lower() for answer in answers_to(turns, "last"))
    (count,) = answers_to(turns, "count")
    assert "twice" in count.lower() or "once" in count.lower()


def test_events_that_begin_together_have_no_order():
    events = (Event("rain", 0.5, 3.0), Event("wind", 0.6, 3.0))

    topics = {turn.topic for turn in turns_about(Labels(events=events), random.Random(3))}

    assert not topics & {"first", "last", "order"}


def test_the_time_of_a_word_is_said_in_stamps():
    words = (Word("good", 0.1, 0.4), Word("day", 0.5, 0.9))
    labels = Labels(language="en", text="good day", words=words)

    (answer,) = answers_to(turns_about(labels, random.Random(1)), "word time")

    assert answer in (
        'The word "good" starts at <|0.10|> seconds and ends at <|0.40|> seconds.',
        'The word "day" starts at <|0.50|> seconds and ends at <|0.90|> seconds.',
    )


def test_two_speakers_are_compared():
    man = Labels(language="en", gender="male", emotion="angry")

    turns = {turn.topic: turn for turn in comparison_turns((SPEECH, man), random.Random(0))}

    assert (
        turns["same gender"].answer == "No, the first speaker is a woman and the second is a man."
    )
    assert turns["same language"].answer.startswith("No, the first is in German")
    assert "happy" in turns["same mood"].answer


def test_the_higher_note_is_named():
    turns = comparison_turns((NOTE, Labels(pitch=60)), random.Random(0))

    (answer,) = answers_to(turns, "higher note")
    assert answer == "The first note is higher. The notes are C5 and C4."


def test_the_second_clip_is_asked_about(clip):
    asked = [each.text for talk in dialogues((SPEECH, DOG), clip) for each in talk[::2]]

    for reference in ("the second one", "Audio 2", "the first clip"):
        assert any(reference.lower() in text.lower() for text in asked), reference


def test_audio_that_was_not_given_is_asked_for(clip):
    replies = Counter(talk[1].text for talk in dialogues((), clip, 400))

    in_vain = [text for text in wordings.NO_AUDIO_ANSWERS if replies[text]]
    assert len(in_vain) == len(wordings.NO_AUDIO_ANSWERS)


def test_a_missing_second_clip_is_missed(clip):
    replies = [talk[-1].text for talk in dialogues((DOG,), clip, 400)]

    assert any("only one clip" in text for text in replies)


def test_questions_in_another_language_are_answered_in_it():
    answers = set()
    for seed in range(200):
        for turn in turns_about(SPEECH, random.Random(seed)):
            if turn.topic.endswith("in de"):
                answers.add(turn.answer)

    assert "Das ist Deutsch." in answers
    assert "Das ist eine Frau." in answers


def test_there_is_plenty_of_small_talk():
    assert len({question for question, _ in PAIRS}) >= 150
    assert len({text_pair(random.Random(seed)) for seed in range(2000)}) > 400


def test_a_clip_without_labels_has_no_dialogue(clip):
    with pytest.raises(DataError, match="no label that a question could be about"):
        build_dialogue([Heard(clip, Labels())], random.Random(0))
    with pytest.raises(DataError, match="up to three clips, got 4"):
        build_dialogue([Heard(clip, DOG)] * 4, random.Random(0))


def test_every_clip_can_be_described():
    for labels, said in ((SPEECH, "Guten Tag."), (DOG, "dog barking"), (NOTE, "the note C5")):
        (answer,) = answers_to(turns_about(labels, random.Random(0)), "describe")

        assert said in answer
