"""Hugging Face sets as a source of clips and conversations, saved on disk and as files."""

import io

import numpy as np
import pytest
import soundfile

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.audio.sources import load_clip
from qwen_audio.data.checking import check_data
from qwen_audio.data.hugging_face import is_table, read_clips
from qwen_audio.data.memory import build_store
from qwen_audio.errors import DataError
from qwen_audio.training.finetuning.examples import readable
from qwen_audio.training.finetuning.rows import read_conversations

datasets = pytest.importorskip("datasets")


def flac(hertz):
    samples = 0.3 * np.sin(np.arange(SAMPLE_RATE // 2) * 2 * np.pi * hertz / SAMPLE_RATE)
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="FLAC")
    return {"bytes": file.getvalue(), "path": None}


@pytest.fixture
def speech():
    """Give a set of three clips with transcripts and a class of the voice."""
    rows = {
        "audio": [flac(300), flac(400), flac(500)],
        "sentence": ["one", "two", "three"],
        "gender": [0, 1, 0],
        "locale": ["en", "en", "de"],
    }
    made = datasets.Dataset.from_dict(rows)
    made = made.cast_column("audio", datasets.Audio(decode=False))
    return made.cast_column("gender", datasets.ClassLabel(names=["male", "female"]))


@pytest.fixture(params=["folder", "splits", "arrow", "parquet"])
def saved(request, speech, tmp_path, monkeypatch):
    """Give the path of the set as each of the forms in which sets are kept."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "voices"
    if request.param == "folder":
        speech.save_to_disk(folder)
        return folder
    if request.param == "splits":
        datasets.DatasetDict(train=speech).save_to_disk(folder)
        return folder
    if request.param == "arrow":
        speech.save_to_disk(folder)
        return next(folder.glob("*.arrow")).rename(tmp_path / "voices.arrow")
    speech.to_parquet(tmp_path / "voices.parquet")
    return tmp_path / "voices.parquet"


def test_a_saved_set_gives_clips_with_labels_under_our_names(saved):
    clips = list(read_clips(saved))

    assert is_table(saved)
    assert {clip.dataset for clip in clips} == {"voices"}
    assert {clip.split for clip in clips} == {"train"}
    assert [clip.labels for clip in clips] == [
        {"text": "one", "gender": "male", "language": "en"},
        {"text": "two", "gender": "female", "language": "en"},
        {"text": "three", "gender": "male", "language": "de"},
    ]
    assert all(clip.content().startswith(b"fLaC") for clip in clips)


def test_a_set_is_checked_and_decoded_for_training_like_a_shard(speech, tmp_path):
    folder = tmp_path / "voices"
    speech.save_to_disk(folder)

    (report,) = check_data([folder]).sets
    store = build_store([folder], tmp_path / "store")

    assert (report.dataset, report.clips, report.problems) == ("voices", 3, [])
    assert (report.tasks["ASR"], report.tasks["SGC"]) == (3, 3)
    assert [clip.labels["text"] for clip in store.clips] == ["one", "two", "three"]
    assert all(clip.num_samples == SAMPLE_RATE // 2 for clip in store.clips)


def test_audio_that_cannot_be_read_is_counted(tmp_path):
    rows = {"audio": [flac(300), {"bytes": b"no sound", "path": None}], "text": ["a", "b"]}
    folder = tmp_path / "broken"
    datasets.Dataset.from_dict(rows).save_to_disk(folder)

    (report,) = check_data([folder]).sets

    assert (report.clips, report.count("unreadable")) == (1, 1)
    with pytest.raises(DataError, match="1 clips \\(50%\\) could not be read"):
        build_store([folder], tmp_path / "store")


@pytest.fixture
def lessons(tmp_path):
    """Give a set of conversations: a list of clips beside messages, one clip beside a query."""
    said = [
        [{"role": "user", "content": "<audio>and<audio>?"}, {"role": "assistant", "content": "A"}]
    ]
    folders = tmp_path / "messages", tmp_path / "queries"
    rows = {"messages": said, "audios": [[flac(300), flac(400)]]}
    datasets.Dataset.from_dict(rows).save_to_disk(folders[0])
    rows = {"query": ["What?"], "response": ["B"], "audio": [flac(500)]}
    datasets.Dataset.from_dict(rows).save_to_disk(folders[1])
    return folders


def test_rows_with_audio_inside_are_conversations_to_learn(lessons):
    found = [one for folder in lessons for one in read_conversations(folder)]

    kept = readable(found, max_share=0.0)
    clips = [load_clip(clip.content()) for one in kept.conversations for clip in one.clips]

    assert [len(one.clips) for one in found] == [2, 1]
    assert {clip.num_samples for clip in clips} == {SAMPLE_RATE // 2}
    assert [one.where.rpartition("/")[2] for one in found] == ["messages:1", "queries:1"]


def test_a_set_without_audio_and_one_that_is_not_there_are_named(tmp_path):
    datasets.Dataset.from_dict({"text": ["a"]}).save_to_disk(tmp_path / "texts")
    paths = {"c": tmp_path / "texts", "n": tmp_path / "none.parquet"}
    listed = datasets.Dataset.from_dict({"audio": [{"bytes": None, "path": "gone.wav"}]})
    listed.save_to_disk(tmp_path / "listed")

    with pytest.raises(DataError, match="has no column of audio; it has text"):
        list(read_clips(paths["c"]))
    with pytest.raises(DataError, match="there is no file"):
        list(read_clips(paths["n"]))
    with pytest.raises(DataError, match=r"the audio gone\.wav cannot be read"):
        next(read_clips(tmp_path / "listed")).content()


def test_without_the_library_it_is_said_what_to_install(monkeypatch, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "datasets", None)

    with pytest.raises(DataError, match=r"install qwen-audio\[datasets\]"):
        list(read_clips(tmp_path / "a.parquet"))
