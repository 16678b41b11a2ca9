"""The decoder: equal to the families it stands for, with a cache, padding and long texts."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    DynamicCache,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    StaticCache,
)

from qwen_audio.checkpoints.families import decoder_config_from_llm, decoder_tensors_from_llm
from qwen_audio.errors import ConfigError
from qwen_audio.model.configuration import QwenAudioTextConfig
from qwen_audio.model.decoder import QwenAudioDecoder, ntk_alpha, rotary_angles

SIZES = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}
FAMILIES = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
}


def decoder(**changes):
    torch.manual_seed(0)
    config = QwenAudioTextConfig(**(SIZES | {"initializer_range": 0.3} | changes))
    return QwenAudioDecoder(config).eval()


def run(model, ids, **options):
    with torch.no_grad():
        embedded = model.embed_tokens(ids)
        return model(embedded, **options)


@pytest.mark.parametrize("family", FAMILIES)
def test_hidden_states_equal_the_family_of_the_weights(family):
    config_class, model_class = FAMILIES[family]
    torch.manual_seed(0)
    theirs = model_class(config_class(**SIZES, head_dim=8)).eval()
    config = decoder_config_from_llm(theirs.config)
    ours = QwenAudioDecoder(config).eval()
    state = dict(decoder_tensors_from_llm(theirs.state_dict().items()))
    body = {n.removeprefix("language_model."): t for n, t in state.items() if n != "lm_head.weight"}
    ours.load_state_dict(body)
    ids = torch.randint(0, 50, (2, 9))

    with torch.no_grad():
        expected = theirs.model(ids).last_hidden_state
        found = run(ours, ids).last_hidden_state

    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_an_llm_with_scaled_positions_keeps_its_own_class():
    scaled = LlamaConfig(**SIZES, rope_scaling={"rope_type": "linear", "factor": 2.0})

    assert decoder_config_from_llm(scaled) is scaled


@pytest.mark.parametrize("chunk", [1, 3])
@pytest.mark.parametrize("kind", ["dynamic", "static"])
def test_steps_with_a_cache_equal_one_pass(chunk, kind):
    model = decoder()
    ids = torch.randint(0, 50, (2, 9))
    whole = run(model, ids).last_hidden_state
    is_static = kind == "static"
    cache = StaticCache(config=model.config, max_cache_len=16) if is_static else DynamicCache()

    pieces = [
        run(model, ids[:, start : start + chunk], past_key_values=cache).last_hidden_state
        for start in range(0, 9, chunk)
    ]

    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_nothing(side):
    model = decoder(dynamic_ntk=True, logn_attention=True, train_length=4)
    ids = torch.randint(0, 50, (1, 7))
    alpha = model.prefill_alpha(None, 1, 7)
    alone = run(model, ids, rope_alpha=alpha).last_hidden_state
    fill = torch.zeros(1, 3, dtype=torch.long)
    pair = (fill, ids) if side == "left" else (ids, fill)
    mask = torch.cat([torch.full_like(part, int(part is ids)) for part in pair], dim=1)

    padded = torch.cat(pair, dim=1)
    alpha = model.prefill_alpha(mask, 1, 10)
    hidden = run(model, padded, attention_mask=mask, rope_alpha=alpha).last_hidden_state

    torch.testing.assert_close(hidden[mask.bool()][None], alone, atol=1e-5, rtol=1e-5)


@given(st.integers(1, 100_000))
def test_the_rotary_base_grows_as_qwen_7b_says(length):
    expected = max(2 ** math.ceil(math.log2(length / 2048) + 1) - 1, 1)

    assert ntk_alpha(torch.tensor([length]), 2048).item() == expected


def test_training_uses_neither_ntk_nor_log_n():
    model = decoder(dynamic_ntk=True, logn_attention=True, train_length=4).train()

    assert model.prefill_alpha(None, 1, 100) is None
    assert model._query_scale(torch.arange(100)[None]) is None


def test_a_stretched_base_turns_slower():
    config = QwenAudioTextConfig(**SIZES)
    positions = torch.arange(5)[None]

    plain, _ = rotary_angles(positions, config)
    stretched, _ = rotary_angles(positions, config, torch.tensor([3.0]))

    assert torch.equal(plain[..., 0], stretched[..., 0])  # the fastest pair keeps its pace
    assert (stretched[0, 0, 1:, 1:4] > plain[0, 0, 1:, 1:4]).all()


def test_heads_that_cannot_be_shared_are_named():
    with pytest.raises(ConfigError, match="4 query heads cannot share 3 key heads evenly"):
        QwenAudioTextConfig(**(SIZES | {"num_key_value_heads": 3}))
