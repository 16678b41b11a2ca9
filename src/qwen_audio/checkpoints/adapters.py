"""What a run learnt, small enough to ship: adapters, projector and new token rows in one file.

Matrices are stored as rows of whole steps with one float16 scale a row: 8 bits a weight (a step is
1/127 of the row's largest weight, the error at most half of that), or 6 bits, four weights in three
bytes (1/31). Names are the model's own parameter names, with `.lora_A` and `.lora_B` after the name
of an adapted layer; `merge_into` adds their product to the layer's weight, so that the result needs
no adapter library.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int8, UInt8
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
    weight: Float[Tensor, "rows width"], *, bits: int = 8
) -> tuple[Int8[Tensor, "rows width"], Float[Tensor, " rows"]]:
    """Return a matrix as whole steps of that many bits and the float16 scale of each row."""
    most = 2 ** (bits - 1) - 1
    scales = (weight.float().abs().amax(dim=1) / most).clamp(min=2**-24).half()
    steps = (weight.float() / scales.float()[:, None]).round().clamp(-most, most)
    return steps.to(torch.int8), scales


def dequantize_rows(
    steps: Int8[Tensor, "rows width"], scales: Float[Tensor, " rows"]
) -> Float[Tensor, "rows width"]:
    """Return the float32 matrix that int8 rows and their scales stand for."""
    return steps.float() * scales.float()[:, None]


def pack_six(steps: Int8[Tensor, "rows width"]) -> UInt8[Tensor, " bytes"]:
    """Return steps from -31 to 31 as bytes, four in three."""
    values = (steps.flatten() + 32).to(torch.uint8)
    values = nn.functional.pad(values, (0, -len(values) % 4)).view(-1, 4)
    one, two, three, four = values.unbind(dim=1)
    packed = (one << 2 | two >> 4, (two & 15) << 4 | three >> 2, (three & 3) << 6 | four)
    return torch.stack(packed, dim=1).flatten()


def unpack_six(packed: UInt8[Tensor, " bytes"], rows: int) -> Int8[Tensor, "rows width"]:
    """Return the steps that `pack_six` packed."""
    first, second, third = packed.view(-1, 3).unbind(dim=1)
    middle = ((first & 3) << 4 | second >> 4, (second & 15) << 2 | third >> 6)
    values = torch.stack((first >> 2, *middle, third & 63), dim=1).flatten()
    width = len(values) // rows  # the padding is shorter than a column: a matrix has over 3 rows
    return values[: rows * width].view(rows, width).to(torch.int8) - 32


def save_adapters(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], *, bits: int = 8
) -> None:
    """Write learnt tensors to a safetensors file; matrices become rows of 8 or 6 bits a weight."""
    stored: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu()
        if tensor.ndim == 2 and tensor.numel() > 4096 and len(tensor) > 3:
            steps, scales = quantize_rows(tensor, bits=bits)
            steps = pack_six(steps) if bits == 6 else steps.contiguous()
            stored |= {name: steps, name + _SCALES: scales.contiguous()}
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
                scales = file.get_tensor(name + _SCALES)
                steps = unpack_six(tensor, len(scales)) if tensor.dtype == torch.uint8 else tensor
                tensor = dequantize_rows(steps, scales)
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
