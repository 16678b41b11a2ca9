"""Small models for benchmarks and ablations: a tokenizer learnt from labels, a decoder at random.

The pieces are the package's own; only the sizes are small, so that a run takes a minute.
"""

from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from qwen_audio.model.configuration import QwenAudioConfig
from qwen_audio.model.encoder import QwenAudioEncoder
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration
from qwen_audio.model.processing import QwenAudioProcessor
from qwen_audio.text import vocab
from qwen_audio.text.tokenizers import add_audio_tokens, token_id

WORDS = 1000  # of the vocabulary, bytes included


def small_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE of these texts, with all the package's special tokens."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    tokenizer.add_special_tokens({"additional_special_tokens": [vocab.END_OF_TEXT]})
    add_audio_tokens(tokenizer)
    return tokenizer


def write_model(
    folder: Path,
    texts: Iterable[str],
    *,
    width: int,
    layers: int,
    audio: dict,
    encoder: QwenAudioEncoder | None = None,
) -> Path:
    """Write a model with random weights and its processor into a folder, and return it.

    Args:
        folder: where to.
        texts: what the tokenizer learns its words from.
        width: of the decoder.
        layers: of the decoder.
        audio: the encoder's configuration.
        encoder: an encoder of that configuration whose weights are taken.
    """
    tokenizer = small_tokenizer(texts)
    names = (vocab.AUDIO_PAD, vocab.AUDIO_BEGIN, vocab.AUDIO_END)
    pad, begin, end = (token_id(tokenizer, name) for name in names)
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": width,
        "intermediate_size": 3 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": max(1, width // 32),
        "qkv_bias": False,
        "tie_word_embeddings": True,
    }
    ids = {"audio_token_id": pad, "audio_begin_id": begin, "audio_end_id": end}
    config = QwenAudioConfig(
        text_config=text, audio_config=audio, initializer_range=width**-0.5, **ids
    )
    torch.manual_seed(0)
    model = QwenAudioForConditionalGeneration(config)
    # The rows of text stay as they are: long enough for the head to be sure of a word.
    torch.nn.init.normal_(model.get_input_embeddings().weight, std=2 * width**-0.5)
    if encoder is not None:
        model.encoder.load_state_dict(encoder.state_dict())
    model.save_pretrained(folder)
    QwenAudioProcessor.for_model(config, tokenizer).save_pretrained(folder)
    return folder
