"""A tiny Qwen-Audio assembled from a tiny Whisper and a tiny Llama, on disk."""

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    WhisperConfig,
    WhisperForConditionalGeneration,
)

from qwen_audio.text import vocab


def characters():
    """Return a tokenizer with one token a byte and the ends of texts and turns."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    ends = [vocab.END_OF_TEXT, vocab.CHAT_BEGIN, vocab.CHAT_END]
    tokenizer.add_special_tokens({"additional_special_tokens": ends})
    return tokenizer


@pytest.fixture(scope="session")
def parts(tmp_path_factory):
    """Give the folders of a Whisper and of an LLM."""
    folder = tmp_path_factory.mktemp("parts")
    torch.manual_seed(0)
    whisper = WhisperConfig(
        d_model=16,
        encoder_layers=1,
        encoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=16,
        vocab_size=60,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    WhisperForConditionalGeneration(whisper).save_pretrained(folder / "whisper")
    llama = LlamaConfig(
        vocab_size=259,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.4,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(llama).save_pretrained(folder / "llm")
    characters().save_pretrained(folder / "llm")
    return folder / "whisper", folder / "llm"
