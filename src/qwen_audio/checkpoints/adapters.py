"""What a run learnt, small enough to ship: adapters, projector and new token rows in one file.

Matrices are stored as int8 with one float16 scale a row (row maximum / 127; the error of a weight
is at most half a step, 0.4 % of its row's largest). Names are the model's own parameter names, with
`.lora_A` and `.lora_B` after the name of an adapted layer; `merge_into` adds their product to the
layer's weight, so that the result needs no adapter library.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int8
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from qwen_audio.errors import CheckpointError

FORMAT = "qwen-audio-adapters"
ROWS = ".new_rows"  # the last rows of a token table
LORA_A, LORA_B = ".lora_A", ".lora_B"
_SCALES = ".scales"


@dataclass(frozen=True, kw_only=True)
class Adapters:
    """Learnt tensors by name, and what the file says about them."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]


def quantize_rows(
    weight: Float[Tensor, "rows width"],
) -> tuple[Int8[Tensor, "rows width"], Float[Tensor, " rows"]]:
    """Return a matrix as int8 and the float16 scale of each row."""
    scales = (weight.float().abs().amax(dim=1) / 127).clamp(min=2**-24).half()
    steps = (weight.float() / scales.float()[:, None]).round().clamp(-127, 127)
    return steps.to(torch.int8), scales


def dequantize_rows(
    steps: Int8[Tensor, "rows width"], scales: Float[Tensor, " rows"]
) -> Float[Tensor, "rows width"]:
    """Return the float32 matrix that int8 rows and their scales stand for."""
    return steps.float() * scales.float()[:, None]


def save_adapters(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write learnt tensors to a safetensors file; matrices become int8 rows."""
    stored: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu()
        if tensor.ndim == 2 and tensor.numel() > 4096:
            steps, scales = quantize_rows(tensor)
            stored |= {name: steps.contiguous(), name + _SCALES: scales.contiguous()}
        else:
            stored[name] = tensor.float().contiguous()
    unfinished = path.with_name(path.name + ".unfinished")
    save_file(stored, unfinished, metadata=dict(metadata) | {"format": FORMAT})
    unfinished.replace(path)


def read_adapters(path: Path) -> Adapters:
    """Return the learnt tensors of a file as float32.

    Raises:
        CheckpointError: the file is missing or is something else.
    """
    if not path.is_file():
        raise CheckpointError(f"no adapters at {path}; export them from a training run")
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        if metadata.get("format") != FORMAT:
            raise CheckpointError(f"{path} holds no adapters of ours; give the file of an export")
        names = set(file.keys())
        tensors = {}
        for name in sorted(names):
            if name.endswith(_SCALES) and name.removesuffix(_SCALES) in names:
                continue
            tensor = file.get_tensor(name)
            if name + _SCALES in names:
                tensor = dequantize_rows(tensor, file.get_tensor(name + _SCALES))
            tensors[name] = tensor.float()
    return Adapters(tensors=tensors, metadata=metadata)


@torch.no_grad()
def merge_into(model: nn.Module, adapters: Adapters) -> None:
    """Add what was learnt to a model's weights; afterwards it is an ordinary model.

    Raises:
        CheckpointError: a tensor for which the model has no place.
    """
    for name, tensor in adapters.tensors.items():
        if name.endswith(LORA_B):
            continue
        if name.endswith(LORA_A):
            layer = name.removesuffix(LORA_A)
            weight = _parameter(model, layer + ".weight")
            product = adapters.tensors[layer + LORA_B] @ tensor
            _check_shape(name, product, weight)
            weight.copy_((weight.float() + product.to(weight.device)).to(weight.dtype))
        elif name.endswith(ROWS):
            table = _parameter(model, name.removesuffix(ROWS) + ".weight")
            _check_shape(name, tensor, table[-len(tensor) :])
            table[-len(tensor) :] = tensor.to(table)
        else:
            parameter = _parameter(model, name)
            _check_shape(name, tensor, parameter)
            parameter.copy_(tensor.to(parameter))


def _parameter(model: nn.Module, name: str) -> Tensor:
    try:
        return model.get_parameter(name)
    except AttributeError:
        raise CheckpointError(
            f"the adapters hold {name!r} but the model has no such weight; "
            "they belong to another base"
        ) from None


def _check_shape(name: str, tensor: Tensor, place: Tensor) -> None:
    if tensor.shape != place.shape:
        raise CheckpointError(
            f"the adapters' {name!r} has shape {tuple(tensor.shape)} but the model's weight has "
            f"{tuple(place.shape)}; they belong to another base"
        )
