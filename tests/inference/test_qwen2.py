"""Qwen2-Audio behind `load`: transformers' own class, our clips and records."""

import json

import numpy as np
import pytest
from transformers import (
    Qwen2AudioConfig,
    Qwen2AudioForConditionalGeneration,
    Qwen2AudioProcessor,
    WhisperFeatureExtractor,
)

import qwen_audio
from qwen_audio.errors import AudioError, CheckpointError
from qwen_audio.inference.qwen2 import Qwen2Audio
from qwen_audio.text import vocab

SHORT = qwen_audio.Generation(max_new_tokens=4)
MARKS = ["<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>"]


@pytest.fixture(scope="module")
def folder(parts, tmp_path_factory):
    from transformers import PreTrainedTokenizerFast

    out = tmp_path_factory.mktemp("qwen2")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(parts[1])
    tokenizer.add_special_tokens({"additional_special_tokens": [vocab.CHAT_BEGIN, *MARKS]})
    text = {"model_type": "qwen2", "vocab_size": 300, "hidden_size": 16, "intermediate_size": 24}
    text |= {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2}
    audio = {"d_model": 16, "encoder_layers": 1, "encoder_attention_heads": 2}
    audio |= {"encoder_ffn_dim": 32, "num_mel_bins": 80}
    mark = tokenizer.convert_tokens_to_ids(MARKS[0])
    config = Qwen2AudioConfig(text_config=text, audio_config=audio, audio_token_index=mark)
    Qwen2AudioForConditionalGeneration(config).save_pretrained(out)
    template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}"
        "{{ m.content }}{% else %}{% for c in m.content %}{% if c.type == 'audio' %}"
        "<|audio_bos|><|AUDIO|><|audio_eos|>{% else %}{{ c.text }}{% endif %}{% endfor %}"
        "{% endif %}<|im_end|>{% endfor %}"
    )
    extractor = WhisperFeatureExtractor(80)
    Qwen2AudioProcessor(extractor, tokenizer, chat_template=template).save_pretrained(out)
    return out


@pytest.mark.slow
def test_a_qwen2_audio_folder_answers_and_transcribes(folder):
    qa = qwen_audio.load(folder)
    clip = (np.zeros(16_000, np.float32) + 0.1 * np.sin(np.arange(16_000) / 9), 16_000)

    reply = qa.ask(clip, "What is it?", settings=SHORT)
    said = qa.transcribe(clip, language="en", settings=SHORT)

    assert isinstance(qa, Qwen2Audio)
    assert 0 < len(reply.ids) <= 4
    assert said.language == "en"


@pytest.mark.slow
def test_a_clip_past_thirty_seconds_is_refused_there_too(folder):
    qa = qwen_audio.load(folder)

    with pytest.raises(AudioError, match="30"):
        qa.ask((np.ones(31 * 16_000, np.float32), 16_000), "What is it?")


def test_a_folder_without_weights_says_what_it_lacks(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2_audio"}))

    with pytest.raises(CheckpointError, match=r"has no weights; expected model\.safetensors"):
        qwen_audio.load(tmp_path)
