"""Folders of clips as data sets: labels beside the audio, and what is wrong with them."""

import json

import numpy as np
import pytest
import soundfile

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.data.checking import check_data
from qwen_audio.data.folders import read_folder
from qwen_audio.data.memory import build_store
from qwen_audio.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """Give a folder of three clips: labels as JSON, words as text, and nothing."""
    made = tmp_path / "mine"
    (made / "below").mkdir(parents=True)
    for name, hertz in (("a.wav", 300), ("below/b.flac", 400), ("c.wav", 500)):
        samples = 0.3 * np.sin(np.arange(SAMPLE_RATE // 2) * 2 * np.pi * hertz / SAMPLE_RATE)
        soundfile.write(made / name, samples, SAMPLE_RATE)
    (made / "a.json").write_text(json.dumps({"lang": "en", "text": "one", "gender": "f"}))
    (made / "below/b.txt").write_text("two\n", encoding="utf-8")
    return made


def test_a_folder_s_clips_come_with_the_labels_beside_them(folder):
    clips = list(read_folder(folder))

    assert [clip.key for clip in clips] == ["a", "below/b", "c"]
    assert [clip.labels.get("text") for clip in clips] == ["one", "two", None]
    assert {(clip.dataset, clip.split) for clip in clips} == {("mine", "train")}
    assert all(clip.load().num_samples == SAMPLE_RATE // 2 for clip in clips)


def test_a_folder_is_checked_and_decoded_like_a_shard(folder, tmp_path):
    (report,) = check_data([folder]).sets
    store = build_store([folder], tmp_path / "store")

    assert (report.dataset, report.clips) == ("mine", 3)
    assert [problem.clip for problem in report.problems] == ["below/b", "c"]
    assert {problem.reason for problem in report.problems} == {"its labels allow no task"}
    assert [clip.labels.get("text") for clip in store.clips] == ["one", "two", None]


def test_an_empty_folder_and_broken_labels_are_named(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no audio; its files may be flac"):
        list(read_folder(tmp_path / "empty"))
    (folder / "a.json").write_text("[]")
    with pytest.raises(DataError, match="is no JSON object but list"):
        list(read_folder(folder))
    (folder / "a.json").write_text("{")
    with pytest.raises(DataError, match="is not JSON"):
        list(read_folder(folder))
