"""The times of words, from where the reader finds them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from qwen_audio.audio.sources import Clip
from qwen_audio.inference.loading import load
from qwen_audio.inference.word_times import word_times

SECOND = 16_000


@pytest.fixture(scope="module")
def reading(parts, tmp_path_factory):
    """A loaded model whose reader can read letters."""
    from qwen_audio.checkpoints.assemble import assemble

    folder = tmp_path_factory.mktemp("reading") / "model"
    assemble(*parts, folder, projector="transformer", reader=True, pool=2)
    model = load(folder)
    letters = model.processor.tokenizer(" abcdefghijklmnopqrstuvwxyz'")["input_ids"]
    model.model.reader.allow(letters)
    return model


def heard_as(model, text, monkeypatch, *, every=2):
    """Let the reader's scores spell a text, a letter every so many tokens."""
    ids = model.processor.tokenizer(text)["input_ids"]
    choices = model.model.reader.choices.tolist()

    def logits(tokens, _rows):
        scores = torch.zeros(len(tokens), len(choices) + 1)
        scores[:, 0] = 5.0
        for place, token in enumerate(ids):
            scores[place * every + 1, choices.index(token) + 1] = 12.0
        return scores

    monkeypatch.setattr(model.model.reader, "logits", logits)


def test_each_word_is_where_it_is_read(reading, monkeypatch):
    heard_as(reading, " red sky", monkeypatch)
    clip = Clip(np.zeros(SECOND, np.float32))

    red, sky = word_times(reading, clip, "Red sky.", language="en")

    assert (red.text, sky.text) == ("Red", "sky.")
    assert red.end_s <= sky.start_s
    # A letter every 80 ms: the space before "sky" is the fifth.
    assert sky.start_s == pytest.approx(0.36, abs=0.1)
    assert sky.end_s == pytest.approx(0.64, abs=0.1)


def test_chinese_goes_by_character(reading, monkeypatch):
    heard_as(reading, "ab", monkeypatch)
    clip = Clip(np.zeros(SECOND, np.float32))
    words = word_times(reading, clip, "a b", language="zh")
    assert [word.text for word in words] == ["a", "b"]


def test_punctuation_alone_takes_no_time(reading, monkeypatch):
    heard_as(reading, " a b", monkeypatch)
    clip = Clip(np.zeros(SECOND, np.float32))
    _, dash, _ = word_times(reading, clip, "a - b", language="en")
    assert dash.start_s == dash.end_s


def test_what_the_reader_cannot_spell_or_fit_has_no_times(reading):
    clip = Clip(np.zeros(SECOND, np.float32))
    assert word_times(reading, clip, "面条", language="zh") is None
    assert word_times(reading, clip, "much too long for a second " * 9, language="en") is None
    assert word_times(reading, clip, "", language="en") is None


def test_a_model_without_a_reader_has_none():
    model = SimpleNamespace(model=SimpleNamespace(reader=None))
    clip = Clip(np.zeros(SECOND, np.float32))
    assert word_times(model, clip, "a word", language="en") is None
