"""Shared fixtures: a tiny model, the released layout's test checkpoints, and one thread."""

import json
import runpy
import sys
from pathlib import Path

import hypothesis
import pytest
import torch

# A deadline would fail what is right on a machine that has other work.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

SHARED = Path(__file__).parents[2] / "shared"
RELEASED = SHARED / "fixtures" / "released_format"


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """Give `make(seq_length) -> (folder, expected values)`; skip where the fixtures are not."""
    if not RELEASED.is_dir():
        pytest.skip("the released layout's fixtures are not beside this checkout")
    made = {}

    def make(seq_length: int):
        if seq_length not in made:
            folder = tmp_path_factory.mktemp(f"released{seq_length}")
            arguments = [str(folder), "--seq-length", str(seq_length)]
            old, sys.argv = sys.argv, ["make_checkpoint.py", *arguments]
            try:
                runpy.run_path(str(RELEASED / "make_checkpoint.py"), run_name="__main__")
            finally:
                sys.argv = old
            name = "expected.json" if seq_length == 2048 else f"expected_seq{seq_length}.json"
            made[seq_length] = folder, json.loads((RELEASED / name).read_text(encoding="utf-8"))
        return made[seq_length]

    return make


@pytest.fixture(scope="session")
def released_clips():
    """Give `path(name)` of the released fixtures' clips."""
    return lambda name: RELEASED / "audio" / name


def tiny_config(**changes):
    """Return a configuration whose model runs in milliseconds."""
    from qwen_audio.model.configuration import QwenAudioConfig

    text = {
        "vocab_size": 128,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "qkv_bias": False,
        "tie_word_embeddings": True,
    }
    audio = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    ids = {"audio_token_id": 120, "audio_begin_id": 121, "audio_end_id": 122}
    text |= changes.pop("text", {})
    audio |= changes.pop("audio", {})
    return QwenAudioConfig(text_config=text, audio_config=audio, **ids, **changes)


@pytest.fixture
def tiny():
    """Give `make(**changes)`: a tiny model with fixed random weights, ready to answer."""
    from qwen_audio.model.modeling import QwenAudioForConditionalGeneration

    def make(**changes):
        torch.manual_seed(0)
        model = QwenAudioForConditionalGeneration(tiny_config(initializer_range=0.2, **changes))
        return model.eval()

    return make
