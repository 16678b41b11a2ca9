"""A store of decoded clips: what it holds, what it passes over, and when it gives up."""

import io
import json
import tarfile

import numpy as np
import pytest
import soundfile

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.data.manifest import AudioReference, Record, write_manifest
from qwen_audio.data.memory import build_store, open_store
from qwen_audio.errors import DataError
from qwen_audio.tasks.labels import Labels


def tone(seconds=0.25, hertz=440):
    return (0.3 * np.sin(np.arange(round(seconds * SAMPLE_RATE)) * hertz / 2546)).astype("f4")


def flac(waveform):
    file = io.BytesIO()
    soundfile.write(file, waveform, SAMPLE_RATE, format="FLAC")
    return file.getvalue()


def members(key, waveform=None, **labels):
    sound = flac(tone() if waveform is None else waveform)
    return [(f"{key}.flac", sound), (f"{key}.json", json.dumps(labels).encode())]


def tar(path, content):
    with tarfile.open(path, "w") as out:
        for name, data in content:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            out.addfile(entry, io.BytesIO(data))
    return path


@pytest.fixture
def shards(tmp_path):
    """Give two shards of two clips each."""
    clips = {s: [each for n in "01" for each in members(s + n, dataset=s)] for s in "ab"}
    return [tar(tmp_path / f"{name}-train-000.tar", content) for name, content in clips.items()]


def test_clips_stand_end_to_end_in_the_order_of_the_shards(shards, tmp_path):
    store = build_store(shards, tmp_path / "store")

    assert [clip.key for clip in store.clips] == ["a0", "a1", "b0", "b1"]
    assert [clip.start for clip in store.clips] == [0, 4000, 8000, 12000]
    assert store.samples.size == 16000
    assert np.abs(store.waveform(2) - tone()).max() < 1e-4
    assert store.clips[2].dataset == "b"


@pytest.mark.parametrize("processes", [1, 2])
def test_any_number_of_processes_makes_the_same_store(shards, tmp_path, processes):
    one = build_store(shards, tmp_path / "one")

    other = build_store(shards, tmp_path / "other", processes=processes)

    assert one.clips == other.clips
    assert np.array_equal(one.samples, other.samples)
    assert open_store(tmp_path / "other").clips == one.clips


def test_bad_json_a_broken_sound_and_a_cut_tar_are_counted(tmp_path):
    good = [each for n in range(8) for each in members(f"g{n}")]
    path = tar(
        tmp_path / "x-train-000.tar",
        [
            *good,
            ("json.flac", flac(tone())),
            ("json.json", b"{"),
            ("sound.flac", b"no sound at all"),
            ("sound.json", b"{}"),
            ("alone.flac", flac(tone())),
            *members("cut"),
        ],
    )
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"cut.json")])

    store = build_store([path], tmp_path / "store", max_unreadable_share=0.4)

    assert [clip.key for clip in store.clips] == [f"g{n}" for n in range(8)]
    named = " | ".join(store.skipped)
    assert all(f"x-train-000.tar:{key}:" in named for key in ("json", "sound", "alone", "cut"))
    assert open_store(tmp_path / "store").skipped == store.skipped
    with pytest.raises(DataError, match="could not be read, more than 10%"):
        build_store([path], tmp_path / "other", max_unreadable_share=0.1)
    assert not (tmp_path / "other").exists()


def test_what_is_no_tar_is_counted_and_alone_is_an_error(shards, tmp_path):
    (tmp_path / "no-train-000.tar").write_bytes(b"not a tar at all" * 100)

    store = build_store(
        [*shards, tmp_path / "no-train-000.tar"], tmp_path / "store", max_unreadable_share=0.3
    )

    assert len(store.clips) == 4
    assert len(store.skipped) == 1
    with pytest.raises(DataError, match="no clip could be read"):
        build_store([tmp_path / "no-train-000.tar"], tmp_path / "other")


def test_side_labels_win_over_the_shard(shards, tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text('{"dataset": "a", "key": "a1", "text": "hello"}\n')

    store = build_store(shards, tmp_path / "store", side_labels=[path])

    assert [clip.labels.get("text") for clip in store.clips] == [None, "hello", None, None]
    path.write_text("{}")
    with pytest.raises(DataError, match=r"labels.jsonl:1 is not"):
        build_store(shards, tmp_path / "other", side_labels=[path])


def test_a_long_clip_with_a_text_is_left_out_and_one_without_is_cut(tmp_path):
    long = tone(31.0)
    content = [*members("said", long, text="a lot"), *members("heard", long), *members("ok")]

    store = build_store(
        [tar(tmp_path / "x-train-000.tar", content)], tmp_path / "store", max_unreadable_share=0.5
    )

    assert [(clip.key, clip.duration_s) for clip in store.clips] == [("heard", 30.0), ("ok", 0.25)]


def test_a_manifest_is_decoded_like_a_shard(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(1.0), SAMPLE_RATE)
    record = Record(
        key="a",
        audio=AudioReference(path=tmp_path / "a.wav", offset_s=0.5, duration_s=0.25),
        duration_s=0.25,
        labels=Labels(language="en", text="hi"),
        dataset="mine",
    )
    write_manifest(tmp_path / "list.jsonl", [record])

    store = build_store([tmp_path / "list.jsonl"], tmp_path / "store")

    (clip,) = store.clips
    assert (clip.key, clip.dataset, clip.num_samples) == ("a", "mine", 4000)
    assert (clip.labels["language"], clip.labels["text"]) == ("en", "hi")


def test_a_store_of_another_size_is_refused(shards, tmp_path):
    build_store(shards, tmp_path / "store")
    (tmp_path / "store" / "samples.int16").write_bytes(b"\0" * 100)

    with pytest.raises(DataError, match="holds 50 samples and not 16000"):
        open_store(tmp_path / "store")
    with pytest.raises(DataError, match="no decoded clips"):
        open_store(tmp_path / "none")
