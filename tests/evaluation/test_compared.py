"""A Whisper beside the model: what it is asked, and how its answers are read."""

import json
from pathlib import Path

import numpy as np
import pytest

from qwen_audio.audio.sources import Clip
from qwen_audio.data.manifest import AudioReference
from qwen_audio.errors import DataError
from qwen_audio.evaluation import compared, measuring
from qwen_audio.evaluation.compared import Whisper, can_be_asked, open_whisper
from qwen_audio.evaluation.measuring import make_plan, measure_abilities
from qwen_audio.evaluation.records import Question
from qwen_audio.evaluation.results import table
from qwen_audio.evaluation.scoring import milliseconds_off, word_errors
from qwen_audio.text.timestamps import Word


class Told(Whisper):
    """A Whisper without a network."""

    weights = "none"

    def __init__(self):
        object.__setattr__(self, "name", "whisper-tiny")
        object.__setattr__(self, "listener", None)


class Deaf(Told):
    """Writes the same of every clip, and notes what it is asked."""

    def __init__(self):
        super().__init__()
        object.__setattr__(self, "asked", [])

    def reply(self, group):
        self.asked.extend((question.ability, question.key) for question in group)
        return ["one two" if question.task == "ASR" else "<|en|>" for question in group]


@pytest.fixture
def deaf(monkeypatch):
    whisper = Deaf()
    monkeypatch.setattr(measuring, "open_whisper", lambda _folder: whisper)
    return whisper


def test_a_whisper_stands_beside_the_model_where_speech_is_asked_about(
    parrot, shards, tmp_path, deaf
):
    only = ("english", "language", "sounds-esc10")
    plan = make_plan([shards], only=only, peers=[tmp_path])

    results = measure_abilities(
        parrot(lambda _prompt: "four"), plan, output=tmp_path / "out", name="parrot", batch=2
    )

    english, language, sounds = results
    assert [(peer.part, peer.value, peer.clips) for peer in english.peers] == [
        ("whisper-tiny", 62.5, 4)
    ]
    assert [peer.value for peer in language.peers] == [100.0]
    assert sounds.peers == ()
    assert len(deaf.asked) == 8 == plan.num_answers - 10
    assert "| beside it: whisper-tiny " in table(results)
    whole = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    assert whole["abilities"][0]["peers"][0]["value"] == 62.5
    assert (tmp_path / "out" / "whisper-tiny" / "answers.jsonl").is_file()


def test_a_whisper_is_not_asked_twice(parrot, shards, tmp_path, deaf):
    plan = make_plan([shards], only=("english",), peers=[tmp_path])
    for _ in range(2):
        measure_abilities(
            parrot(lambda _p: "one"), plan, output=tmp_path / "out", name="parrot", batch=2
        )

    assert len(deaf.asked) == 4


def question(task, *, part="", language="en"):
    return Question(
        ability="a",
        key="k",
        dataset="d",
        part=part,
        task=task,
        audio=AudioReference(path=Path("unread.wav")),
        duration_s=1.0,
        tags="",
        reference="",
        language=language,
    )


def test_only_times_of_the_set_itself_are_asked_of_a_whisper():
    assert can_be_asked(question("SRWT-en", part="piper, times of the set"))
    assert not can_be_asked(question("SRWT-en", part="librispeech, times from whisper"))
    assert not can_be_asked(question("SGC"))


@pytest.fixture
def told(monkeypatch):
    """Give a Whisper that writes "Hello, You." in English and else the language's name."""
    silence = Clip(np.zeros(1600, dtype=np.float32))
    monkeypatch.setattr(AudioReference, "load", lambda _self: silence)
    monkeypatch.setattr(
        compared,
        "transcribe",
        lambda _l, clips, *, language: tuple(
            "Hello, You." if language == "en" else language for _ in clips
        ),
    )
    words = (Word("Hello,", 0.1, 0.4), Word("You.", 0.5, 0.8))
    monkeypatch.setattr(compared, "time_words", lambda _l, clips, *_, **__: (words,) * len(clips))
    return Told()


def test_each_clip_is_written_in_its_own_language(told):
    group = [question("ASR", language=language) for language in ("de", "en", "de")]

    assert told.reply(group) == ["de", "Hello, You.", "de"]
    assert word_errors("hello you", told.reply(group)[1], "en").part == 0


def test_words_come_with_stamps_that_are_scored_as_a_model_s_are(told):
    (reply,) = told.reply([question("SRWT-en", part="times of the set")])

    assert reply == "<|0.00|><|sil|><|0.10|>hello<|0.40|><|sil|><|0.50|>you<|0.80|>"
    right = "<|0.00|><|sil|><|0.20|>hello<|0.40|><|sil|><|0.50|>you<|0.80|>"
    assert milliseconds_off(right, reply, "en") == pytest.approx((100, 4))


def test_a_folder_without_a_whisper_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"holds no Whisper of transformers"):
        open_whisper(tmp_path)
