"""Claims about manifests and shards: round trips, side labels, and what happens to broken ones."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from qwen_audio.data.manifest import (
    AudioReference,
    Record,
    read_manifest,
    read_side_labels,
    with_side_labels,
    write_manifest,
)
from qwen_audio.data.shards import read_shard, write_shard
from qwen_audio.errors import DataError
from qwen_audio.tasks.labels import Labels, Word


def record(key, **labels):
    return Record(
        key=key,
        audio=AudioReference(path=Path(f"{key}.ogg")),
        duration_s=1.5,
        labels=Labels(**labels),
        dataset="tiny",
        licence="CC0-1.0",
        source=f"{key}.wav",
    )


@pytest.fixture
def shard(tmp_path):
    path = tmp_path / "tiny-dev-000.tar"
    texts = [record(f"k{n}", language="en", text=f"word {n}") for n in range(4)]
    write_shard(path, [(each, bytes([n]) * 700) for n, each in enumerate(texts)])
    return path


def tar_of(path, members):
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def good(key):
    return [(f"{key}.ogg", b"sound"), (f"{key}.json", b'{"dur": 1.0, "sound": "rain"}')]


def test_a_shard_gives_back_what_was_written(shard):
    reader = read_shard(shard)

    read = list(reader)

    assert [each.key for each, _ in read] == ["k0", "k1", "k2", "k3"]
    assert [audio for _, audio in read] == [bytes([n]) * 700 for n in range(4)]
    first = read[0][0]
    assert first.labels == Labels(language="en", text="word 0")
    assert (first.dataset, first.split, first.duration_s) == ("tiny", "dev", 1.5)
    assert (reader.counts.num_good, reader.counts.num_bad) == (4, 0)


def test_a_clip_in_a_shard_is_read_at_its_place(shard):
    indexed = [each for each, _ in read_shard(shard, with_audio=False)]

    assert [each.audio.read_bytes() for each in indexed] == [bytes([n]) * 700 for n in range(4)]


def test_a_shard_that_changed_is_noticed(shard):
    last = [each for each, _ in read_shard(shard, with_audio=False)][-1]
    shard.write_bytes(shard.read_bytes()[: last.audio.byte_start + 10])

    with pytest.raises(DataError, match="has 10 of 700 bytes"):
        last.audio.read_bytes()


def test_bad_members_are_counted_and_passed_over(tmp_path):
    members = [
        *good("a"),
        ("b.ogg", b"sound"),
        ("c.json", b'{"dur": 1.0}'),
        ("d.ogg", b"sound"),
        ("d.json", b"{broken"),
        ("e.ogg", b""),
        ("e.json", b'{"dur": 1.0}'),
        ("f.ogg", b"sound"),
        ("f.json", b'{"dur": 1.0, "age": "old"}'),
        ("g.ogg", b"sound"),
        ("g.json", b'{"sound": "rain"}'),
        *good("h"),
    ]
    reader = read_shard(tar_of(tmp_path / "x-train-000.tar", members), max_bad_share=0.9)

    keys = [each.key for each, _ in reader]

    assert keys == ["a", "h"]
    assert reader.counts.num_bad == 6
    assert reader.counts.bad["JSON that cannot be read"] == 1


def test_too_many_bad_members_are_an_error(tmp_path):
    path = tar_of(tmp_path / "x-train-000.tar", [*good("a"), ("b.ogg", b"sound")])

    with pytest.raises(DataError, match=r"50\.0% of the clips cannot be read, more than the 10"):
        list(read_shard(path, max_bad_share=0.1))


def test_a_tar_cut_in_the_middle_gives_what_is_whole(shard):
    shard.write_bytes(shard.read_bytes()[:5200])
    reader = read_shard(shard, max_bad_share=0.9)

    keys = [each.key for each, _ in reader]

    assert keys == ["k0", "k1"]
    assert reader.counts.num_bad >= 1


def test_a_broken_header_costs_one_clip(shard):
    content = bytearray(shard.read_bytes())
    start = content.index(b"k1.ogg")
    content[start : start + 100] = b"\xff" * 100
    shard.write_bytes(bytes(content))
    reader = read_shard(shard, max_bad_share=0.9)

    assert [each.key for each, _ in reader] == ["k0", "k2", "k3"]
    assert reader.counts.num_bad == 1


def test_what_is_no_tar_is_an_error(tmp_path):
    path = tmp_path / "x-train-000.tar"
    path.write_bytes(b"not a tar at all" * 100)

    with pytest.raises(DataError, match="give the path of a tar"):
        list(read_shard(tmp_path / "missing.tar"))
    with pytest.raises(DataError, match="is not a tar, or holds no clips"):
        list(read_shard(path, max_bad_share=0.0))


def test_a_manifest_gives_back_what_was_written(tmp_path, shard):
    records = [each for each, _ in read_shard(shard, with_audio=False)]
    path = tmp_path / "lists" / "tiny.jsonl"

    assert write_manifest(path, records) == 4

    again = list(read_manifest(path))
    assert [each.labels for each in again] == [each.labels for each in records]
    assert again[0].audio.read_bytes() == records[0].audio.read_bytes()


def test_paths_below_the_manifest_are_relative(tmp_path):
    each = record("a")
    moved = Record(**(vars(each) | {"audio": AudioReference(path=tmp_path / "a.ogg")}))

    write_manifest(tmp_path / "list.jsonl", [moved])

    row = json.loads((tmp_path / "list.jsonl").read_text())
    assert row["audio"] == {"path": "a.ogg"}


def test_a_stretch_of_a_file_is_loaded(tmp_path):
    ramp = np.linspace(0, 0.5, 32_000, dtype=np.float32)
    soundfile.write(tmp_path / "a.wav", ramp, 16_000)
    reference = AudioReference(path=tmp_path / "a.wav", offset_s=0.5, duration_s=1.0)

    clip = reference.load()

    assert clip.num_samples == 16_000
    assert abs(float(clip.waveform[0]) - float(ramp[8000])) < 1e-3


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("{", "list.jsonl:1: not JSON"),
        ("[]", "list is not a JSON object"),
        ('{"key": "a"}', "it needs 'key', 'audio' with 'path'"),
        ('{"key": "a", "audio": {"path": "a"}, "duration_s": 1, "colour": 2}', "colour"),
        ('{"key": "a", "audio": {"path": "a"}, "duration_s": 1, "labels": {"pitch": -1}}', "MIDI"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, match):
    path = tmp_path / "list.jsonl"
    path.write_text(line + "\n")

    with pytest.raises(DataError, match=match):
        list(read_manifest(path))


def test_side_labels_fill_what_is_missing(tmp_path):
    rows = [
        {"dataset": "tiny", "source": "a.wav", "text": "hello there"},
        {"dataset": "tiny", "source": "a.wav", "words": [["hello", 0.1, 0.4]], "text": "other"},
        {"dataset": "other", "source": "a.wav", "text": "not this"},
    ]
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    side = read_side_labels([path])

    joined = with_side_labels(record("a", language="en"), side)

    assert joined.labels == Labels(
        language="en", text="hello there", words=(Word("hello", 0.1, 0.4),)
    )
    assert with_side_labels(record("a", text="mine"), side).labels.text == "mine"
    assert with_side_labels(record("b"), side) == record("b")


def test_a_side_label_needs_a_place(tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text('{"text": "hello"}')

    with pytest.raises(DataError, match="needs 'dataset' and 'source'"):
        read_side_labels([path])
