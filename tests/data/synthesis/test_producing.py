"""What `produce` writes: notes and music by a stand-in for FluidSynth, speech by eSpeak itself."""

import shutil
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.audio.sources import load_clip
from qwen_audio.data.checking import check_data
from qwen_audio.data.manifest import AudioReference, Record
from qwen_audio.data.shards import read_shard, write_shard
from qwen_audio.data.synthesis import midi, producing
from qwen_audio.data.synthesis.producing import Order, encode_opus, produce
from qwen_audio.errors import DataError
from qwen_audio.tasks.labels import Labels
from qwen_audio.text.timestamps import Word

# Takes FluidSynth's arguments and writes 40 s of a saw tooth.
STAND_IN = """#!{python}
import struct, sys, wave
path = sys.argv[sys.argv.index("-F") + 1]
with wave.open(path, "wb") as out:
    out.setparams((1, 2, 44100, 0, "NONE", ""))
    out.writeframes(struct.pack("<100h", *range(-5000, 5000, 100)) * 17640)
"""
SENTENCES = "The cat sat on the mat.\nWe went home before the rain.\nThere are three red boats.\n"


@pytest.fixture
def fluidsynth(tmp_path, monkeypatch):
    """Put a program of this name where it is looked for, and a font for it; two drafts at once."""
    program = tmp_path / "bin" / "fluidsynth"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    font = tmp_path / "Font.sf2"
    font.touch()
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setattr(midi, "SOUND_FONTS", (font,))
    monkeypatch.setattr(producing, "_AT_ONCE", 2)


@pytest.mark.parametrize(
    ("kind", "labels", "tasks"),
    [("notes", ("pitch", "instrument"), ("MNA", "MIC")), ("music", ("captions", "qa"), ("MQA",))],
)
@pytest.mark.usefixtures("fluidsynth")
def test_rendered_clips_have_the_labels_of_what_was_written(kind, labels, tasks, tmp_path):
    made = produce(kind, tmp_path / "out", Order(hours=0.001, seed=3))

    (shard,) = made.shards
    assert shard.name == f"{kind}-train-000.tar"
    for record, content in read_shard(shard):
        assert all(getattr(record.labels, name) for name in labels)
        assert record.licence == "rendered by FluidSynth with the Font sound font"
        clip = load_clip(content)
        assert clip.duration_s == pytest.approx(record.duration_s, abs=0.02)
        assert np.abs(clip.waveform).max() > 0.01
    (report,) = check_data(made.shards).sets
    assert report.clips == made.clips > 0
    assert set(tasks) <= set(report.tasks)


@pytest.mark.usefixtures("fluidsynth")
def test_the_same_order_makes_the_same_shard_and_another_seed_another(tmp_path):
    orders = {"a": Order(hours=0.0005), "b": Order(hours=0.0005), "c": Order(hours=0.0005, seed=1)}

    made = {name: produce("notes", tmp_path / name, order) for name, order in orders.items()}

    content = {name: one.shards[0].read_bytes() for name, one in made.items()}
    assert content["a"] == content["b"] != content["c"]


def test_sentences_are_read_with_their_words_in_time(tmp_path):
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    text = tmp_path / "sentences.txt"
    text.write_text(SENTENCES, encoding="utf-8")
    order = Order(hours=1.0, text=text, engine="espeak")

    try:
        made = produce("speech", tmp_path / "out", order)
    except DataError as error:
        pytest.skip(str(error))

    clips = [(record, load_clip(content)) for record, content in read_shard(made.shards[0])]
    said = " ".join(sorted(record.labels.text for record, _ in clips))
    assert made.shards[0].name == "synth-en-train-000.tar"
    assert all(line in said for line in SENTENCES.splitlines())
    for record, clip in clips:
        words = record.labels.words
        assert len(words) == len(record.labels.text.split())
        assert 0 <= words[0].start_s < words[-1].end_s <= clip.duration_s + 0.05
        assert record.labels.speaker
        assert record.labels.language == "en"


def talk(folder, labels):
    """Write a shard of one clip of two seconds."""
    sound = np.sin(np.arange(2 * SAMPLE_RATE) / 20).astype(np.float32) / 3
    record = Record(
        key="a",
        audio=AudioReference(path=Path("clip.ogg")),
        duration_s=2.0,
        labels=labels,
        dataset="talk",
        licence="CC0-1.0",
        split="train",
    )
    path = folder / "talk-train-000.tar"
    write_shard(path, [(record, encode_opus(sound))])
    return path


def test_copies_of_speech_are_varied_and_keep_their_labels(tmp_path):
    words = (Word("one", 0.2, 0.8), Word("two", 1.0, 1.8))
    shard = talk(tmp_path, Labels(language="en", text="one two", words=words))

    made = produce("copies", tmp_path / "out", Order(hours=5 / 3600, sources=(shard,)))

    copied = [(record, load_clip(content)) for record, content in read_shard(made.shards[0])]
    assert len(copied) == 3
    for record, clip in copied:
        speed = 2.0 / clip.duration_s
        assert (record.dataset, record.licence) == ("talk", "CC0-1.0")
        assert record.labels.text == "one two"
        assert 0.03 < abs(speed - 1) < 0.15
        assert record.labels.words[1].start_s == pytest.approx(1.0 / speed, abs=0.02)
    assert len({clip.num_samples for _, clip in copied}) == 3


def test_copies_of_what_has_no_words_end_at_once(tmp_path):
    shard = talk(tmp_path, Labels(sound=("dog barking",)))
    assert produce("copies", tmp_path / "out", Order(hours=1.0, sources=(shard,))).clips == 0
