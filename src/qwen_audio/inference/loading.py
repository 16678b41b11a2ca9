"""`load`: a model that answers, from a name, a folder, or nothing (the default model)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from qwen_audio.checkpoints.default import default_dtype, default_folder
from qwen_audio.checkpoints.load import find_folder, load_folder
from qwen_audio.inference.answers import QwenAudio
from qwen_audio.inference.qwen2 import Qwen2Audio


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a model is made of, counted; languages and licence as its card says (None: not said)."""

    name: str
    family: str
    parameters: int
    encoder_parameters: int
    decoder_parameters: int
    dtype: str
    vocabulary: int
    encoder_layers: int
    encoder_width: int
    decoder_layers: int
    decoder_width: int
    audio_tokens_per_second: float
    languages: tuple[str, ...] | None
    licence: str | None


def load(
    name: str | Path | None = None,
    *,
    dtype: str | torch.dtype = "auto",
    device: str | torch.device | None = None,
    device_map: Any = None,
) -> QwenAudio | Qwen2Audio:
    """Return a model that answers.

    Args:
        name: a folder or a hub name ("Qwen/Qwen-Audio-Chat"); nothing for the default model.
        dtype: of the weights; "auto" as stored (for the default model: what this machine is
            fastest with).
        device: "cpu", "cuda", …
        device_map: how accelerate spreads a large model over devices, instead of `device`.

    Raises:
        CheckpointError: no such model, or one of another family.
        DownloadError: the default model's base weights cannot be had.
    """
    if name is None:
        folder = default_folder()
        dtype = default_dtype() if dtype == "auto" else dtype
    else:
        folder = find_folder(name)
    loaded = load_folder(folder, dtype=dtype, device=device, device_map=device_map)
    kind = Qwen2Audio if loaded.model.config.model_type == "qwen2_audio" else QwenAudio
    return kind(loaded.model, loaded.processor)


def describe(name: str | Path | None = None) -> Description:
    """Return what a model is made of; its weights are not read.

    Raises:
        CheckpointError: no such model, or one of another family.
    """
    from qwen_audio.audio.lengths import token_seconds
    from qwen_audio.checkpoints.load import lay_out

    folder = default_folder() if name is None else find_folder(name)
    model, family = lay_out(folder)
    audio, text = model.config.audio_config, model.config.text_config
    encoder = sum(p.numel() for part in _audio_parts(model) for p in part.parameters())
    total = sum(p.numel() for p in model.parameters())
    return Description(
        name=folder.name if name is None else str(name),
        family=family,
        parameters=total,
        encoder_parameters=encoder,
        decoder_parameters=total - encoder,
        dtype=str(model.config.dtype or "float32").removeprefix("torch."),
        vocabulary=text.vocab_size,
        encoder_layers=audio.num_hidden_layers,
        encoder_width=audio.hidden_size,
        decoder_layers=text.num_hidden_layers,
        decoder_width=text.hidden_size,
        audio_tokens_per_second=1 / token_seconds(getattr(audio, "pool", 2)),
        **_said_by_card(folder),
    )


def _said_by_card(folder: Path) -> dict[str, Any]:
    """Return languages and licence from the head of a folder's README.md (a hub's model card)."""
    from huggingface_hub import ModelCard

    path = folder / "README.md"
    said = ModelCard.load(path, ignore_metadata_errors=True).data if path.is_file() else None
    languages = getattr(said, "language", None)
    if isinstance(languages, str):
        languages = [languages]
    return {
        "languages": tuple(languages) if languages else None,
        "licence": getattr(said, "license", None),
    }


def _audio_parts(model: torch.nn.Module) -> list[torch.nn.Module]:
    names = ("encoder", "projector", "reader", "boundaries", "audio_tower", "multi_modal_projector")
    holder = model if hasattr(model, "encoder") else getattr(model, "model", model)
    return [part for name in names if (part := getattr(holder, name, None)) is not None]
