"""Read Whisper weights from CTranslate2's `model.bin`, without CTranslate2.

The file is a list of named tensors behind a short header (layout: `ctranslate2/specs/model_spec.py`
of OpenNMT/CTranslate2, binary version 6). Projections of query, key and value are stored stacked;
here they are cut apart again and named as transformers' `WhisperModel` names them.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import WhisperConfig

from qwen_audio.errors import CheckpointError

BINARY_VERSION = 6
# Position in this list = the type's number in the file (bfloat16, number 5, is not in NumPy).
_NUMPY_TYPES = ("<f4", "<i1", "<i2", "<i4", "<f2")
_END_OF_TEXT_FROM_END = 51865 - 50257  # the special tokens of multilingual Whisper


@dataclass(frozen=True, kw_only=True)
class WhisperWeights:
    """A Whisper read from disk: its configuration and the tensors of its two halves."""

    config: WhisperConfig
    encoder: dict[str, Tensor]
    """Keys are those of transformers' `WhisperEncoder`."""
    decoder: dict[str, Tensor]
    """Keys are those of transformers' `WhisperDecoder`; the output matrix is `embed_tokens`."""

    def state(self) -> dict[str, Tensor]:
        """Return both halves under the names of `WhisperForConditionalGeneration`."""
        encoder = {f"model.encoder.{name}": value for name, value in self.encoder.items()}
        return encoder | {f"model.decoder.{name}": value for name, value in self.decoder.items()}


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return every tensor of a CTranslate2 `model.bin`, under its own name.

    Raises:
        CheckpointError: The file is not such a file, or ends too early.
    """
    try:
        return _Reader(path.read_bytes()).tensors()
    except (struct.error, UnicodeDecodeError, ValueError, IndexError) as error:
        raise CheckpointError(
            f"{path} is not a whole CTranslate2 model ({error}); fetch it again"
        ) from error


def read_whisper(path: Path) -> WhisperWeights:
    """Return the weights of a Whisper `model.bin` under transformers' names.

    Raises:
        CheckpointError: The file is damaged, or holds another kind of model.
    """
    tensors = read_tensors(path)
    try:
        return WhisperWeights(
            config=_config(tensors),
            encoder=_encoder(tensors),
            decoder=_decoder(tensors),
        )
    except KeyError as error:
        raise CheckpointError(
            f"{path} is a CTranslate2 model without the tensor {error}; "
            "it is not a Whisper in floating point, so take another file"
        ) from error


class _Reader:
    """A cursor over the bytes of one file."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def tensors(self) -> dict[str, Tensor]:
        version = self._number("I")
        if version != BINARY_VERSION:
            raise ValueError(f"binary version {version}, known is {BINARY_VERSION}")
        self._text()  # name of the model's kind, as "WhisperSpec"
        self._number("I")  # revision of that kind
        tensors = dict(self._tensor() for _ in range(self._number("I")))
        for _ in range(self._number("I")):
            alias, name = self._text(), self._text()
            tensors[alias] = tensors.get(name, torch.empty(0))
        return tensors

    def _tensor(self) -> tuple[str, Tensor]:
        name = self._text()
        shape = tuple(self._number("I") for _ in range(self._number("B")))
        kind = np.dtype(_NUMPY_TYPES[self._number("B")])
        block = self._take(self._number("I"))
        values = np.frombuffer(block, dtype=kind).reshape(shape)
        return name, torch.from_numpy(values.copy())  # a copy: the block is read-only

    def _text(self) -> str:
        return self._take(self._number("H"))[:-1].decode("utf-8")  # ends with a zero byte

    def _number(self, kind: str) -> int:
        layout = struct.Struct(f"<{kind}")
        return layout.unpack(self._take(layout.size))[0]

    def _take(self, num_bytes: int) -> bytes:
        block = self._content[self._position : self._position + num_bytes]
        if len(block) < num_bytes:
            raise ValueError(f"it ends {num_bytes - len(block)} bytes too early")
        self._position += num_bytes
        return block


def _config(tensors: Mapping[str, Tensor]) -> WhisperConfig:
    width, num_mel_bins, _ = tensors["encoder/conv1/weight"].shape
    vocab_size = tensors["decoder/embeddings/weight"].shape[0]
    end_of_text = vocab_size - _END_OF_TEXT_FROM_END
    return WhisperConfig(
        vocab_size=vocab_size,
        num_mel_bins=num_mel_bins,
        d_model=width,
        encoder_layers=_num_layers(tensors, "encoder"),
        decoder_layers=_num_layers(tensors, "decoder"),
        encoder_attention_heads=int(tensors["encoder/num_heads"]),
        decoder_attention_heads=int(tensors["decoder/num_heads"]),
        encoder_ffn_dim=tensors["encoder/layer_0/ffn/linear_0/bias"].shape[0],
        decoder_ffn_dim=tensors["decoder/layer_0/ffn/linear_0/bias"].shape[0],
        max_source_positions=tensors["encoder/position_encodings/encodings"].shape[0],
        max_target_positions=tensors["decoder/position_encodings/encodings"].shape[0],
        bos_token_id=end_of_text,
        eos_token_id=end_of_text,
        pad_token_id=end_of_text,
        decoder_start_token_id=end_of_text + 1,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )


def _num_layers(tensors: Mapping[str, Tensor], half: str) -> int:
    return len(
        {name.split("/")[1] for name in tensors if name.startswith(f"{half}/layer_")}
        - {"layer_norm"}
    )


def _encoder(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    state = _ends_of_half(tensors, "encoder")
    for conv in ("conv1", "conv2"):
        state[f"{conv}.weight"] = tensors[f"encoder/{conv}/weight"]
        state[f"{conv}.bias"] = tensors[f"encoder/{conv}/bias"]
    for index in range(_num_layers(tensors, "encoder")):
        state |= _layer(tensors, f"encoder/layer_{index}", f"layers.{index}")
    return state


def _decoder(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    state = _ends_of_half(tensors, "decoder")
    state["embed_tokens.weight"] = tensors["decoder/embeddings/weight"]
    for index in range(_num_layers(tensors, "decoder")):
        source, target = f"decoder/layer_{index}", f"layers.{index}"
        state |= _layer(tensors, source, target)
        state |= _norm(
            tensors, f"{source}/attention/layer_norm", f"{target}.encoder_attn_layer_norm"
        )
        state |= _linear(tensors, f"{source}/attention/linear_0", f"{target}.encoder_attn", "q")
        state |= _linear(tensors, f"{source}/attention/linear_1", f"{target}.encoder_attn", "kv")
        state |= _linear(tensors, f"{source}/attention/linear_2", f"{target}.encoder_attn", "o")
    return state


def _ends_of_half(tensors: Mapping[str, Tensor], half: str) -> dict[str, Tensor]:
    positions = tensors[f"{half}/position_encodings/encodings"]
    return _norm(tensors, f"{half}/layer_norm", "layer_norm") | {
        "embed_positions.weight": positions
    }


def _layer(tensors: Mapping[str, Tensor], source: str, target: str) -> dict[str, Tensor]:
    """Return what a layer of the encoder and one of the decoder have in common."""
    return (
        _norm(tensors, f"{source}/self_attention/layer_norm", f"{target}.self_attn_layer_norm")
        | _linear(tensors, f"{source}/self_attention/linear_0", f"{target}.self_attn", "qkv")
        | _linear(tensors, f"{source}/self_attention/linear_1", f"{target}.self_attn", "o")
        | _norm(tensors, f"{source}/ffn/layer_norm", f"{target}.final_layer_norm")
        | _linear(tensors, f"{source}/ffn/linear_0", target, "1")
        | _linear(tensors, f"{source}/ffn/linear_1", target, "2")
    )


_PARTS = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "out_proj", "1": "fc1", "2": "fc2"}


def _linear(
    tensors: Mapping[str, Tensor], source: str, target: str, parts: str
) -> dict[str, Tensor]:
    """Cut one stored matrix into its `parts` and name them.

    The key's part of a stacked bias is zero: Whisper's key projection has none, and its name is
    left out.
    """
    weights = tensors[f"{source}/weight"].chunk(len(parts))  # each (out, in)
    biases = tensors[f"{source}/bias"].chunk(len(parts))
    state: dict[str, Tensor] = {}
    for part, weight, bias in zip(parts, weights, biases, strict=True):
        state[f"{target}.{_PARTS[part]}.weight"] = weight.contiguous()
        if part != "k":
            state[f"{target}.{_PARTS[part]}.bias"] = bias.contiguous()
    return state


def _norm(tensors: Mapping[str, Tensor], source: str, target: str) -> dict[str, Tensor]:
    weight, bias = tensors[f"{source}/gamma"], tensors[f"{source}/beta"]
    return {f"{target}.weight": weight, f"{target}.bias": bias}
