"""Recipes: what is refused and in which words, and that a resolved one is the same recipe."""

from pathlib import Path

import pytest

from qwen_audio.errors import DataError, RecipeError
from qwen_audio.training.finetuning.recipe import FinetuneRecipe
from qwen_audio.training.recipe import (
    load_recipe,
    parse_change,
    read_toml,
    recipe_from,
    record_from,
    resolved,
)
from qwen_audio.training.session import expand

RECIPES = Path(__file__).parents[2] / "recipes"
LEAST = {"stage": "align", "model": "m", "steps": 10}


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_recipe_is_one(path, tmp_path):
    if path.stem.startswith("finetune"):
        made = record_from(FinetuneRecipe, read_toml(path) | {"data": ["my.jsonl"]})
        assert made.data == ("my.jsonl",)
        return
    made = load_recipe(path)

    (tmp_path / "again.toml").write_text(resolved(made), encoding="utf-8")

    assert load_recipe(tmp_path / "again.toml") == made


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ddp", "MULTI_GPU"),
        ("fsdp2", "FSDP"),
        ("deepspeed_zero2", "DEEPSPEED"),
        ("deepspeed_zero3", "DEEPSPEED"),
    ],
)
def test_accelerate_reads_every_shipped_launcher_s_file(name, kind):
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(RECIPES / "accelerate" / f"{name}.yaml"))

    assert config.distributed_type == kind
    assert config.num_processes == 8
    stages = {"deepspeed_zero2": 2, "deepspeed_zero3": 3}
    assert config.deepspeed_config.get("zero_stage") == stages.get(name)


def test_the_paper_s_numbers_stand_in_the_7b_recipes():
    first, second = (load_recipe(RECIPES / f"{name}_7b.toml") for name in ("pretrain", "chat"))

    assert first.steps == 500_000
    assert first.batch.accumulate * first.batch.max_rows == 120
    assert (first.learn.encoder.rate, first.learn.encoder.layer_decay) == (5e-5, 0.95)
    assert first.learn.llm.rate == 0
    assert first.learn.rows.rate > 0
    augment = first.augment
    assert (augment.time_warp, augment.mask_bins, augment.mask_frames) == (80, 27, 100)
    assert (second.steps, second.batch.accumulate * second.batch.max_rows) == (8_000, 128)
    assert (second.learn.llm.rate, second.learn.encoder.rate) == (1e-5, 0.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"step": 10}, "unknown recipe key 'step'; did you mean 'steps'"),
        ({"batch": {"second": 1}}, "did you mean 'batch.seconds'"),
        ({"steps": "ten"}, "'steps' takes a whole number; got 'ten'"),
        ({"steps": True}, "'steps' takes a whole number"),
        ({"steps": 0}, "give at least 1"),
        ({"batch": 3}, "'batch' is a table; got 3"),
        ({"stage": "aling"}, "did you mean 'align'"),
        ({"precision": "fp16"}, "unknown precision"),
        ({"learn": {"llm": {"rate": -1.0}}}, "0 or more"),
        ({"data": {"encoded": "x"}}, "data.encoded needs a frozen encoder"),
        ({"data": {"shards": "x"}}, "a list or table"),
    ],
)
def test_what_a_recipe_gets_wrong_is_said(changes, said):
    with pytest.raises(RecipeError, match=said):
        recipe_from(LEAST | changes)


def test_an_incomplete_recipe_says_what_is_missing():
    with pytest.raises(RecipeError, match="steps"):
        recipe_from({"stage": "align", "model": "m"})


def test_a_file_that_is_no_toml_is_named(tmp_path):
    (tmp_path / "bad.toml").write_text("steps =")

    with pytest.raises(RecipeError, match=r"bad\.toml is not TOML"):
        load_recipe(tmp_path / "bad.toml")


def test_changes_reach_any_depth(tmp_path):
    (tmp_path / "a.toml").write_text('stage = "align"\nmodel = "m"\nsteps = 10\n')
    changes = dict(map(parse_change, ("learn.llm.rank=4", 'data.shards=["a", "b"]', "model=x/y")))

    made = load_recipe(tmp_path / "a.toml", changes=changes)

    assert (made.learn.llm.rank, made.data.shards, made.model) == (4, ("a", "b"), "x/y")


def test_shards_are_files_or_sets_of_the_hub(tmp_path):
    (tmp_path / "b.tar").touch()
    (tmp_path / "a.tar").touch()
    hub = "hf:owner/name:en:train"

    found = expand([f"{tmp_path}/*.tar", hub, f"{tmp_path}/a.tar"])

    assert found == [tmp_path / "a.tar", tmp_path / "b.tar", Path(hub)]
    with pytest.raises(DataError, match="no file matches"):
        expand([f"{tmp_path}/*.flac"])
