"""What `check_data` finds in shards and manifests, and the verbs that print it."""

import io
import json
import tarfile

import numpy as np
import pytest
import soundfile

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.data.checking import check_data
from qwen_audio.data.manifest import AudioReference, Record, write_manifest
from qwen_audio.tasks.labels import Labels


def tone(seconds=0.5, level=0.3, hertz=440):
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (level * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def flac(waveform):
    file = io.BytesIO()
    soundfile.write(file, waveform, SAMPLE_RATE, format="FLAC")
    return file.getvalue()


def tar(path, members):
    with tarfile.open(path, "w") as out:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            out.addfile(entry, io.BytesIO(content))
    return path


def clip(key, waveform, **labels):
    return [(f"{key}.flac", flac(waveform)), (f"{key}.json", json.dumps(labels).encode())]


@pytest.fixture
def shards(tmp_path):
    """Give a train and a dev shard with one clip of every fault."""
    train = [
        *clip("good", tone(), lang="en", text="a"),
        *clip("silent", tone(level=0.0), lang="en"),
        *clip("clipped", np.sign(tone()), lang="en"),
        *clip("long", np.tile(tone(1.0), 31), lang="en"),
        *clip("label", tone(), age=-3),
        *clip("late", tone(hertz=300), lang="en", words=[["a", 0.1, 2.0]]),
        *clip("nothing", tone(hertz=200)),
        ("broken.flac", b"no sound"),
        ("broken.json", b"{}"),
        ("json.flac", flac(tone())),
        ("json.json", b"{"),
    ]
    return [
        tar(tmp_path / "set-train-000.tar", train),
        tar(tmp_path / "set-dev-000.tar", clip("same", tone(), lang="de")),
    ]


def test_every_fault_is_found_and_named(shards):
    train, dev = check_data(shards).sets

    assert (train.dataset, train.split, train.clips) == ("set", "train", 7)
    assert train.hours == pytest.approx((0.5 * 6 + 31) / 3600)
    found = [(problem.kind, problem.clip.rpartition(":")[2]) for problem in train.problems]
    assert sorted(found) == [
        ("clipped", "clipped"),
        ("label problem", "label"),
        ("label problem", "late"),
        ("label problem", "nothing"),
        ("silent", "silent"),
        ("too long", "long"),
        ("unreadable", "broken"),
        ("unreadable", "json"),
    ]
    assert (dev.clips, dev.problems, dev.tasks["LID"]) == (1, [], 1)


def test_one_sound_in_two_splits_is_told_of(shards):
    report = check_data(shards)

    assert report.duplicates == (("set/train/good", "set/train/label", "set/dev/same"),)
    assert not report.is_clean
    assert check_data(shards[1:]).is_clean


def test_a_manifest_is_checked_as_a_shard_is(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(), SAMPLE_RATE)
    record = Record(
        key="a",
        audio=AudioReference(path=tmp_path / "a.wav"),
        duration_s=0.5,
        labels=Labels(language="en", text="hi"),
        dataset="mine",
        split="test",
    )
    gone = Record(**(vars(record) | {"key": "b", "audio": AudioReference(path=tmp_path / "b.wav")}))
    write_manifest(tmp_path / "list.jsonl", [record, gone])

    (report,) = check_data([tmp_path / "list.jsonl"]).sets

    assert (report.dataset, report.split, report.clips) == ("mine", "test", 1)
    assert [(p.kind, p.clip) for p in report.problems] == [("unreadable", "b")]
