"""QLoRA: the frozen weights of a decoder as 4-bit NF4, by bitsandbytes, on GPUs and CPUs alike."""

from typing import Any

import torch
from torch import nn

from qwen_audio.errors import RecipeError


def quantize_linear_layers(module: nn.Module) -> None:
    """Replace every linear layer by one of 4-bit weights that computes in the weights' dtype.

    A weight becomes 4 bits and an eighth of a bit for the scales of its blocks (double
    quantization). It is quantized where it lies; on a GPU, when it is moved there.

    Raises:
        RecipeError: bitsandbytes is not installed, or does not run here.
    """
    library = _library()
    linear = [(name, m) for name, m in module.named_modules() if isinstance(m, nn.Linear)]
    for name, layer in linear:
        parent, _, own = name.rpartition(".")
        setattr(module.get_submodule(parent), own, _quantized(layer, library))


def _quantized(layer: nn.Linear, library: Any) -> nn.Module:
    made = library.nn.Linear4bit(
        layer.in_features,
        layer.out_features,
        bias=layer.bias is not None,
        compute_dtype=layer.weight.dtype,
        quant_type="nf4",
        compress_statistics=True,
        device="meta",
    )
    made.weight = library.nn.Params4bit(
        layer.weight.data, requires_grad=False, quant_type="nf4", compress_statistics=True
    )
    made.bias = layer.bias
    device = layer.weight.device
    return made.to("cuda" if device.type == "cpu" and torch.cuda.is_available() else device)


def _library() -> Any:
    try:
        import bitsandbytes
    except (ImportError, OSError, RuntimeError) as error:
        raise RecipeError(
            f"4-bit weights need the library bitsandbytes, which cannot be used here ({error}); "
            "install qwen-audio[qlora], or leave quantize out"
        ) from error
    return bitsandbytes
