"""A report on two runs: numbers beside published ones, classes, examples, plots."""

import csv
import json

import pytest

from qwen_audio.evaluation.benchmarks.registry import BENCHMARKS
from qwen_audio.evaluation.report.published import published
from qwen_audio.evaluation.report.writing import write_report

from .benchmarking import Rule, evaluate, right, write_corpora

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def runs(tmp_path):
    corpora = write_corpora(tmp_path / "corpora")
    evaluate(Rule(right, name="good"), corpora, tmp_path / "good")
    evaluate(Rule(lambda _asked: EVIL, name="bad"), corpora, tmp_path / "bad")
    return [tmp_path / "good", tmp_path / "bad"]


@pytest.fixture
def report(runs, tmp_path):
    files = write_report(runs, tmp_path / "report")
    return {file.suffix[1:]: file.read_text("utf-8") for file in files}


def test_the_table_has_both_runs_and_the_published_numbers(report):
    lines = [line for line in report["md"].splitlines() if line.startswith("| LibriSpeech")]

    assert len(lines) == 1
    assert "0.00 % [0.00, 0.00]" in lines[0]
    assert "2.00 %" in lines[0]
    assert "SALMONN 2.10 %" in lines[0]
    assert "arXiv 2311.07919, Table 2" in report["md"]


def test_csv_and_json_have_every_number(report):
    rows = list(csv.DictReader(report["csv"].splitlines()))
    content = json.loads(report["json"])

    mine = [r for r in rows if r["model"] == "bad (tags)" and r["metric"] == "accuracy"]
    assert [(r["benchmark"], r["value"], r["samples"]) for r in mine] == [("esc50", "0.0", "4")]
    assert any(r["model"] == "SpeechT5" and r["source"] for r in rows)
    assert [run["label"] for run in content["runs"]] == ["good (tags)", "bad (tags)"]
    found = next(r for r in content["rows"] if r["metric"] == "accuracy")
    assert found["differences"][0] is None
    assert found["differences"][1]["value"] == -1


def test_the_page_is_whole_and_escapes_what_a_model_says(report):
    page = report["html"]

    assert EVIL not in page
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert 'src="data:audio/mpeg;base64,' in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "prefers-color-scheme: dark" in page
    assert 'class="confusion"' in page


def test_the_same_runs_give_the_same_bytes(runs, report, tmp_path):
    again = write_report(runs, tmp_path / "again")

    assert {f.suffix[1:]: f.read_text("utf-8") for f in again} == report


def test_a_report_outlives_its_audio(runs, tmp_path):
    for clip in (tmp_path / "corpora").rglob("*.wav"):
        clip.unlink()

    files = write_report(runs, tmp_path / "report")

    assert "1-0-A-0.wav" in files[-1].read_text("utf-8")


def test_three_benchmarks_make_a_radar(runs, tmp_path):
    corpora = tmp_path / "corpora"
    chapter = corpora / "LibriSpeech" / "test-clean"
    chapter.rename(corpora / "LibriSpeech" / "test-other")
    (corpora / "LibriSpeech" / "dev-clean").symlink_to(corpora / "LibriSpeech" / "test-other")
    names = ["librispeech-test-other", "librispeech-dev-clean", "esc50"]
    evaluate(Rule(right, name="good"), corpora, tmp_path / "three", names=names)

    page = write_report([tmp_path / "three"], tmp_path / "report")[-1].read_text("utf-8")

    assert "Qwen-Audio, published" in page
    assert "best baseline of its paper" in page
    assert "#010203" not in page
    assert len(runs) == 2


def test_every_published_number_has_a_benchmark_a_metric_and_a_source():
    for found in published():
        assert found.metric in BENCHMARKS[found.benchmark].metrics, found
        assert found.source, found
    original = [p.value for p in published() if p.model == "Qwen-Audio"]
    directions = [
        p.value
        for p in published()
        if p.model == "Qwen-Audio" and p.benchmark.startswith("covost2")
    ]
    assert len(original) == 28
    assert sum(directions) / 7 == pytest.approx(32.9, abs=0.05)
