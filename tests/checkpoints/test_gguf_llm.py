import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from qwen_audio.checkpoints.gguf_llm import read_llama
from qwen_audio.errors import CheckpointError
from qwen_audio.text.vocab import tag


def loaded(weights):
    model = LlamaForCausalLM(weights.config).eval()
    missing, unexpected = model.load_state_dict(weights.state, strict=False)
    assert missing == ["lm_head.weight"]  # tied to the embedding
    assert not unexpected
    return model


def test_the_model_read_back_answers_like_the_one_written(tmp_path, llama, make_gguf):
    make_gguf(tmp_path / "tiny.gguf")
    ids = torch.tensor([[1, 70, 20, 33, 9, 250, 4]])

    model = loaded(read_llama(tmp_path / "tiny.gguf"))

    with torch.no_grad():
        assert torch.equal(model(ids).logits, llama(ids).logits)


def test_quantised_weights_are_those_transformers_reads(tmp_path, make_gguf):
    pytest.importorskip("accelerate")
    make_gguf(tmp_path / "tiny.gguf", quantise=True)

    ours = loaded(read_llama(tmp_path / "tiny.gguf")).state_dict()
    theirs = AutoModelForCausalLM.from_pretrained(
        tmp_path, gguf_file="tiny.gguf", dtype=torch.float32
    ).state_dict()

    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_configuration_is_a_plain_llama(tmp_path, llama, make_gguf):
    make_gguf(tmp_path / "tiny.gguf")

    config = read_llama(tmp_path / "tiny.gguf").config

    assert config.rms_norm_eps == 1e-5
    assert config.rope_parameters == llama.config.rope_parameters
    assert config.tie_word_embeddings
    assert not hasattr(config, "quantization_config")


def test_the_tokenizer_keeps_chat_marks_whole_splits_digits_and_round_trips(tmp_path, make_gguf):
    make_gguf(tmp_path / "tiny.gguf")
    tokenizer = read_llama(tmp_path / "tiny.gguf").tokenizer

    text = f"{tag('im_start')}user\nHello ChatML 42  hi\n\nдa{tag('im_end')}"
    ids = tokenizer(text).input_ids

    assert tokenizer.decode(ids) == text
    assert (ids[0], ids[-1]) == (1, 2)
    assert tokenizer.tokenize("42") == ["4", "2"]
    assert tokenizer.tokenize("hi hi") == ["hi", "Ġhi"]
    assert tokenizer.eos_token == tag("im_end")


def test_a_file_that_ends_too_early_is_refused(tmp_path, make_gguf):
    make_gguf(tmp_path / "tiny.gguf")
    content = (tmp_path / "tiny.gguf").read_bytes()
    (tmp_path / "cut.gguf").write_bytes(content[: len(content) // 2])

    with pytest.raises(CheckpointError, match=r"not a whole GGUF file .*fetch it again"):
        read_llama(tmp_path / "cut.gguf")


def test_another_tokenizer_is_refused_by_name(tmp_path, make_gguf):
    make_gguf(tmp_path / "tiny.gguf", pre="llama-bpe")

    with pytest.raises(CheckpointError, match="it has gpt2/llama-bpe"):
        read_llama(tmp_path / "tiny.gguf")
