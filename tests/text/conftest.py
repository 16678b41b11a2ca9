"""Tokenizers for these tests: a tiny one like an LLM's, and the released one if it is at hand."""

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

from qwen_audio.audio.sources import Clip
from qwen_audio.text import vocab
from qwen_audio.text.tokenizers import add_audio_tokens, load_qwen_tiktoken

FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures" / "released_format"
CORPUS = ["the cat says hello to the man", "user assistant system", "What is it? Audio 1:"] * 3


def tiny_backend() -> Tokenizer:
    backend = Tokenizer(BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=400,
        special_tokens=[vocab.END_OF_TEXT, vocab.CHAT_BEGIN, vocab.CHAT_END, "<repo_name>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(CORPUS, trainer)
    return backend


class TinyTokenizer(PreTrainedTokenizerFast):
    """An LLM's tokenizer as it comes: special tokens first, and end-of-text is not its eos."""

    def __repr__(self) -> str:
        return "the tiny tokenizer"  # hypothesis prints it with every failure


@pytest.fixture
def fresh_tokenizer() -> PreTrainedTokenizerFast:
    """One that a test may change or save."""
    return PreTrainedTokenizerFast(tokenizer_object=tiny_backend(), eos_token=vocab.CHAT_END)


@pytest.fixture(scope="session")
def llm_tokenizer() -> PreTrainedTokenizerFast:
    return TinyTokenizer(tokenizer_object=tiny_backend(), eos_token=vocab.CHAT_END)


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """The same with the audio tokens."""
    tokenizer = TinyTokenizer(tokenizer_object=tiny_backend(), eos_token=vocab.CHAT_END)
    add_audio_tokens(tokenizer)
    return tokenizer


@pytest.fixture(scope="session")
def released_folder() -> Path:
    if not (FIXTURES / "qwen.tiktoken").is_file():
        pytest.skip("the released vocabulary is not on this machine")
    return FIXTURES


@pytest.fixture(scope="session")
def released_tokenizer(released_folder: Path) -> PreTrainedTokenizerFast:
    return load_qwen_tiktoken(released_folder / "qwen.tiktoken")


@pytest.fixture
def second() -> Clip:
    """One second of silence: 25 audio tokens."""
    return Clip(np.zeros(16_000, np.float32), "silence.wav")
