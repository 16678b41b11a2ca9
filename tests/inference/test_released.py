"""The released layout through the public face: the original's numbers, to the token."""

import json

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForMultimodalLM, AutoTokenizer

import qwen_audio
import qwen_audio.checkpoints.auto
from qwen_audio import checkpoints
from qwen_audio.checkpoints.folder import load_released, save_released
from qwen_audio.checkpoints.released import config_from_released, released_names
from qwen_audio.errors import CheckpointError
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration

LENGTHS = [2048, 96]  # 96: dynamic NTK and log-n act


def waveform(path):
    return soundfile.read(path, dtype="float32")[0]


def assert_same(logits, expected):
    assert logits.topk(20).indices.tolist() == expected["ids"]
    torch.testing.assert_close(
        logits[expected["ids"]], torch.tensor(expected["values"]), atol=1e-3, rtol=0
    )
    assert logits.mean().item() == pytest.approx(expected["mean"], abs=1e-3)
    assert logits.std().item() == pytest.approx(expected["std"], abs=1e-3)


def as_text(prompt):
    """Write the fixture's prompt, which names files, as ours, which never does."""
    import re

    names = re.findall(r"<audio>(.+?)</audio>", prompt)
    return re.sub(r"<audio>.+?</audio>", "<audio></audio>", prompt), names


@pytest.fixture(scope="module", params=LENGTHS)
def case(request, released):
    folder, expected = released(request.param)
    return qwen_audio.load(folder), expected


@pytest.mark.slow
def test_the_base_prompt_gives_the_originals_ids_frames_and_tokens(case, released_clips):
    qa, expected = case
    base = expected["base"]
    text, names = as_text(base["prompt"])
    clips = [waveform(released_clips(name)) for name in names]

    inputs = qa.processor(text=text, audio=clips, sampling_rate=16000, return_tensors="pt")
    with torch.no_grad():
        output = qa.model(**inputs)
    begin, end = qa.model.boundaries.weight
    greedy = qa.model.generate(**inputs, max_new_tokens=24, do_sample=False)

    assert inputs["input_ids"][0].tolist() == base["ids"]
    assert output.audio_token_counts.tolist() == [base["lens"][0][1]]
    assert_same(output.logits[0, -1], base["last"])
    assert_same(output.logits[0, 60], base["mid"])
    embedded = base["audio_embed"]
    torch.testing.assert_close(begin, torch.tensor(embedded["first"]))
    torch.testing.assert_close(end, torch.tensor(embedded["lastrow"]))
    row = output.audio_tokens[9]
    torch.testing.assert_close(row, torch.tensor(embedded["row10"]), atol=1e-4, rtol=1e-4)
    assert greedy[0, inputs["input_ids"].shape[1] :].tolist() == base["greedy"]


@pytest.mark.slow
def test_three_prompts_give_the_same_one_by_one_and_as_a_batch(case, released_clips):
    qa, expected = case
    prompts = [as_text(entry["prompt"]) for entry in expected["three"]]
    clips = [[waveform(released_clips(name)) for name in names] for _, names in prompts]
    texts = [text for text, _ in prompts]

    batch = qa.processor(text=texts, audio=clips, sampling_rate=16000)
    with torch.no_grad():
        together = qa.model(**batch).logits[:, -1]
        said = qa.model.generate(**batch, max_new_tokens=12, do_sample=False)

    for row, entry in enumerate(expected["three"]):
        assert_same(together[row], entry["last"])
        assert said[row, batch["input_ids"].shape[1] :].tolist() == entry["greedy"]
        alone = qa.processor(text=texts[row], audio=clips[row], sampling_rate=16000)
        with torch.no_grad():
            torch.testing.assert_close(
                qa.model(**alone).logits[0, -1], together[row], atol=1e-4, rtol=0
            )


@pytest.mark.slow
def test_a_chat_about_three_clips_gives_the_originals_reply(case, released_clips):
    qa, expected = case
    chat = expected["chat"]
    messages = []
    for role, text in _turns(chat):
        parts = []
        for name in as_text(text)[1]:
            parts.append({"type": "audio", "path": str(released_clips(name))})
        question = text.rsplit("</audio>\n", 1)[-1]
        parts.append({"type": "text", "text": question})
        messages.append({"role": role, "content": parts})

    inputs = qa.processor.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    with torch.no_grad():
        logits = qa.model(**inputs).logits[0, -1]
    said = qa.model.generate(**inputs, max_new_tokens=16, do_sample=False)

    assert inputs["input_ids"][0].tolist() == chat["ids"]
    assert_same(logits, chat["last"])
    assert said[0, inputs["input_ids"].shape[1] :].tolist() == chat["greedy"]


def _turns(chat):
    (question, answer), *rest = chat["hist"]
    assert not rest
    return [("user", question), ("assistant", answer), ("user", chat["query"])]


@pytest.mark.slow
def test_a_long_text_is_scaled_as_the_original_scales_it(case):
    qa, expected = case
    long = expected["long"]
    ids = np.random.default_rng(expected["seed"]).integers(0, 150000, (1, long["n"]))

    with torch.no_grad():
        logits = qa.model(torch.tensor(ids)).logits[0, -1]

    assert_same(logits, long["last"])


@pytest.mark.slow
def test_transformers_own_auto_classes_open_the_folder(released):
    folder, _ = released(2048)

    model = AutoModelForMultimodalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)

    assert isinstance(model, QwenAudioForConditionalGeneration)
    assert tokenizer("<|0.00|>").input_ids == [151871]


@pytest.mark.slow
def test_the_released_layout_is_written_back_tensor_for_tensor(released, tmp_path):
    folder, _ = released(2048)
    model = load_released(folder)

    save_released(model, tmp_path, vocabulary=folder / "qwen.tiktoken")

    before, after = (load_file(path / "model.safetensors") for path in (folder, tmp_path))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    original = json.loads((folder / "config.json").read_text())
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["audio"] == original["audio"]
    assert all(original[key] == value for key, value in written.items() if key in original)


@pytest.mark.slow
def test_our_own_layout_makes_the_round_trip(released, tmp_path):
    folder, _ = released(2048)
    qa = qwen_audio.load(folder)
    ids = torch.tensor([[1, 2, 3]])

    qa.model.save_pretrained(tmp_path)
    qa.processor.save_pretrained(tmp_path)
    again = qwen_audio.load(tmp_path)

    torch.testing.assert_close(again.model(ids).logits, qa.model(ids).logits)
    text = "<|en|>Straße"
    assert again.processor.tokenizer(text).input_ids == qa.processor.tokenizer(text).input_ids


@pytest.mark.slow
def test_a_model_goes_to_our_layout_and_back(released, tmp_path):
    folder, _ = released(2048)

    checkpoints.convert(folder, tmp_path / "ours", layout="qwen_audio")
    checkpoints.convert(tmp_path / "ours", tmp_path / "back", layout="released")

    before, after = (load_file(p / "model.safetensors") for p in (folder, tmp_path / "back"))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_layout_that_is_not_known_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="unknown layout 'relased'; did you mean 'released'"):
        checkpoints.convert(tmp_path, tmp_path / "out", layout="relased")


def test_the_seven_billion_model_has_the_originals_names_and_size():
    layers = {f"transformer.h.{i}.{name}" for i in range(32) for name in _LAYER}
    blocks = {f"transformer.audio.blocks.{i}.{name}" for i in range(32) for name in _BLOCK}
    config = config_from_released(_released_7b())
    with torch.device("meta"):
        model = QwenAudioForConditionalGeneration(config)

    assert sum(p.numel() for p in model.parameters()) == 8_394_302_464
    assert released_names(model.state_dict()) == layers | blocks | _WHOLE


@pytest.mark.slow
def test_a_missing_shard_is_named(released, tmp_path):
    folder, _ = released(2048)
    for name in ("config.json", "qwen.tiktoken"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    index = {"weight_map": {"lm_head.weight": "model-00002-of-00002.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))

    with pytest.raises(CheckpointError, match=r"lacks 1 of its 1 weight shards .*00002-of-00002"):
        qwen_audio.load(tmp_path)


@pytest.mark.slow
def test_a_truncated_file_says_so(released, tmp_path):
    folder, _ = released(2048)
    for name in ("config.json", "qwen.tiktoken", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes()[:50_000_000])
    (tmp_path / "model.safetensors").write_bytes(b"\x10" * 200)

    with pytest.raises(CheckpointError, match=r"cannot read .*fetch it again"):
        load_released(tmp_path)


@pytest.mark.slow
def test_bin_shards_are_read_too(released, tmp_path):
    folder, _ = released(2048)
    for name in ("config.json", "qwen.tiktoken"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    state = load_file(folder / "model.safetensors")
    names = sorted(state)
    shards = {"pytorch_model-1.bin": names[::2], "pytorch_model-2.bin": names[1::2]}
    for file, part in shards.items():
        torch.save({name: state[name] for name in part}, tmp_path / file)
    weight_map = {name: file for file, part in shards.items() for name in part}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))

    model = load_released(tmp_path, dtype="bfloat16")

    assert model.dtype == torch.bfloat16


def test_another_familys_config_is_named(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen", "vocab_size": 1}))
    save_file({"a": torch.zeros(1)}, tmp_path / "model.safetensors")

    with pytest.raises(CheckpointError, match=r"type 'qwen', which is not a Qwen-Audio"):
        qwen_audio.load(tmp_path)


def test_a_name_that_is_nowhere_is_one_sentence():
    with pytest.raises(CheckpointError, match=r"no model folder at './nowhere'"):
        qwen_audio.load("./nowhere")


def test_an_unknown_dtype_is_named(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen_audio"}))

    with pytest.raises(CheckpointError, match="unknown dtype 'float31'; did you mean 'float32'"):
        qwen_audio.load(tmp_path, dtype="float31")


_NORMS = {"ln_1.weight", "ln_2.weight"}
_LAYER = _NORMS | {
    *("attn.c_attn.weight", "attn.c_attn.bias", "attn.c_proj.weight"),
    *("mlp.w1.weight", "mlp.w2.weight", "mlp.c_proj.weight"),
}
_BLOCK = {"attn.key.weight"} | {
    f"{name}.{kind}"
    for name in ("attn.query", "attn.value", "attn.out", "attn_ln", "mlp.0", "mlp.2", "mlp_ln")
    for kind in ("weight", "bias")
}
_WHOLE = {
    "transformer.wte.weight",
    "transformer.ln_f.weight",
    "lm_head.weight",
    "transformer.audio.positional_embedding",
    *(f"transformer.audio.{n}.{k}" for n in ("conv1", "conv2") for k in ("weight", "bias")),
    *(f"transformer.audio.{n}.{k}" for n in ("ln_post", "proj") for k in ("weight", "bias")),
    "transformer.audio.audio_bos_eos_token.weight",
}


def _released_7b():
    return {
        "model_type": "qwen",
        "vocab_size": 155947,
        "hidden_size": 4096,
        "intermediate_size": 22016,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "kv_channels": 128,
        "max_position_embeddings": 8192,
        "layer_norm_epsilon": 1e-5,
        "rotary_emb_base": 10000,
        "use_dynamic_ntk": True,
        "use_logn_attn": True,
        "seq_length": 2048,
        "audio": {"n_mels": 80, "n_ctx": 1500, "n_state": 1280, "n_head": 20, "n_layer": 32},
    }
