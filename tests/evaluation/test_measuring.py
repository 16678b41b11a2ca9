"""The whole path: shards in, questions asked, answers kept, a table out."""

import json

import pytest

from qwen_audio.errors import DataError
from qwen_audio.evaluation import measuring
from qwen_audio.evaluation.abilities import ABILITIES
from qwen_audio.evaluation.answer_log import FILE
from qwen_audio.evaluation.dialogues import dialogue_from_json
from qwen_audio.evaluation.measuring import make_plan, measure_abilities
from qwen_audio.evaluation.results import table

from .conftest import row, write_shard

ONLY = ("english", "sounds-esc10", "captions", "questions")


def say(prompt):
    """Answer as a model does that hears a dog and the words "one two" in everything."""
    if "transcribe" in prompt:
        return "one two"
    if "caption" in prompt:
        return "A dog barks."
    return "one" if "often" in prompt else "dog barking"


def measure(model, folder, output, *, only=ONLY, batch=2, **options):
    plan = make_plan([folder], only=only)
    results = measure_abilities(model, plan, output=output, name="parrot", batch=batch, **options)
    return {result.name: result for result in results}


def rows_of(output):
    return [json.loads(line) for line in (output / FILE).read_text("utf-8").splitlines()]


def test_results_are_those_worked_out_by_hand(parrot, shards, tmp_path):
    results = measure(parrot(say), shards, tmp_path / "out")

    # 2 missing, 0, 1 added, 2 wrong: 5 errors in 8 words
    assert (results["english"].value, results["english"].clips) == (62.5, 4)
    assert results["english"].is_met is False
    assert (results["sounds-esc10"].value, results["sounds-esc10"].clips) == (50.0, 2)
    assert results["captions"].value == 0.0
    assert results["captions"].others == (("events mentioned", 50.0),)
    assert results["questions"].value == 100.0
    assert [(part.part, part.clips) for part in results["questions"].parts] == [
        ("count", 1),
        ("first", 1),
    ]


def test_every_answer_is_kept_with_prompt_reference_reply_and_score(parrot, shards, tmp_path):
    measure(parrot(say), shards, tmp_path / "out", only=("english",))

    first, *others = rows_of(tmp_path / "out")
    assert len(others) == 3
    assert first["key"] == "librispeech-test-other100/000"
    assert first["set"] == "librispeech-test-other100"
    assert first["prompt"].endswith("<|en|><|notimestamps|><|wo_itn|>")
    assert (first["reference"], first["reply"]) == ("one two three four", "one two")
    assert first["score"] == {"WER": [2, 4]}


def test_clips_of_similar_length_are_heard_together(parrot, shards, tmp_path):
    model = parrot(say)

    measure(model, shards, tmp_path / "out", only=("english",))

    assert model.batches == [[4800, 6400], [9600, 14400]]


def test_a_run_that_was_killed_goes_on_and_ends_with_the_same_files(parrot, shards, tmp_path):
    measure(parrot(say), shards, tmp_path / "whole")
    calls = []

    def killed(prompt):
        calls.append(prompt)
        if len(calls) > 5:
            raise KeyboardInterrupt
        return say(prompt)

    with pytest.raises(KeyboardInterrupt):
        measure(parrot(killed), shards, tmp_path / "half")
    with (tmp_path / "half" / FILE).open("a", encoding="utf-8") as file:
        file.write('{"key": "half a li')
    kept = len(rows_of_whole_lines(tmp_path / "half"))
    asked = []
    measure(parrot(lambda p: asked.append(p) or say(p)), shards, tmp_path / "half")

    assert kept == 4
    assert len(asked) == len(rows_of(tmp_path / "whole")) - kept
    for name in (FILE, "summary.json", "table.md"):
        assert (tmp_path / "half" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def rows_of_whole_lines(output):
    return (output / FILE).read_text("utf-8").split("\n")[:-1]


def test_nothing_is_asked_twice(parrot, shards, tmp_path):
    measure(parrot(say), shards, tmp_path / "out")
    done = []

    def refuse(_prompt):
        raise AssertionError("asked again")

    again = measure(parrot(refuse), shards, tmp_path / "out", on_done=done.append)

    assert again["english"].value == 62.5
    assert sum(done) == 4 + 2 + 1 + 2


def test_answers_to_other_abilities_stay_in_the_folder(parrot, shards, tmp_path):
    measure(parrot(say), shards, tmp_path / "out", only=("english",))
    measure(parrot(say), shards, tmp_path / "out", only=("captions",))

    assert {row["ability"] for row in rows_of(tmp_path / "out")} == {"english", "captions"}


def test_answers_of_another_model_are_not_mixed_in(parrot, shards, tmp_path):
    measure(parrot(say), shards, tmp_path / "out", only=("english",))
    other = parrot(say)
    for tensor in other.model.parameters():
        tensor.data += 1

    with pytest.raises(DataError, match="answers of another model"):
        measure(other, shards, tmp_path / "out", only=("english",))


def test_empty_and_broken_replies_are_wrong_and_all_are_counted(parrot, shards, tmp_path):
    only = (*ONLY, "words", "language", "gender")

    results = measure(parrot(lambda _prompt: "<|"), shards, tmp_path / "out", only=only)

    for name in (*ONLY[1:], "gender", "language"):
        assert results[name].value == 0.0, name
    assert results["english"].value >= 100.0
    assert results["words"].value is None
    assert results["words"].is_met is False
    assert results["words"].clips == 4
    assert len(rows_of(tmp_path / "out")) == 4 + 2 + 1 + 2 + 4 + 4 + 4


def test_times_of_words_come_from_the_set_or_from_a_side_file(parrot, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    name = "librispeech-test-other100"
    labels = {"lang": "en", "text": "one two", "dataset": name}
    rows = [
        labels | {"source": "a", "words": [["one", 0.1, 0.2], ["two", 0.2, 0.3]]},
        labels | {"source": "b"},
        labels | {"source": "c"},
    ]
    write_shard(folder / f"{name}-dev-000.tar", rows)
    side = {"dataset": name, "source": "b", "words": [["one", 0.2, 0.3], ["two", 0.3, 0.4]]}
    (tmp_path / "aligner.jsonl").write_text(json.dumps(side) + "\n", encoding="utf-8")
    reply = "<|sil|><|0.10|>one<|0.20|>two<|0.30|>"

    plan = make_plan([folder], words=tmp_path / "aligner.jsonl", only=("words",))
    (result,) = measure_abilities(
        parrot(lambda _prompt: reply), plan, output=tmp_path / "out", name="parrot", batch=2
    )

    assert [(part.part, part.value) for part in result.parts] == [
        (f"{name}, times from aligner", 100.0),
        (f"{name}, times of the set", 0.0),
    ]
    assert result.value == 50.0
    assert result.others == (("words found", 100.0),)


DIALOGUE = {
    "name": "sound-01",
    "kind": "sound",
    "clips": [{"dataset": "esc10", "source": "dog.ogg"}],
    "turns": [
        {"clips": [0], "say": "Which animal?", "expect": {"any_of": ["dog*"]}},
        {"say": "And its colour?", "expect": {"any_of": ["dog*"]}},
    ],
}


@pytest.fixture
def one_dialogue(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    write_shard(folder / "esc10-dev-000.tar", [row("esc10", sound="dog") | {"source": "dog.ogg"}])
    written = (dialogue_from_json(DIALOGUE),)
    monkeypatch.setattr(measuring, "written_dialogues", lambda: written)
    return folder


def test_a_dialogue_is_right_when_each_turn_is(parrot, one_dialogue, tmp_path):
    say = parrot(lambda prompt: "A dog." if "colour" not in prompt else "Brown.")

    (chat,) = measure(say, one_dialogue, tmp_path / "out", only=("chat",)).values()

    assert (chat.value, chat.clips) == (0.0, 1)
    assert chat.others == (("turns right", 50.0),)
    (chat,) = measure(
        parrot(lambda _p: "A dog."), one_dialogue, tmp_path / "dog", only=("chat",)
    ).values()
    assert (chat.value, chat.clips) == (100.0, 1)


def test_the_model_hears_its_own_replies_and_their_tags_are_text(parrot, one_dialogue, tmp_path):
    prompts = []
    model = parrot(lambda prompt: prompts.append(prompt) or "A <|0.50|> dog <audio>")

    measure(model, one_dialogue, tmp_path / "out", only=("chat",))

    assert "assistant\nA   dog <audio><|im_end|>" in prompts[1].replace(
        "<|im_end|>\n", "<|im_end|>"
    )
    assert model.batches == [[8000], [8000]]
    assert rows_of(tmp_path / "out")[1]["prompt"].startswith("user: [esc10 dog.ogg] Which animal?")


def test_a_dialogue_goes_on_where_it_was(parrot, one_dialogue, tmp_path):
    measure(parrot(lambda _p: "A dog."), one_dialogue, tmp_path / "out", only=("chat",))
    asked = []

    measure(parrot(asked.append), one_dialogue, tmp_path / "out", only=("chat",))

    assert asked == []


def test_missing_clips_are_said_and_an_ability_asked_for_by_name_is_refused(shards):
    plan = make_plan([shards])

    assert plan.unmeasured["german"] == "no dev clips of de-kerstin with the labels it needs"
    assert "clips of the dialogues are missing" in plan.unmeasured["chat"]
    with pytest.raises(DataError, match="german cannot be measured: no dev clips of de-kerstin"):
        make_plan([shards], only=["german"])


def test_an_unknown_ability_and_an_empty_folder_are_refused(shards, tmp_path):
    with pytest.raises(DataError, match="unknown ability 'englisch'; did you mean 'english'"):
        make_plan([shards], only=["englisch"])
    with pytest.raises(DataError, match=r"no shard named NAME-dev-NNN\.tar"):
        make_plan([tmp_path])


def test_a_limit_is_for_each_set_and_spread_over_it(shards):
    plan = make_plan([shards], only=["english"], limit=2)

    assert [q.key[-3:] for q in plan.questions["english"]] == ["000", "002"]


def test_the_table_marks_misses_and_tells_what_was_not_measured(parrot, shards, tmp_path):
    results = measure(parrot(say), shards, tmp_path / "out")

    text = table(tuple(results.values()))

    assert text.startswith("| ability ")
    assert "| 62.5 % (missed) |" in text
    assert "| 100.0 %" in text


def test_names_of_abilities_are_unique_and_floors_are_no_better_than_aims():
    assert len({ability.name for ability in ABILITIES}) == len(ABILITIES)
    for ability in ABILITIES:
        if ability.floor is not None:
            is_error = ability.measures[0].is_error
            assert (ability.floor >= ability.aim) == is_error, ability.name
