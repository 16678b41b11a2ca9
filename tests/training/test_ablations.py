"""The ablations' script: arms that differ in what they should differ in, and a fair report."""

import importlib.util
import sys
from dataclasses import fields
from pathlib import Path
from random import Random

import pytest

from qwen_audio.data.memory import build_store
from qwen_audio.model.processing import QwenAudioProcessor
from qwen_audio.tasks.label_files import labels_from_json
from qwen_audio.training.catalog import LabelledClip
from qwen_audio.training.recipe import recipe_from

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    """Give `load(name)`: a script of benchmarks/ as a module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))

    def load(name):
        spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def test_ways_of_asking_differ_in_the_tags_and_in_nothing_else(
    script, base, shard, table, tmp_path
):
    ablations = script("ablations")
    store = build_store([shard], tmp_path / "store")
    unread = {field.name: () for field in fields(LabelledClip)} | {"tasks": ("ASR",)}
    clips = tuple(
        LabelledClip(**unread | {"stored": c, "labels": labels_from_json(c.labels)})
        for c in store.clips
    )
    processor = QwenAudioProcessor.from_pretrained(base)
    known = {"clips": clips, "tokenizer": processor.tokenizer, "choices": {}, "pool": 2}
    recipe = recipe_from(table(mixture={"join_share": 0.0}))

    made = {
        style: ablations.Retagged(**known, recipe=recipe, style=style).example("ASR", 0, Random(0))
        for style in (ablations.HIERARCHICAL, ablations.ONE, ablations.NONE)
    }

    targets = {
        tuple(i for i, learnt in zip(e.ids, e.is_learnt, strict=True) if learnt)
        for e in made.values()
    }
    lengths = [len(example.ids) for example in made.values()]
    assert len(targets) == 1
    assert lengths == [lengths[2] + 6, lengths[2] + 1, lengths[2]]
    assert len({example.clips for example in made.values()}) == 1


def test_each_task_alone_gets_the_examples_that_it_gets_among_others(script):
    ablations = script("ablations")

    runs = ablations.arms(ablations.TAGS)
    alone = [arm for arm in runs if arm.name == ablations.ALONE]

    assert [arm.tasks for arm in alone] == [(task,) for task in ablations.TAG_TASKS]
    assert sum(arm.length for arm in alone) == pytest.approx(1.0)
    without, with_times, longer = ablations.arms(ablations.WORDS)
    assert with_times.length / len(with_times.tasks) == without.length / len(without.tasks)
    assert longer.length == with_times.length
    assert longer.tasks == without.tasks


def test_the_report_tells_means_and_spread(script, tmp_path):
    report = script("ablation_report")
    rows = [
        {"ablation": "tags", "arm": arm, "scores": {"ASR": share}, "nats": {"ASR": 2 * share}}
        for arm, share in (("a", 0.5), ("a", 0.6), ("b", 0.25))
    ]

    text = report.write_report(rows, tmp_path / "figure.svg")

    assert "| a | 55 (50 to 60) |" in text
    assert "| b | 25 (25 to 25) |" in text
    assert "| a | 1.10 (1.00 to 1.20) |" in text
    assert 1000 < (tmp_path / "figure.svg").stat().st_size < 100_000
