"""`qwen-audio data`: what is printed, and what ends with 1."""

import json

import numpy as np
import pytest
import soundfile

from qwen_audio.data.corpora.prepare import CORPORA
from qwen_audio.data.manifest import read_manifest
from qwen_audio.data.shards import read_shard


@pytest.fixture
def esc50(tmp_path):
    """Give a folder of the layout of ESC-50 with two clips."""
    (tmp_path / "meta").mkdir()
    (tmp_path / "audio").mkdir()
    (tmp_path / "meta/esc50.csv").write_text("filename,fold,category\na.wav,1,dog\nb.wav,2,rain\n")
    for name, hertz in (("a.wav", 440), ("b.wav", 300)):
        samples = 0.2 * np.sin(np.arange(8000) * hertz / 2546)
        soundfile.write(tmp_path / "audio" / name, samples, 16_000)
    return tmp_path


def test_a_corpus_is_prepared_and_checked(run, esc50, tmp_path):
    out = tmp_path / "manifests"

    made = run("data", "prepare", "esc50", str(esc50), str(out), "--json")
    checked = run("data", "check", *map(str, sorted(out.glob("*.jsonl"))))

    assert [json.loads(line)["clips"] for line in made.out.splitlines()] == [1, 1]
    assert checked.code == 0
    assert checked.out.splitlines() == [
        "esc50 fold1: 1 clips, 0.00 h; fine",
        "esc50 fold2: 1 clips, 0.00 h; fine",
    ]


def test_a_fault_is_named_and_ends_with_one(run, esc50, tmp_path):
    run("data", "prepare", "esc50", str(esc50), str(tmp_path / "out"))
    (esc50 / "audio/a.wav").write_bytes(b"")

    result = run("data", "check", str(tmp_path / "out/esc50-fold1.jsonl"))

    assert result.code == 1
    assert result.out.startswith("esc50 fold1: 0 clips, 0.00 h; 1 unreadable\n  unreadable: a:")


def test_the_known_corpora_are_listed(run):
    out = run("data", "prepare", "list").out

    assert [line.split()[0] for line in out.splitlines()] == list(CORPORA)


def test_another_seed_or_split_makes_other_scenes_and_the_same_one_the_same(run, esc50, tmp_path):
    from qwen_audio.data.shards import write_shard

    records = [each for p in _prepared(run, esc50, tmp_path) for each in read_manifest(p)]
    sounds = tmp_path / "sounds-train-000.tar"
    write_shard(sounds, ((record, record.audio.read_bytes()) for record in records))
    order = ("data", "synthesize", "scenes", "--from", str(sounds), "--hours", "0.004", "--json")

    for folder, more in (("a", ()), ("b", ()), ("c", ("--split", "dev"))):
        first, second, *rest = order
        result = run(first, second, *rest[:1], str(tmp_path / folder), *rest[1:], *more)
        assert result.code == 0, result.err

    a, b, c = (sorted((tmp_path / name).glob("*.tar")) for name in "abc")
    assert [p.name for p in (*a, *c)] == ["scenes-train-000.tar", "scenes-dev-000.tar"]
    assert a[0].read_bytes() == b[0].read_bytes()
    (record, _), *_ = read_shard(a[0])
    (other, _), *_ = read_shard(c[0])
    assert record.labels.events
    assert record.labels.captions
    assert other.labels != record.labels


def _prepared(run, esc50, tmp_path):
    run("data", "prepare", "esc50", str(esc50), str(tmp_path / "out"))
    return sorted((tmp_path / "out").glob("*.jsonl"))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("speech", "out"), "speech needs --text"),
        (("scenes", "out"), "scenes need --from"),
        (("noise", "out"), "unknown kind of audio 'noise'"),
    ],
)
def test_what_is_missing_is_said(run, tmp_path, argv, said):
    result = run("data", "synthesize", argv[0], str(tmp_path / argv[1]))

    assert result.code == 1
    assert said in result.err
