"""The written dialogues: they can be read, are sixty, and are not what training says."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from qwen_audio.data.manifest import AudioReference, Record
from qwen_audio.errors import DataError
from qwen_audio.evaluation.clips import DevClip, find_dev_clips
from qwen_audio.evaluation.dialogues import dialogue_from_json, find_clips, written_dialogues
from qwen_audio.tasks import dialogue_wordings
from qwen_audio.tasks.labels import Event, Labels
from qwen_audio.tasks.registry import TASKS
from qwen_audio.tasks.small_talk import PAIRS


def test_there_are_sixty_of_many_kinds_with_unique_names():
    dialogues = written_dialogues()

    assert len({dialogue.name for dialogue in dialogues}) == len(dialogues) == 60
    assert len(Counter(dialogue.kind for dialogue in dialogues)) >= 10
    assert sum(len(dialogue.turns) > 1 for dialogue in dialogues) >= 20


def test_no_question_is_one_that_training_asks():
    asked = {prompt for task in TASKS.values() for prompt in task.prompts}
    asked |= {question for question, _ in PAIRS}
    for value in vars(dialogue_wordings).values():
        if isinstance(value, tuple):
            asked |= {text for text in value if isinstance(text, str)}
    trained = {_plain(text) for text in asked}

    said = [_plain(turn.say) for dialogue in written_dialogues() for turn in dialogue.turns]

    assert not [text for text in said if text in trained]
    assert len(set(said)) >= len(said) - 2


def _plain(text: str) -> str:
    return re.sub(r"[^\w]+", " ", text.lower()).strip()


def test_every_clip_of_a_dialogue_is_given_to_the_model():
    for dialogue in written_dialogues():
        given = {place for turn in dialogue.turns for place in turn.clips}
        assert given == set(range(len(dialogue.clips))), dialogue.name


def test_a_turn_with_a_clip_that_is_not_listed_is_refused():
    turn = {"say": "What?", "clips": [1], "expect": {"any_of": ["x"]}}

    with pytest.raises(DataError, match="clip 1 of 1; they count from 0"):
        dialogue_from_json(
            {"name": "a", "kind": "b", "clips": [{"dataset": "d", "source": "s"}], "turns": [turn]}
        )


def test_a_missing_key_is_named():
    with pytest.raises(DataError, match="KeyError\\('turns'\\)"):
        dialogue_from_json({"name": "a", "kind": "b"})


def test_missing_clips_are_counted_and_one_is_named():
    with pytest.raises(DataError, match=r"\d+ clips of the dialogues are missing, such as '.+' of"):
        find_clips(written_dialogues(), ())


def test_right_replies_pass_every_turn():
    replies = json.loads(Path(__file__).with_name("right_replies.json").read_text("utf-8"))

    failed = [
        (turn.say, reply)
        for dialogue in written_dialogues()
        for turn, reply in zip(dialogue.turns, replies[dialogue.name], strict=True)
        if not turn.check.passes(reply)
    ]

    assert failed == []


@pytest.mark.parametrize(
    ("name", "turn", "reply"),
    [
        ("speech-02", 1, "She does, in the last words."),
        ("speech-05", 1, "At about 1.8 seconds."),
        ("language-01", 0, "Korean, not Chinese."),
        ("voice-03", 0, "A child rather than an adult."),
        ("emotion-01", 0, "He sounds quite annoyed."),
        ("sound-02", 1, "I only hear the saw."),
        ("music-01", 1, "A B in octave 5."),
        ("two clips-01", 0, "The first is a dog, the second a helicopter."),
        ("two clips-04", 2, "The first speaker is a man, the second one is the woman."),
        ("no audio-01", 0, "I'm sorry, I can't listen to a message that is not there."),
        ("no audio-02", 0, "I do not see a file."),
        ("no audio-03", 1, "I did not get a second recording."),
    ],
)
def test_right_replies_in_other_words_pass(name, turn, reply):
    (dialogue,) = (d for d in written_dialogues() if d.name == name)

    assert dialogue.turns[turn].check.passes(reply)


@pytest.mark.parametrize(
    ("name", "turn", "reply"),
    [
        ("speech-02", 1, "No, she does not mention them."),
        ("voice-01", 0, "A man or a woman."),
        ("two clips-01", 0, "A helicopter."),
        ("two clips-01", 1, "A dog barking."),
        ("two clips-04", 2, "The first one."),
        ("no audio-01", 0, "It is a man."),
        ("no audio-03", 1, "It is a chainsaw as well."),
    ],
)
def test_wrong_replies_fail(name, turn, reply):
    (dialogue,) = (d for d in written_dialogues() if d.name == name)

    assert not dialogue.turns[turn].check.passes(reply)


def test_what_a_chat_must_manage_is_asked_more_than_once():
    dialogues = written_dialogues()
    said = [turn.say.lower() for dialogue in dialogues for turn in dialogue.turns[1:]]
    kinds = Counter(dialogue.kind for dialogue in dialogues)

    assert sum(len(dialogue.clips) > 1 for dialogue in dialogues) >= 9
    assert sum("the second one" in text for text in said) >= 6
    assert min(kinds["text only"], kinds["no audio"]) >= 3


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I don't know.",
        "Yes.",
        "A man speaks English.",
        "There is no audio. Please send a clip.",
        "I hear a dog barking, a siren, rain and a helicopter.",
    ],
)
def test_one_reply_for_all_gets_hardly_any_dialogue_right(reply):
    right = [
        dialogue.name
        for dialogue in written_dialogues()
        if all(turn.check.passes(reply) for turn in dialogue.turns)
    ]

    assert len(right) <= 4, right


def test_every_recorded_clip_is_in_the_shared_dev_shards():
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data are not beside this checkout")
    known = {(c.record.dataset, c.record.source) for c in find_dev_clips([folder])}

    named = {clip for dialogue in written_dialogues() for clip in dialogue.clips}

    composed = {clip for clip in named if clip.dataset == "scenes"}
    assert {(clip.dataset, clip.source) for clip in named - composed} <= known
    assert all(clip.events for clip in composed)


def test_a_clip_with_other_events_than_the_dialogue_knows_is_refused():
    audio = AudioReference(path=Path("x.tar"))
    labels = Labels(events=(Event("rain", 0.0, 1.0),))
    record = Record(
        key="0", audio=audio, duration_s=1.0, labels=labels, dataset="scenes", source="s"
    )
    name = {"dataset": "scenes", "source": "s", "events": ["siren"]}
    turn = {"say": "What?", "clips": [0], "expect": {"any_of": ["siren"]}}
    dialogue = dialogue_from_json({"name": "a", "kind": "b", "clips": [name], "turns": [turn]})

    with pytest.raises(DataError, match=r"has the events \('rain',\), but the dialogues were"):
        find_clips([dialogue], [DevClip(record=record)])
