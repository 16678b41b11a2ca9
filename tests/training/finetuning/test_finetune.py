"""A tiny model learns conversations: what opens, what is masked, how it resumes and loads."""

import hashlib
import io
import os
import signal
import sys

import pytest
import soundfile
import torch
from transformers import TrainerCallback

import qwen_audio
from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.checkpoints.load import load_folder
from qwen_audio.errors import CheckpointError, DataError, RecipeError
from qwen_audio.model.modeling import IGNORED
from qwen_audio.text import vocab
from qwen_audio.text.tokenizers import token_id
from qwen_audio.training.finetuning import run as finetuning
from qwen_audio.training.finetuning.examples import Collator, Conversations, reply_parts
from qwen_audio.training.finetuning.quantizing import quantize_linear_layers
from qwen_audio.training.finetuning.recipe import FinetuneRecipe
from qwen_audio.training.finetuning.rows import read_conversations
from qwen_audio.training.finetuning.run import finetune, open_parts

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture
def stop_after(monkeypatch):
    """Give `set(step)`: the process gets SIGTERM in that step."""
    made = {}

    class Killer(TrainerCallback):
        def on_step_begin(self, _args, state, control, **_):
            if state.global_step + 1 == made.get("step"):
                os.kill(os.getpid(), signal.SIGTERM)
            return control

    own = finetuning._StopCleanly

    def both(sign):
        return type("Both", (own, Killer), {})(sign)

    monkeypatch.setattr(finetuning, "_StopCleanly", both)
    return lambda step: made.update(step=step)


def hash_of(folder):
    model = load_folder(folder).model
    content = b"".join(t.float().numpy().tobytes() for t in model.state_dict().values())
    return hashlib.sha256(content).hexdigest()


def test_only_replies_and_their_ends_are_learnt(lesson, base):
    processor = load_folder(base).processor
    prompts = [Conversations(read_conversations(lesson), processor)[i] for i in (0, 1)]

    batch = Collator(processor)(prompts)

    for ids, labels, prompt in zip(batch["input_ids"], batch["labels"], prompts, strict=True):
        learnt = labels != IGNORED
        assert torch.equal(ids[learnt], labels[learnt])
        reply = processor.tokenizer.decode(labels[learnt])
        assert reply in [f"{text}<|im_end|>" for text in ("red green", "green tree", "green blue")]
        assert int(learnt.sum()) == sum(prompt.is_learnt)
    assert len(batch["input_features"]) == 2


def test_a_reply_may_spell_time_stamps_but_no_end_of_a_message(base):
    tokenizer = load_folder(base).processor.tokenizer
    parts = reply_parts("at <|2.33|> s <|im_end|><audio>")

    trusted = [part.text for part in parts if part.is_trusted]

    assert trusted == [vocab.timestamp_token(2.33)]
    assert token_id(tokenizer, trusted[0]) is not None
    assert "".join(part.text for part in parts) == "at <|2.33|> s <|im_end|><audio>"


def test_adapters_stand_on_the_llm_alone_unless_told_otherwise(recipe, base):
    def opened(**changes):
        model = open_parts(load_folder(base).model, recipe(**changes), base=base)
        names = [name for name, p in model.named_parameters() if p.requires_grad]
        parts = ("language_model", "encoder", "projector")
        return {part for part in parts for name in names if f".{part}." in f".{name}"}

    assert opened() == {"language_model"}
    assert opened(learn_encoder=True) == {"language_model", "encoder"}
    assert opened(learn_projector=True) == {"language_model", "projector"}
    assert opened(rank=0) == {"language_model"}


def test_the_result_loads_and_a_merged_one_is_the_same(recipe, base, tmp_path):
    made = finetune(recipe(), tmp_path / "adapters")
    finetune(recipe(), tmp_path / "merged", merge=True)

    assert made.is_done
    assert made.step == 4
    assert not (tmp_path / "adapters" / "model.safetensors").exists()
    assert hash_of(tmp_path / "adapters") == hash_of(tmp_path / "merged") != hash_of(base)
    assert qwen_audio.describe(tmp_path / "adapters").family == "qwen_audio"


def test_qlora_learns_on_four_bits_and_merges_into_the_weights_as_they_were(recipe, base, tmp_path):
    pytest.importorskip("bitsandbytes")
    opened = open_parts(load_folder(base).model, recipe(quantize="4bit"), base=base)

    finetune(recipe(quantize="4bit"), tmp_path / "adapters")
    finetune(recipe(quantize="4bit"), tmp_path / "merged", merge=True)

    frozen = {n: p for n, p in opened.named_parameters() if "base_layer.weight" in n}
    assert {p.dtype for p in frozen.values()} == {torch.uint8}
    assert all(".language_model." in name for name in frozen)
    assert hash_of(tmp_path / "adapters") == hash_of(tmp_path / "merged") != hash_of(base)
    assert not (tmp_path / "merged" / "adapter_config.json").exists()


def test_quantizing_needs_its_library_and_adapters(recipe, monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)

    with pytest.raises(RecipeError, match=r"install qwen-audio\[qlora\]"):
        quantize_linear_layers(torch.nn.Sequential(torch.nn.Linear(4, 4)))
    with pytest.raises(RecipeError, match="give a rank above 0"):
        recipe(quantize="4bit", rank=0)
    with pytest.raises(RecipeError, match="did you mean '4bit'"):
        recipe(quantize="4bits")


def test_conversations_of_a_hugging_face_set_are_learnt(recipe, tones, tmp_path):
    datasets = pytest.importorskip("datasets")
    rows = {"audio": [], "query": [], "response": []}
    for _, waveform, labels in tones:
        sound = io.BytesIO()
        soundfile.write(sound, waveform, SAMPLE_RATE, format="FLAC")
        rows["audio"].append({"bytes": sound.getvalue(), "path": None})
        rows["query"].append("What?")
        rows["response"].append(labels["text"])
    datasets.Dataset.from_dict(rows).save_to_disk(tmp_path / "lessons")

    made = finetune(recipe(data=(str(tmp_path / "lessons"),), steps=2), tmp_path / "out")

    assert made.is_done
    assert made.left_out == ()


def test_a_run_that_was_told_to_end_goes_on_as_if_it_had_not(recipe, tmp_path, stop_after):
    whole = finetune(recipe(), tmp_path / "whole")
    stop_after(2)
    piece = finetune(recipe(), tmp_path / "pieces")
    stop_after(None)

    rest = finetune(recipe(), tmp_path / "pieces")

    assert (piece.step, piece.is_done) == (2, False)
    assert (whole.step, rest.step) == (4, 4)
    assert hash_of(tmp_path / "whole") == hash_of(tmp_path / "pieces")


def test_unreadable_clips_are_left_out_up_to_a_share(recipe, lesson, tmp_path):
    (tmp_path / "clip-3.wav").write_bytes(b"no sound")

    made = finetune(recipe(max_unreadable_share=0.2, steps=1), tmp_path / "out")

    assert len(made.left_out) == 1
    assert "lesson.jsonl:4: cannot read" in made.left_out[0]
    with pytest.raises(DataError, match="1 of 8 conversations have clips that cannot be read"):
        finetune(recipe(), tmp_path / "out")
    assert lesson.is_file()


def test_what_cannot_work_is_said_before_anything_is_loaded(recipe, tmp_path):
    with pytest.raises(RecipeError, match="nothing to learn from"):
        FinetuneRecipe()
    with pytest.raises(RecipeError, match="did you mean 'bf16'"):
        recipe(precision="bf61")
    with pytest.raises(CheckpointError, match="no model folder"):
        finetune(recipe(model=str(tmp_path / "none")), tmp_path / "out")


@pytest.mark.slow
def test_a_tiny_model_learns_eight_clips_by_heart(recipe, tmp_path, tones):
    settings = recipe(
        rank=0, learn_encoder=True, learn_projector=True, rate=3e-3, steps=450, rows=8,
        log_every=50, save_every=1000,
    )  # fmt: skip

    finetune(settings, tmp_path / "out")

    model = qwen_audio.load(tmp_path / "out")
    for key, _, labels in tones:
        assert model.ask(tmp_path / f"{key}.wav", "What?").text == labels["text"]
