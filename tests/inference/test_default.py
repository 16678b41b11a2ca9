"""The default model: built once from the bases and the learnt part, never half."""

import pytest
import torch

import qwen_audio
from qwen_audio.checkpoints import default, joining
from qwen_audio.checkpoints.adapters import LORA_A, LORA_B, ROWS, save_adapters
from qwen_audio.errors import CheckpointError

LAYER = "language_model.layers.1.mlp.up_proj"


@pytest.fixture
def bases(parts, monkeypatch):
    """Let the tiny Whisper and LLM stand for the fetched ones."""
    monkeypatch.setattr(joining, "fetch_whisper_base", lambda _cache: parts[0])
    monkeypatch.setattr(joining, "fetch_smollm2", lambda _cache: parts[1])


@pytest.fixture
def adapters(tmp_path):
    """Give a learnt part: an adapter of one layer, two rows, and the projector's last bias."""
    torch.manual_seed(0)
    tensors = {
        LAYER + LORA_A: torch.randn(2, 16),
        LAYER + LORA_B: torch.randn(24, 2),
        "language_model.embed_tokens" + ROWS: torch.randn(2, 16),
        "projector.proj.bias": torch.randn(16),
    }
    save_adapters(tmp_path / "adapters.safetensors", tensors, {"stage": "test"})
    return tmp_path / "adapters.safetensors", tensors


@pytest.mark.usefixtures("bases")
def test_the_learnt_part_is_merged_into_the_bases(adapters, tmp_path):
    path, tensors = adapters

    start = qwen_audio.load(default.start_folder(tmp_path / "cache"), dtype="float32").model
    folder = default.default_folder(tmp_path / "cache", adapters=path)
    model = qwen_audio.load(folder, dtype="float32").model

    change = tensors[LAYER + LORA_B] @ tensors[LAYER + LORA_A]
    before, after = (m.get_parameter(LAYER + ".weight") for m in (start, model))
    close = {"atol": 3e-2, "rtol": 2e-2}  # bfloat16 on disk
    torch.testing.assert_close(after - before, change, **close)
    rows = model.get_input_embeddings().weight[-2:]
    torch.testing.assert_close(rows, tensors["language_model.embed_tokens" + ROWS], **close)
    bias = model.get_parameter("projector.proj.bias")
    torch.testing.assert_close(bias, tensors["projector.proj.bias"], **close)


@pytest.mark.usefixtures("bases")
def test_it_is_built_once_and_another_learnt_part_makes_another(adapters, tmp_path):
    path, tensors = adapters
    cache = tmp_path / "cache"

    first = default.default_folder(cache, adapters=path)
    made = (first / "model.safetensors").stat().st_mtime_ns
    again = default.default_folder(cache, adapters=path)
    save_adapters(path, tensors | {"projector.proj.bias": torch.zeros(16)}, {})
    other = default.default_folder(cache, adapters=path)

    assert again == first
    assert (again / "model.safetensors").stat().st_mtime_ns == made
    assert other != first


@pytest.mark.usefixtures("bases")
def test_a_build_that_fails_leaves_nothing(adapters, tmp_path, monkeypatch):
    path, _ = adapters
    cache = tmp_path / "cache"

    def fail(*_):
        raise CheckpointError("out of disk")

    monkeypatch.setattr(joining, "merge_into", fail)
    with pytest.raises(CheckpointError, match="out of disk"):
        default.default_folder(cache, adapters=path)

    assert list(cache.iterdir()) == []


def test_a_package_without_the_learnt_part_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="trained part of the default model is not at"):
        default.default_folder(tmp_path, adapters=tmp_path / "none.safetensors")
