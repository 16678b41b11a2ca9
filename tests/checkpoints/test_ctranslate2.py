import numpy as np
import pytest
import torch
from transformers import WhisperForConditionalGeneration

from qwen_audio.checkpoints.ctranslate2 import read_tensors, read_whisper
from qwen_audio.errors import CheckpointError


def test_every_stored_type_comes_back_with_its_numbers(tmp_path, make_model_bin):
    kinds = ("float32", "int8", "int16", "int32", "float16")
    stored = {kind: np.arange(6, dtype=kind).reshape(2, 3) for kind in kinds}

    make_model_bin(tmp_path / "model.bin", stored, [("again", "int8")])
    read = read_tensors(tmp_path / "model.bin")

    assert all(np.array_equal(read[kind].numpy(), stored[kind]) for kind in kinds)
    assert [str(read[kind].dtype).removeprefix("torch.") for kind in kinds] == list(kinds)
    assert torch.equal(read["again"], read["int8"])


def test_the_weights_read_back_are_the_model_that_was_written(whisper, whisper_files):
    weights = read_whisper(whisper_files / "model.bin")
    model = WhisperForConditionalGeneration(weights.config).eval()
    missing, unexpected = model.load_state_dict(weights.state(), strict=False)
    mel, ids = torch.randn(2, 80, 100), torch.tensor([[5, 6, 7], [8, 9, 10]])

    with torch.no_grad():
        ours = model(input_features=mel, decoder_input_ids=ids).logits
        theirs = whisper(input_features=mel, decoder_input_ids=ids).logits

    assert missing == ["proj_out.weight"]  # tied to the embedding
    assert not unexpected
    assert torch.equal(ours, theirs)


def test_the_configuration_follows_from_the_tensors(whisper, whisper_files):
    read = read_whisper(whisper_files / "model.bin").config

    for field in ("vocab_size", "d_model", "encoder_layers", "decoder_attention_heads"):
        assert getattr(read, field) == getattr(whisper.config, field)
    for field in ("max_source_positions", "decoder_start_token_id", "eos_token_id"):
        assert getattr(read, field) == getattr(whisper.config, field)


@pytest.mark.parametrize("kept", [3, 200, 0.5, 0.999])
def test_a_file_that_ends_too_early_is_refused(tmp_path, whisper_files, kept):
    content = (whisper_files / "model.bin").read_bytes()
    cut = tmp_path / "model.bin"
    cut.write_bytes(content[: kept if kept > 1 else int(kept * len(content))])

    with pytest.raises(CheckpointError, match=r"not a whole CTranslate2 model .*fetch it again"):
        read_whisper(cut)


def test_another_model_of_the_same_format_is_refused_by_the_tensor_it_lacks(
    tmp_path, make_model_bin
):
    make_model_bin(tmp_path / "model.bin", {"encoder/other": np.zeros(2, dtype="float32")})

    with pytest.raises(CheckpointError, match="without the tensor 'encoder/conv1/weight'"):
        read_whisper(tmp_path / "model.bin")
