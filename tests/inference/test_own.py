"""Our own folders opened quickly: what comes back is what transformers' loaders give."""

import json

import pytest
import torch
from transformers import AutoProcessor, AutoTokenizer

import qwen_audio
from qwen_audio.checkpoints import own
from qwen_audio.checkpoints.own import load_own_model, load_own_processor
from qwen_audio.errors import CheckpointError
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration


@pytest.fixture
def folder(parts, tmp_path):
    """Give the folder of a tiny model with all that the default one has."""
    shape = {"pool": 4, "pooling": "stack", "projector": "transformer", "reader": True}
    qwen_audio.assemble(*parts, tmp_path / "tiny", dtype=torch.bfloat16, **shape)
    qwen_audio.register()
    change(
        tmp_path / "tiny" / "tokenizer_config.json", lambda said: said.pop("extra_special_tokens")
    )
    return tmp_path / "tiny"


def change(path, how):
    said = json.loads(path.read_text("utf-8"))
    how(said)
    path.write_text(json.dumps(said), "utf-8")


@pytest.mark.parametrize("dtype", [None, torch.float32])
def test_the_model_is_the_one_that_from_pretrained_gives(folder, dtype):
    ours = load_own_model(folder, dtype)
    theirs = QwenAudioForConditionalGeneration.from_pretrained(folder, dtype=dtype or "auto")

    assert ours.config.to_dict() == theirs.config.to_dict()
    assert ours.generation_config.to_dict() == theirs.generation_config.to_dict()
    assert (ours.dtype, ours.training) == (dtype or torch.bfloat16, False)
    assert ours.lm_head.weight is ours.get_input_embeddings().weight
    expected = theirs.state_dict()
    assert ours.state_dict().keys() == expected.keys()
    for name, tensor in ours.state_dict().items():
        assert tensor.device.type == "cpu", name
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=0)


def test_the_processor_is_the_one_that_from_pretrained_gives(folder, monkeypatch):
    theirs = AutoProcessor.from_pretrained(folder)
    monkeypatch.setattr(own.QwenAudioProcessor, "from_pretrained", None)
    ours = load_own_processor(folder)

    assert str(ours.tokenizer) == str(theirs.tokenizer)
    assert ours.tokenizer.backend_tokenizer.to_str() == theirs.tokenizer.backend_tokenizer.to_str()
    assert ours.chat_template == theirs.chat_template
    assert ours.pool == theirs.pool == 4
    assert ours.feature_extractor.to_dict() == theirs.feature_extractor.to_dict()


def test_a_model_that_was_opened_can_be_saved_and_opened_by_transformers(folder, tmp_path):
    processor = load_own_processor(folder)

    load_own_model(folder, None).save_pretrained(tmp_path / "again")
    processor.save_pretrained(tmp_path / "again")

    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "again")
    assert tokenizer.get_vocab() == processor.tokenizer.get_vocab()
    assert tokenizer.eos_token == processor.tokenizer.eos_token
    assert load_own_model(tmp_path / "again", None).config.audio_config.pool == 4


def test_a_tokenizer_of_another_kind_goes_through_transformers(folder, monkeypatch):
    change(folder / "tokenizer_config.json", lambda said: said.update(add_prefix_space=True))
    theirs = AutoProcessor.from_pretrained(folder)
    asked = []
    monkeypatch.setattr(
        own.QwenAudioProcessor, "from_pretrained", lambda where: asked.append(where) or theirs
    )

    assert load_own_processor(folder) is theirs
    assert asked == [folder]


def test_weights_that_do_not_fit_the_configuration_are_refused(folder):
    change(folder / "config.json", lambda said: said["text_config"].update(num_hidden_layers=3))

    with pytest.raises(CheckpointError, match=r"the weights do not fit config\.json: missing"):
        load_own_model(folder, None)
