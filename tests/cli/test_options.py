"""How the verbs open a model."""

import gc

import pytest

import qwen_audio
from qwen_audio.cli.options import open_model


@pytest.fixture
def _frozen_objects_back():
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_frozen_objects_back")
def test_imports_are_frozen_and_the_collector_is_on_again(monkeypatch):
    asked = []
    monkeypatch.setitem(
        vars(qwen_audio), "load", lambda name, **options: asked.append((name, options))
    )

    open_model("somewhere", device=None, dtype="float32")

    assert asked == [("somewhere", {"dtype": "float32"})]
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
