"""The file that ships: int8 rows within half a step, and a merge that says what does not fit."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from qwen_audio.checkpoints.adapters import (
    LORA_A,
    LORA_B,
    ROWS,
    Adapters,
    dequantize_rows,
    merge_into,
    quantize_rows,
    read_adapters,
    save_adapters,
)
from qwen_audio.errors import CheckpointError


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.ModuleDict({"table": nn.Embedding(10, 4), "layer": nn.Linear(4, 6)})


def test_a_weight_is_off_by_half_a_step_of_its_row_at_most():
    weight = torch.randn(50, 200, generator=torch.Generator().manual_seed(0))
    weight[3] *= 1000
    weight[4] = 0

    back = dequantize_rows(*quantize_rows(weight))

    step = weight.abs().amax(dim=1, keepdim=True) / 127
    assert ((back - weight).abs() <= 0.51 * step + 1e-9).all()


@pytest.mark.parametrize("shape", [(5, 1001), (64, 65), (1000, 7)])
def test_six_bits_are_packed_without_loss(tmp_path, shape):
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    steps, scales = quantize_rows(weight, bits=6)

    save_adapters(tmp_path / "a.safetensors", {"big": weight}, {}, bits=6)

    read = read_adapters(tmp_path / "a.safetensors").tensors["big"]
    assert torch.equal(read, dequantize_rows(steps, scales))
    assert steps.abs().max() == 31
    assert (read - weight).abs().max() <= 0.51 * weight.abs().max() / 31
    whole = 1000 + 0.75 * weight.numel() + 2 * len(weight)
    assert (tmp_path / "a.safetensors").stat().st_size < whole


def test_what_is_saved_is_read_with_its_metadata(tmp_path):
    tensors = {"big": torch.randn(100, 100), "small": torch.randn(7)}

    save_adapters(tmp_path / "a.safetensors", tensors, {"stage": "chat"})
    read = read_adapters(tmp_path / "a.safetensors")

    assert read.metadata["stage"] == "chat"
    assert torch.equal(read.tensors["small"], tensors["small"])
    assert torch.allclose(read.tensors["big"], tensors["big"], atol=0.03)
    assert not list(tmp_path.glob("*.unfinished"))


def test_adapters_rows_and_whole_weights_are_merged(model):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    a, b, rows, bias = torch.randn(2, 4), torch.randn(6, 2), torch.randn(3, 4), torch.randn(6)
    tensors = {
        f"layer{LORA_A}": a,
        f"layer{LORA_B}": b,
        f"table{ROWS}": rows,
        "layer.bias": bias,
    }

    merge_into(model, Adapters(tensors=tensors, metadata={}))

    assert torch.allclose(model["layer"].weight, before["layer.weight"] + b @ a)
    assert torch.equal(model["layer"].bias, bias)
    assert torch.equal(model["table"].weight[:7], before["table.weight"][:7])
    assert torch.equal(model["table"].weight[7:], rows)


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"other.weight": torch.zeros(2)}, "the model has no such weight"),
        ({"layer.bias": torch.zeros(5)}, r"has shape \(5,\) but the model's weight has \(6,\)"),
        (
            {f"layer{LORA_A}": torch.zeros(2, 3), f"layer{LORA_B}": torch.zeros(6, 2)},
            "another base",
        ),
    ],
)
def test_adapters_of_another_base_are_refused(model, tensors, said):
    with pytest.raises(CheckpointError, match=said):
        merge_into(model, Adapters(tensors=tensors, metadata={}))


def test_another_file_is_refused(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors")

    with pytest.raises(CheckpointError, match="holds no adapters of ours"):
        read_adapters(tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match="no adapters at"):
        read_adapters(tmp_path / "none.safetensors")
