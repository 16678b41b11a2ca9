"""`qwen-audio finetune`: what the options become."""

import json

import pytest

from qwen_audio.training.finetuning import run as finetuning


@pytest.fixture
def started(monkeypatch):
    """Take the place of the training; keep what it was given."""
    calls = []

    def fake(recipe, output, **options):
        calls.append((recipe, options))
        return finetuning.Finetuned(output=output, step=3, steps=9, loss=1.25, left_out=())

    monkeypatch.setattr(finetuning, "finetune", fake)
    return calls


def test_options_go_before_the_recipe(run, started, tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('model = "a"\nrank = 4\nrate = 1e-3\n')

    result = run(
        *("finetune", "--recipe", str(path), "--data", "x.jsonl", "--data", "y.txt"),
        *("--model", "b", "--output", str(tmp_path / "out"), "--set", "rate=2e-4", "--merge"),
    )

    ((recipe, options),) = started
    assert (recipe.data, recipe.model, recipe.rank, recipe.rate) == (
        ("x.jsonl", "y.txt"),
        "b",
        4,
        2e-4,
    )
    assert options == {"resume": True, "merge": True}
    assert result.out == "stopped at step 3 of 9; the same command goes on\n"


def test_the_result_is_one_json_object(run, started, tmp_path):
    result = run("finetune", "--data", "x.jsonl", "--output", str(tmp_path), "--json")

    assert json.loads(result.out)["loss"] == 1.25
    assert len(started) == 1


def test_an_unknown_key_names_the_closest(run, started, tmp_path):
    result = run(
        *("finetune", "--data", "x.jsonl", "--output", str(tmp_path), "--set", "epoch=2"),
    )

    assert (result.code, started) == (1, [])
    assert "did you mean 'epochs'" in result.err
