"""A model and its processor by name or folder: ours, the released layout, or Qwen2-Audio."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from qwen_audio.checkpoints.auto import register
from qwen_audio.checkpoints.folder import (
    as_dtype,
    family_of,
    load_processor,
    load_released,
    spread,
)
from qwen_audio.checkpoints.own import load_own_model, load_own_processor
from qwen_audio.checkpoints.weights import read_config, weight_files
from qwen_audio.errors import CheckpointError
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration

ADAPTER_CONFIG = "adapter_config.json"  # of PEFT: adapters to be added to another model


@dataclass(frozen=True)
class Loaded:
    """A network and the processor that goes with it."""

    model: PreTrainedModel
    processor: Any


def find_folder(name: str | Path) -> Path:
    """Return the folder of a model: a path as it is, a hub name downloaded or from the hub's cache.

    Raises:
        CheckpointError: neither a folder nor a name the hub knows.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    text = str(name)
    if text.count("/") != 1 or text.startswith((".", "/", "~")):
        raise CheckpointError(
            f"no model folder at {text!r}; give a folder, or a hub name such as "
            "'Qwen/Qwen-Audio-Chat'"
        )
    return _from_hub(text)


def load_folder(
    folder: Path,
    *,
    dtype: str | torch.dtype = "auto",
    device: str | torch.device | None = None,
    device_map: Any = None,
) -> Loaded:
    """Return the model and processor of a folder of any layout we know.

    Args:
        folder: with config.json, weights and vocabulary.
        dtype: of the weights; "auto" as stored.
        device: where the model goes.
        device_map: how accelerate spreads it over devices, instead of `device`.

    Raises:
        CheckpointError: another family, something missing, or weights that do not fit.
    """
    register()
    base = base_folder(folder)
    if base != folder:
        loaded = load_folder(base, dtype=dtype, device=device, device_map=device_map)
        return Loaded(_with_adapters(loaded.model, folder), loaded.processor)
    family = family_of(folder)
    kind = as_dtype(dtype)
    if family == "released":
        processor: Any = load_processor(folder)
        model: PreTrainedModel = load_released(folder, dtype=dtype, device_map=device_map)
    elif family == "qwen2_audio":
        model, processor = _load_qwen2_audio(folder, kind)
        model = spread(model, device_map)
    else:
        weight_files(folder)  # says what is missing before transformers does
        processor = load_own_processor(folder)
        model = spread(load_own_model(folder, kind), device_map)
    if device is not None and device_map is None:
        model = _to_device(model, device)
    return Loaded(model.eval(), processor)


def base_folder(folder: Path) -> Path:
    """Return the folder of the model that adapters in a folder belong to, else the folder itself.

    Raises:
        CheckpointError: the adapters do not say, or their model is not there.
    """
    path = folder / ADAPTER_CONFIG
    if not path.is_file():
        return folder
    name = json.loads(path.read_text(encoding="utf-8")).get("base_model_name_or_path")
    if not name:
        raise CheckpointError(f"{path} names no base model; write it in as base_model_name_or_path")
    return find_folder(name)


def _with_adapters(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """Return a model with the adapters of a folder added to its weights."""
    try:
        from peft import PeftModel
    except ImportError as error:
        raise CheckpointError(
            "the folder holds adapters, which need the package peft; "
            "pip install 'qwen-audio[train]', or merge them with `qwen-audio finetune --merge`"
        ) from error
    return PeftModel.from_pretrained(model, folder).merge_and_unload().eval()


def _to_device(model: PreTrainedModel, device: str | torch.device) -> PreTrainedModel:
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(
            f"cannot put the model on {str(device)!r} ({reason}); try device 'cpu'"
        ) from error


def _load_qwen2_audio(folder: Path, dtype: torch.dtype | None) -> tuple[Any, Any]:
    from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration

    read_config(folder)
    weight_files(folder)
    model = Qwen2AudioForConditionalGeneration.from_pretrained(folder, dtype=dtype or "auto")
    return model, AutoProcessor.from_pretrained(folder)


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    patterns = ["*.json", "*.safetensors", "*.bin", "*.tiktoken", "*.jinja", "*.txt"]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise CheckpointError(
            f"cannot find the model {name!r}: no such folder here, and the model hub gave "
            f"{type(error).__name__}; check the name and the network, or give a folder"
        ) from error


def lay_out(folder: Path) -> tuple[PreTrainedModel, str]:
    """Return the network of a folder without its weights (on the meta device), and its family."""
    from transformers import AutoConfig, Qwen2AudioForConditionalGeneration

    register()
    folder = base_folder(folder)
    family = family_of(folder)
    config = AutoConfig.from_pretrained(folder)
    kinds = {"qwen2_audio": Qwen2AudioForConditionalGeneration}
    with torch.device("meta"):
        return kinds.get(family, QwenAudioForConditionalGeneration)(config), family
