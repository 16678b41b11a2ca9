"""A tiny base model on disk, and a shard of tones with made-up words."""

import io
import json
import tarfile

import numpy as np
import pytest
import soundfile
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.text.tokenizers import add_audio_tokens

WORDS = ("red", "green", "blue", "tree")


def _tokenizer():
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    # Short clips have room for whole words only, of which CTC targets are made.
    backend.train_from_iterator([" ".join(("", "English", "female", *WORDS))] * 3, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    ends = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": ends})
    add_audio_tokens(tokenizer)
    return tokenizer


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A tiny model folder with its processor."""
    import torch

    from qwen_audio.model.configuration import QwenAudioConfig
    from qwen_audio.model.modeling import QwenAudioForConditionalGeneration
    from qwen_audio.model.processing import QwenAudioProcessor
    from qwen_audio.text import vocab
    from qwen_audio.text.tokenizers import token_id

    tokenizer = _tokenizer()
    names = (vocab.AUDIO_PAD, vocab.AUDIO_BEGIN, vocab.AUDIO_END)
    pad, begin, end = (token_id(tokenizer, name) for name in names)
    torch.manual_seed(0)
    config = QwenAudioConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "qkv_bias": False,
            "tie_word_embeddings": True,
        },
        audio_config={
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "pool": 2,
            "pooling": "stack",
        },
        projector="transformer",
        reader=True,
        audio_token_id=pad,
        audio_begin_id=begin,
        audio_end_id=end,
        initializer_range=0.1,
    )
    folder = tmp_path_factory.mktemp("base")
    QwenAudioForConditionalGeneration(config).save_pretrained(folder)
    QwenAudioProcessor.for_model(config, tokenizer).save_pretrained(folder)
    return folder


def write_shard(path, clips):
    """Write (key, waveform, labels) to a tar of FLAC and JSON files."""
    with tarfile.open(path, "w") as tar:
        for key, waveform, labels in clips:
            sound = io.BytesIO()
            soundfile.write(sound, waveform, SAMPLE_RATE, format="FLAC")
            text = json.dumps(labels).encode()
            for suffix, content in ((".flac", sound.getvalue()), (".json", text)):
                member = tarfile.TarInfo(key + suffix)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


def tones():
    """Give eight clips: two words each, every word a tone of its own."""
    time = np.arange(SAMPLE_RATE // 4) / SAMPLE_RATE
    sound = {w: 0.3 * np.sin(2 * np.pi * 300 * (i + 1) * time) for i, w in enumerate(WORDS)}
    for number in range(8):
        first, second = WORDS[number % 4], WORDS[(number // 4 + number + 1) % 4]
        labels = {"lang": "en", "text": f"{first} {second}", "dataset": "tones", "gender": "f"}
        waveform = np.concatenate([sound[first], sound[second]]).astype(np.float32)
        yield f"clip-{number}", waveform, labels


@pytest.fixture(scope="session")
def shard(tmp_path_factory):
    """A shard of eight clips."""
    return write_shard(tmp_path_factory.mktemp("shards") / "tones-000.tar", tones())


@pytest.fixture
def table(base, shard):
    """Give `make(**changes)`: the table of a small recipe, dotted keys changed."""

    def make(**changes):
        made = {
            "stage": "pretrain",
            "model": str(base),
            "steps": 6,
            "precision": "fp32",
            "data": {"shards": [str(shard)], "dev_shards": [str(shard)], "workers": 0},
            "batch": {"seconds": 4.0, "chunk": 16},
            "learn": {
                "encoder": {"rate": 1e-3, "rank": 2, "layer_decay": 0.9},
                "projector": {"rate": 1e-3},
                "rows": {"rate": 1e-3},
                "llm": {"rate": 1e-3, "rank": 2, "alpha": 4.0},
            },
            "loss": {"ctc": 0.3},
            "optimizer": {"warmup": 2},
            "save": {"every": 1000},
            "dev": {"max_new_tokens": 8, "clips": 2, "tasks": ["ASR"]},
        }
        for dotted, value in changes.items():
            *parents, key = dotted.split("__")
            inner = made
            for parent in parents:
                inner = inner[parent]
            inner[key] = value
        return made

    return make


@pytest.fixture(name="tones")
def _tones():
    """Give key, waveform and labels of eight clips."""
    return list(tones())
