"""`qwen-audio abilities`: what it prints, and where."""

import json

import pytest

import qwen_audio
from qwen_audio.cli.main import main


@pytest.fixture
def model(monkeypatch, parrot):
    model = parrot(lambda prompt: "one two" if "transcribe" in prompt else "dog barking")
    monkeypatch.setitem(vars(qwen_audio), "load", lambda _name, **_options: model)
    return model


@pytest.mark.usefixtures("model")
def test_the_table_goes_to_stdout_and_progress_to_stderr(shards, tmp_path, capsys):
    output = tmp_path / "out"
    arguments = ["--data", str(shards), "--only", "english,sounds-esc10", "--output", str(output)]

    code = main(["abilities", "somewhere", *arguments])

    printed = capsys.readouterr()
    assert code == 0
    assert printed.out.startswith("| ability ")
    assert "| 62.5 % (missed) | 4 " in printed.out
    assert "· rain" not in printed.out
    assert "6 of 6 answers" in printed.err
    assert json.loads((output / "summary.json").read_text("utf-8"))["model"] == "somewhere"
    assert "· rain" in (output / "table.md").read_text("utf-8")


@pytest.mark.usefixtures("model")
def test_json_is_one_line_an_ability(shards, tmp_path, capsys):
    only = ["--only", "english", "--only", "captions"]

    main(["abilities", "--data", str(shards), *only, "--output", str(tmp_path / "o"), "--json"])

    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["name"], row["value"], row["clips"]) for row in rows] == [
        ("english", 62.5, 4),
        ("captions", 0.0, 1),
    ]


@pytest.mark.usefixtures("model")
def test_without_a_folder_the_answers_lie_beside_those_of_other_weights(
    shards, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    main(["abilities", "--data", str(shards), "--only", "english", "--limit", "1"])

    (folder,) = (tmp_path / "runs").glob("abilities-*")
    assert str(folder.relative_to(tmp_path)) in capsys.readouterr().err


@pytest.mark.usefixtures("model")
def test_an_unknown_ability_is_one_line(shards, capsys):
    code = main(["abilities", "--data", str(shards), "--only", "french"])

    assert code == 1
    assert "qwen-audio abilities: unknown ability 'french'" in capsys.readouterr().err
