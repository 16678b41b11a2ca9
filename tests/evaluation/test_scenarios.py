"""Scenarios: the packaged suite is whole; a reply is judged by its shape and its answer."""

import json

import numpy as np
import pytest
import soundfile

import qwen_audio
from qwen_audio.audio.sound import Sound
from qwen_audio.cli.main import main
from qwen_audio.errors import AudioError, DataError
from qwen_audio.evaluation.scenarios import report
from qwen_audio.evaluation.scenarios.holding import hold_suite
from qwen_audio.evaluation.scenarios.records import packaged_suite, suite_from_toml
from qwen_audio.evaluation.scenarios.shapes import Shape, shape_from_table
from qwen_audio.evaluation.scenarios.sounds import ORIGINAL, SPOKEN, STAND_IN, find_sounds
from qwen_audio.inference.answers import Reply, Transcript
from qwen_audio.text.timestamps import Word

SUITE = """
[[clips]]
name = "talk"
original = "their-talk"
what = "a person talks"
says = "hello there"
stand_in = "sentence.mp3"

[[scenarios]]
name = "greeting"
source = "tutorial"

[[scenarios.turns]]
say = "what is said?"
clips = ["talk"]
shape = { language = "en", words = 3 }
full = { any_of = ["hello"] }

[[scenarios.turns]]
say = "when is it?"
shape = { time = true }
full = { time = { start_s = 1, end_s = 2, within_s = 0.1 } }

[[scenarios.turns]]
edit = "cut out the word 'there'"
full = { all_of = ["remove"] }
"""


class Parrot:
    """Answers by rule, and hears "hello there" in every clip."""

    max_seconds = 30.0

    def __init__(self, answers=None):
        self.answers = {"what is said?": "The person says hello there."} | (answers or {})
        self.heard = []

    def reply_to(self, messages, *, settings):  # noqa: ARG002
        self.heard = [clip for message in messages for clip in message.clips]
        answer = self.answers.get(messages[-1].text, "It starts at 1.0 and ends at 2.0 s.")
        if isinstance(answer, Exception):
            raise answer
        return Reply(text=answer)

    def transcribe(self, _clip, *, language, words):
        said = (Word("hello", 0.1, 0.4), Word("there", 0.4, 0.8)) if words else ()
        return Transcript(text="hello there", language=language or "en", words=said)


def speak(_text):
    return Sound(np.full((16_000, 1), 0.1, np.float32), 16_000)


def held(model=None, *, folders=(), voice=speak):
    suite = suite_from_toml(SUITE)
    sounds = find_sounds(suite.clips.values(), folders, speak=voice)
    return hold_suite(model or Parrot(), suite, sounds, speak=voice)


def test_the_packaged_scenarios_have_clips_checks_and_both_sources():
    suite = packaged_suite()
    turns = [turn for scenario in suite.scenarios for turn in scenario.turns]

    assert {scenario.source for scenario in suite.scenarios} == {"tutorial", "demo page"}
    assert len({scenario.name for scenario in suite.scenarios}) == len(suite.scenarios)
    assert {name for turn in turns for name in turn.clips} == set(suite.clips)
    assert sum(turn.full is not None for turn in turns) > 25
    assert all(heard.kind == STAND_IN for heard in find_sounds(suite.clips.values()).values())


def test_what_the_tutorial_shows_is_right():
    suite = packaged_suite()
    turns = {turn.say: turn for scenario in suite.scenarios for turn in scenario.turns}
    phrase = turns['Find the start time and end time of the word "middle classes"']
    sentence = turns["what is that sound?"]

    told = 'The word "middle classes" starts at <|2.33|> seconds and ends at <|3.26|> seconds.'
    said = (
        'The sound is of a man speaking, in a English, saying, "mister quilter is the apostle of '
        'the middle classes and we are glad to welcome his gospel".'
    )
    assert phrase.full.passes(told)
    assert phrase.shape.faults(told) == ()
    assert sentence.full.passes(said)
    assert sentence.shape.faults(said) == ()
    assert not phrase.full.passes(told.replace("2.33", "0.33"))


@pytest.mark.parametrize(
    ("shape", "reply", "fault"),
    [
        ({}, " <|0.00|> ", "empty"),
        ({"words": 4}, "only three words", "fewer than 4 words"),
        ({}, "la la la la", "a loop"),
        ({"language": "en"}, "Das ist ein Mann, der spricht.", "not in en"),
        ({"language": "zh"}, "It is English.", "not in zh"),
        ({"language": "de"}, "这是英语。", "not in de"),
        ({"time": True}, "somewhere", "no time"),
        ({"time": True}, "from 12 to 12 seconds", "no time"),
        ({"mentions": [["cat", "dog"]]}, "a bird", "does not mention cat or dog"),
    ],
)
def test_a_reply_of_another_shape_is_told_by_its_fault(shape, reply, fault):
    assert shape_from_table(shape).faults(reply) == (fault,)


def test_a_reply_of_the_right_shape_has_no_fault():
    shape = Shape(language="en", words=3, has_time=True, mentions=(("dog",),))

    assert shape.faults("The dog barks from <|1.00|> to <|2.00|>.") == ()
    assert Shape(language="en").faults('The person says: "Guten Morgen, wie geht es dir?"') == ()


def test_answers_are_checked_only_where_they_can_be_known(tmp_path):
    soundfile.write(tmp_path / "their-talk.wav", np.full(16_000, 0.1), 16_000)

    given = held(folders=[tmp_path])
    spoken = held()
    replaced = held(voice=None)

    assert [result.is_full for result in given] == [True, True, True]
    assert [result.is_full for result in spoken] == [True, None, True]  # times are the clip's own
    assert [result.is_full for result in replaced] == [None, None, None]
    assert all(result.has_shape for result in given + spoken + replaced)
    kinds = [results[0].heard for results in (given, spoken, replaced)]
    assert kinds == [(f"{kind}: talk",) for kind in (ORIGINAL, SPOKEN, STAND_IN)]
    assert given[2].reply == "edited: remove 0.40 to 0.80 s; 0.60 s"


def test_a_turn_that_fails_is_a_fault_and_the_next_is_held():
    first, second, _ = held(Parrot({"what is said?": AudioError("too quiet; speak up")}))

    assert first.faults == ("error: too quiet; speak up",)
    assert first.is_full is False
    assert second.has_shape


def test_a_report_counts_turns_and_shows_every_reply(tmp_path):
    results = held(Parrot({"what is said?": "<b> nothing | at all"}))

    report.write_results(tmp_path, results, model="parrot")

    record = json.loads((tmp_path / report.JSON_FILE).read_text(encoding="utf-8"))
    page = (tmp_path / report.MARKDOWN_FILE).read_text(encoding="utf-8")
    assert (record["turns"], record["shaped"], record["checked"], record["right"]) == (3, 3, 2, 1)
    assert record["results"][0]["is_full"] is False
    assert "| greeting | tutorial | 3     | 3 of 3 | 1 of 2  |" in page
    assert "&lt;b> nothing \\| at all" in page


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("words = 3", "word = 3", "unknown shape 'word'; did you mean 'words'"),
        ('clips = ["talk"]', 'clips = ["walk"]', "unknown clip 'walk'; did you mean 'talk'"),
        ('language = "en"', 'language = "xx"', "unknown language 'xx'"),
        ('say = "when is it?"', "", "cannot be read"),
        ("[[clips]]", "[[clips", "cannot be read"),
    ],
)
def test_a_wrong_suite_is_refused(old, new, message):
    with pytest.raises(DataError, match=message):
        suite_from_toml(SUITE.replace(old, new))


def test_the_command_prints_a_table_and_keeps_the_replies(tmp_path, monkeypatch, capsys):
    named = []
    monkeypatch.setattr(qwen_audio, "load", lambda name, **_: named.append(name) or Parrot())
    monkeypatch.setattr("qwen_audio.cli.scenarios._voice", lambda: None)
    chosen = ["--only", "glass,piano", "--output", str(tmp_path)]

    code = main(["scenarios", "default", *chosen])

    assert code == 0
    assert named == [None]
    assert "| all " in capsys.readouterr().out
    assert (tmp_path / report.JSON_FILE).is_file()
    assert main(["scenarios", "--only", "glas"]) == 1
    assert "did you mean 'glass'" in capsys.readouterr().err
    assert main(["scenarios", "--list"]) == 0
    assert "two-moods" in capsys.readouterr().out
