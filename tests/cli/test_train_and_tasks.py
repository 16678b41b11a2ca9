"""`qwen-audio train` and `qwen-audio tasks`."""

import json

import pytest

from qwen_audio.tasks.registry import TASKS
from qwen_audio.training import run as training_run
from qwen_audio.training.checkpoint import Progress


def test_tasks_are_listed_by_group(run):
    out = run("tasks").out

    assert [line for line in out.splitlines() if not line.startswith(" ")] == [
        "speech:",
        "sound:",
        "music:",
    ]
    assert all(f"  {name} " in out for name in TASKS)


def test_every_task_is_one_json_line(run):
    lines = run("tasks", "--json", "--group", "sound").out.splitlines()

    rows = [json.loads(line) for line in lines]
    assert [row["name"] for row in rows] == [n for n, t in TASKS.items() if t.group == "sound"]
    assert all(row["tags"] and row["target"] and row["metrics"] for row in rows)


def test_an_unknown_group_names_the_closest(run):
    result = run("tasks", "--group", "sounds")

    assert result.code == 1
    assert "did you mean 'sound'" in result.err


@pytest.fixture
def started(monkeypatch):
    """Take the place of the training; keep what it was given."""
    calls = []

    def fake(recipe, output, **options):
        calls.append((recipe, output, options))
        return Progress(step=recipe.steps, audio_hours=1.5)

    monkeypatch.setattr(training_run, "run", fake)
    return calls


def test_keys_of_a_recipe_change_from_the_command_line(run, started, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('stage = "align"\nmodel = "mini"\nsteps = 10\n')

    result = run(
        *("train", str(recipe), "--output", str(tmp_path / "run"), "--resume", "never"),
        *("--set", "steps=7", "--set", "batch.seconds=30", "--set", "model=runs/base"),
    )

    (made, output, options), *_ = started
    assert (made.steps, made.batch.seconds, made.model) == (7, 30.0, "runs/base")
    assert (output, options["resume"]) == (tmp_path / "run", False)
    assert result.out == f"step 7, 1.5 h heard: {tmp_path / 'run'}\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [("batch.second=3", "did you mean 'batch.seconds'"), ("steps", "takes KEY=VALUE")],
)
def test_a_wrong_change_is_one_line(run, started, tmp_path, change, said):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('stage = "align"\nmodel = "mini"\nsteps = 10\n')

    result = run("train", str(recipe), "--output", str(tmp_path / "run"), "--set", change)

    assert (result.code, started) == (1, [])
    assert said in result.err


def test_a_missing_recipe_says_where_the_shipped_ones_are(run, tmp_path):
    result = run("train", str(tmp_path / "no.toml"), "--output", str(tmp_path / "run"))

    assert result.code == 1
    assert "the shipped ones are in recipes/" in result.err
