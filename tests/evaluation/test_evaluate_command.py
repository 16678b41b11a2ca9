"""`qwen-audio evaluate` and `qwen-audio report`: what they print, and where."""

import json

import pytest

import qwen_audio
from qwen_audio.cli.main import main

from .benchmarking import write_corpora


@pytest.fixture
def corpora(tmp_path, _small):
    return write_corpora(tmp_path / "corpora")


@pytest.fixture
def model(monkeypatch, parrot):
    model = parrot(lambda prompt: "one two" if "transcribe" in prompt else "dog")
    monkeypatch.setitem(vars(qwen_audio), "load", lambda _name, **_options: model)
    return model


@pytest.mark.usefixtures("model")
def test_results_go_to_stdout_and_a_report_follows(corpora, tmp_path, capsys):
    asked = ["--on", "librispeech-test-clean,esc50", "--data", str(corpora), "--limit", "3"]
    asked += ["--output", str(tmp_path / "runs")]

    code = main(["evaluate", "somewhere", *asked])

    printed = capsys.readouterr()
    (folder,) = (tmp_path / "runs").iterdir()
    assert code == 0
    assert "ESC-50" in printed.out
    assert "6 of 6 answers" in printed.err
    assert json.loads((folder / "run.json").read_text("utf-8"))["name"] == "somewhere"

    assert main(["report", str(folder), "--output", str(tmp_path / "report")]) == 0
    assert str(tmp_path / "report" / "report.html") in capsys.readouterr().out
    assert "3 of 4 samples of esc50" in (tmp_path / "report" / "report.md").read_text("utf-8")


@pytest.mark.usefixtures("model")
def test_processes_of_a_launcher_share_the_work(corpora, tmp_path, capsys, monkeypatch):
    asked = ["--on", "esc50", "--data", str(corpora), "--batch", "1", "--output", str(tmp_path)]
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in "01":
        monkeypatch.setenv("RANK", rank)
        assert main(["evaluate", "somewhere", *asked]) == 0

    assert capsys.readouterr().out.count("accuracy, any wording") == 1


def test_the_benchmarks_are_listed(capsys):
    assert main(["evaluate", "--list"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("clotho ") and "cider" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give a model or --peer"),
        (["m", "--on", "esc5", "--data", "."], "did you mean 'esc50'"),
        (["m", "--on", "esc50", "--data", ".", "--prompt", "tag"], "--prompt is tags or natural"),
        (["--peer", "whisper", "--on", "esc50", "--data", "."], "says no place"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(arguments, said, capsys):
    assert main(["evaluate", *arguments]) == 1

    assert said in capsys.readouterr().err


def test_a_folder_without_a_run_has_no_report(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 1

    assert "holds no run" in capsys.readouterr().err
