"""Read a Llama-like language model and its tokenizer from a GGUF file.

llama.cpp stores the query and key rows of each head in its own order (pairs of neighbours rotate);
transformers rotates the two halves of a head, so the order is put back here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor
from transformers import LlamaConfig, PreTrainedTokenizerFast

from qwen_audio.errors import CheckpointError

_OUTSIDE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_INSIDE = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_CONTROL_TOKEN = 3  # gguf.TokenType.CONTROL


@dataclass(frozen=True, kw_only=True)
class LlamaWeights:
    """A language model read from disk: configuration, float32 tensors and tokenizer."""

    config: LlamaConfig
    state: dict[str, Tensor]
    """Keys are those of transformers' `LlamaForCausalLM`."""
    tokenizer: PreTrainedTokenizerFast


def read_llama(path: Path) -> LlamaWeights:
    """Return the model and the tokenizer of a GGUF file.

    Raises:
        CheckpointError: The file is damaged, or holds another kind of model or tokenizer.
    """
    try:
        reader = gguf.GGUFReader(path)
        fields = {name: field.contents() for name, field in reader.fields.items()}
        config = _config(fields)
        state = _state(reader, config)
        return LlamaWeights(config=config, state=state, tokenizer=_tokenizer(fields))
    except (ValueError, IndexError) as error:
        raise CheckpointError(
            f"{path} is not a whole GGUF file ({error}); fetch it again"
        ) from error
    except KeyError as error:
        raise CheckpointError(
            f"{path} lacks {error}; a Llama with a byte-level BPE tokenizer is needed"
        ) from error


def _config(fields: dict[str, Any]) -> LlamaConfig:
    kind = fields["general.architecture"]
    if kind != "llama":
        raise KeyError(f"architecture llama (it has {kind})")
    heads = fields["llama.attention.head_count"]
    width = fields["llama.embedding_length"]
    return LlamaConfig(
        vocab_size=len(fields["tokenizer.ggml.tokens"]),
        hidden_size=width,
        intermediate_size=fields["llama.feed_forward_length"],
        num_hidden_layers=fields["llama.block_count"],
        num_attention_heads=heads,
        num_key_value_heads=fields["llama.attention.head_count_kv"],
        head_dim=width // heads,
        max_position_embeddings=fields["llama.context_length"],
        rms_norm_eps=_plain(fields["llama.attention.layer_norm_rms_epsilon"]),
        rope_parameters={"rope_type": "default", "rope_theta": fields["llama.rope.freq_base"]},
        bos_token_id=fields["tokenizer.ggml.bos_token_id"],
        eos_token_id=fields["tokenizer.ggml.eos_token_id"],
        pad_token_id=fields["tokenizer.ggml.padding_token_id"],
        tie_word_embeddings=True,
    )


def _plain(value: float) -> float:
    """Return the decimal number that a float32 was made from.

    >>> _plain(9.999999747378752e-06)
    1e-05
    """
    return float(str(np.float32(value)))


def _state(reader: gguf.GGUFReader, config: LlamaConfig) -> dict[str, Tensor]:
    state = {}
    for stored in reader.tensors:
        values = gguf.dequantize(stored.data, stored.tensor_type).astype(np.float32)
        tensor = torch.from_numpy(values)
        if stored.name.endswith("attn_q.weight"):
            tensor = _unpermute(tensor, num_heads=config.num_attention_heads)
        elif stored.name.endswith("attn_k.weight"):
            tensor = _unpermute(tensor, num_heads=config.num_key_value_heads)
        state[_name(stored.name)] = tensor
    return state


def _name(stored: str) -> str:
    """Return the name transformers gives to a tensor of llama.cpp.

    >>> _name("blk.7.attn_q.weight")
    'model.layers.7.self_attn.q_proj.weight'
    """
    if stored in _OUTSIDE:
        return _OUTSIDE[stored]
    _, index, part, ending = stored.split(".")
    return f"model.layers.{index}.{_INSIDE[part]}.{ending}"


def _unpermute(weight: Tensor, *, num_heads: int) -> Tensor:
    rows, columns = weight.shape
    pairs = weight.reshape(num_heads, rows // num_heads // 2, 2, columns)
    return pairs.transpose(1, 2).reshape(rows, columns).contiguous()  # halves, as HF rotates


def _tokenizer(fields: dict[str, Any]) -> PreTrainedTokenizerFast:
    kind = (fields["tokenizer.ggml.model"], fields["tokenizer.ggml.pre"])
    if kind != ("gpt2", "smollm"):
        raise KeyError(f"tokenizer gpt2/smollm (it has {'/'.join(kind)})")
    words = fields["tokenizer.ggml.tokens"]
    vocab = {word: index for index, word in enumerate(words)}
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    core = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    core.decoder = decoders.ByteLevel()
    types = fields["tokenizer.ggml.token_type"]
    core.add_special_tokens([w for w, t in zip(words, types, strict=True) if t == _CONTROL_TOKEN])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=words[fields["tokenizer.ggml.bos_token_id"]],
        eos_token=words[fields["tokenizer.ggml.eos_token_id"]],
        pad_token=words[fields["tokenizer.ggml.padding_token_id"]],
        unk_token=words[fields["tokenizer.ggml.unknown_token_id"]],
        chat_template=fields.get("tokenizer.chat_template"),
        model_max_length=fields["llama.context_length"],
        clean_up_tokenization_spaces=False,
    )
