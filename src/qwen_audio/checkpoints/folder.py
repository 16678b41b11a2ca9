"""A model and its processor from a folder, whichever of the known layouts it has."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel

from qwen_audio.checkpoints.released import (
    config_from_released,
    config_to_released,
    is_released,
    state_from_released,
    state_to_released,
)
from qwen_audio.checkpoints.weights import read_config, read_tensors
from qwen_audio.errors import CheckpointError, unknown_name
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration
from qwen_audio.model.processing import QwenAudioProcessor
from qwen_audio.text import vocab
from qwen_audio.text.tokenizers import load_qwen_tiktoken

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
VOCABULARY_FILE = "qwen.tiktoken"
STOPS = (vocab.END_OF_TEXT, vocab.CHAT_END, vocab.CHAT_BEGIN)


def as_dtype(name: str | torch.dtype) -> torch.dtype | None:
    """Return the torch dtype of a name; None for "auto" (as stored).

    Raises:
        CheckpointError: a name that is not a dtype of weights.
    """
    if isinstance(name, torch.dtype):
        return name
    if name == "auto":
        return None
    short = name.removeprefix("torch.")
    if short not in DTYPES:
        raise CheckpointError(unknown_name("dtype", short, ["auto", *DTYPES]))
    return DTYPES[short]


def load_released(
    folder: Path, *, dtype: str | torch.dtype = "auto", device_map: Any = None
) -> QwenAudioForConditionalGeneration:
    """Return the model of a folder in the released layout, without remote code.

    The network is laid out without memory and takes each tensor as it is read, so no more than the
    weights themselves and one shard's tensor are ever held.

    Raises:
        CheckpointError: a folder of another family, missing shards, or weights that do not fit.
    """
    config = config_from_released(read_config(folder))
    with torch.device("meta"):
        model = QwenAudioForConditionalGeneration(config)
    kind = as_dtype(dtype)
    state: dict[str, Tensor] = {}
    for ours, tensor in _released_tensors(folder):
        state[ours] = tensor if kind is None else tensor.to(kind)
    assign(model, state)
    model.generation_config = _generation_config(folder)
    model.eval()
    return spread(model, device_map)


def load_processor(folder: Path) -> QwenAudioProcessor:
    """Return the processor of a folder in the released layout.

    Raises:
        CheckpointError: no vocabulary in the folder.
    """
    tokenizer = load_qwen_tiktoken(folder / VOCABULARY_FILE)
    return QwenAudioProcessor.for_model(config_from_released(read_config(folder)), tokenizer)


def save_released(
    model: QwenAudioForConditionalGeneration,
    folder: Path,
    *,
    vocabulary: Path,
    max_shard_size: str = "4GB",
) -> None:
    """Write a model in the released layout: the original's file, config and tensor names.

    Args:
        model: one whose parts the layout can express.
        folder: to write to.
        vocabulary: the `qwen.tiktoken` to go with it.
        max_shard_size: of one weight file.

    Raises:
        CheckpointError: a model that the layout cannot express.
    """
    from huggingface_hub import save_torch_state_dict

    config = config_to_released(model.config)
    if not vocabulary.is_file():
        raise CheckpointError(
            f"no vocabulary at {vocabulary}; the released layout needs its {VOCABULARY_FILE}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        name: tensor.contiguous() for name, tensor in state_to_released(model.state_dict()).items()
    }
    save_torch_state_dict(state, folder, max_shard_size=max_shard_size)
    kind = str(next(iter(state.values())).dtype).removeprefix("torch.")
    config["torch_dtype"] = kind
    _write_json(folder / "config.json", config)
    _write_json(folder / "tokenizer_config.json", {"tokenizer_class": "QWenTokenizer"})
    settings = model.generation_config.to_diff_dict()
    _write_json(folder / "generation_config.json", settings)
    if vocabulary.resolve() != (folder / VOCABULARY_FILE).resolve():
        (folder / VOCABULARY_FILE).write_bytes(vocabulary.read_bytes())


def family_of(folder: Path) -> str:
    """Return which layout a folder has: "released", "qwen_audio" or "qwen2_audio".

    Raises:
        CheckpointError: none of them.
    """
    config = read_config(folder)
    if is_released(config):
        return "released"
    kind = config.get("model_type")
    if kind in ("qwen_audio", "qwen2_audio"):
        return kind
    raise CheckpointError(
        f"{str(folder)!r} holds a model of type {kind!r}, which is not a Qwen-Audio; give a folder "
        "of type qwen_audio, qwen2_audio or the released layout (qwen with an audio part)"
    )


def spread(model: PreTrainedModel, device_map: Any) -> PreTrainedModel:
    """Return the model placed on its devices by accelerate; as it is when no map is given.

    Raises:
        CheckpointError: a map was asked for and accelerate is not installed.
    """
    if device_map is None:
        return model
    try:
        from accelerate import dispatch_model, infer_auto_device_map
    except ImportError as error:
        raise CheckpointError(
            "device_map needs the package accelerate; pip install 'qwen-audio[train]'"
        ) from error
    if not isinstance(device_map, str | dict):
        device_map = {"": device_map}
    if isinstance(device_map, str) and device_map != "auto":
        device_map = {"": device_map}
    if device_map == "auto":
        device_map = infer_auto_device_map(model, no_split_module_classes=model._no_split_modules)
    return dispatch_model(model, device_map)


def _released_tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in read_tensors(folder):
        yield from state_from_released({name: tensor}).items()


def assign(model: QwenAudioForConditionalGeneration, state: dict[str, Tensor]) -> None:
    """Give a network laid out without memory its tensors, none of them copied.

    Raises:
        CheckpointError: tensors are missing, left over, or of another shape.
    """
    try:
        result = model.load_state_dict(state, strict=False, assign=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip()
        raise CheckpointError(f"the weights do not fit config.json: {reason}") from error
    if result.missing_keys or result.unexpected_keys:
        raise CheckpointError(
            f"the weights do not fit config.json: missing {result.missing_keys[:3] or 'none'}, "
            f"left over {result.unexpected_keys[:3] or 'none'}; is a file missing?"
        )


def _generation_config(folder: Path) -> GenerationConfig:
    """Return the folder's generation settings, stops for chat and tagged prompts included."""
    path = folder / "generation_config.json"
    stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    known = ("do_sample", "top_k", "top_p", "temperature", "repetition_penalty", "max_new_tokens")
    kept = {name: stored[name] for name in known if name in stored}
    stops = [vocab.NUM_TEXT_TOKENS + vocab.CHAT_TOKENS.index(token) for token in STOPS]
    return GenerationConfig(eos_token_id=stops, pad_token_id=stops[0], **kept)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
