"""Whole runs of a tiny model: exact resume, frozen parts, export, and eight clips by heart."""

import hashlib
import json
import shutil

import pytest
import torch

from qwen_audio.checkpoints.adapters import merge_into, read_adapters
from qwen_audio.errors import CheckpointError
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration
from qwen_audio.training.checkpoint import checkpoints, read_learnt
from qwen_audio.training.export import export_adapters
from qwen_audio.training.loop import train
from qwen_audio.training.recipe import recipe_from
from qwen_audio.training.session import open_session
from qwen_audio.training.stopping import StopSign

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
CPU = torch.device("cpu")


def _train(table, run, *, steps=None):
    """Train into a folder, at most up to a step; return the session."""
    session = open_session(recipe_from(table), run, device=CPU, resume=True)
    sign = StopSign()
    if steps is not None:
        _stop_at(sign, session, steps)
    train(session, sign)
    return session


def _stop_at(sign, session, steps):
    """Raise the sign once the session's optimizer has made so many steps."""
    left = [steps - session.progress.step]

    def count(*_):
        left[0] -= 1
        if not left[0]:
            sign.event.set()

    session.optimizer.register_step_post_hook(count)


def _hash(tensors):
    content = b"".join(tensors[name].detach().float().numpy().tobytes() for name in sorted(tensors))
    return hashlib.sha256(content).hexdigest()


def _log(run):
    lines = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_a_resumed_run_learns_exactly_what_an_uninterrupted_one_does(table, tmp_path):
    _train(table(), tmp_path / "whole")

    _train(table(), tmp_path / "pieces", steps=2)
    _train(table(), tmp_path / "pieces", steps=5)
    _train(table(), tmp_path / "pieces")

    whole, pieces = (checkpoints(tmp_path / name)[-1] for name in ("whole", "pieces"))
    assert whole.name == pieces.name == "step-0000006"
    assert _hash(read_learnt(whole)) == _hash(read_learnt(pieces))


@pytest.mark.parametrize("workers", [0, 2])
def test_the_number_of_workers_changes_nothing(table, tmp_path, workers):
    session = _train(table(steps=2, data__workers=workers), tmp_path / "run")

    one = _train(table(steps=2), tmp_path / "other")

    assert _hash(dict(session.student.learnt())) == _hash(dict(one.student.learnt()))


def test_only_the_parts_of_the_recipe_change(table, tmp_path, base):
    before = QwenAudioForConditionalGeneration.from_pretrained(base).state_dict()

    session = _train(table(steps=2), tmp_path / "run")

    frozen = {n: p for n, p in session.student.named_parameters() if not p.requires_grad}
    assert not [name for name in frozen if ".lora_" in name or name.endswith(".new")]
    frozen.pop("model.reader.is_choice")  # a list of what can be read, set and not learnt
    for name, parameter in frozen.items():
        ours = name.removeprefix("model.").replace(".parametrizations.weight.original", ".weight")
        expected = before[ours.replace(".old", ".weight")]
        assert torch.equal(parameter, expected[: len(parameter)]), name


@pytest.mark.parametrize("part", ["encoder", "projector", "rows", "llm"])
def test_a_part_with_rate_zero_is_frozen(table, tmp_path, part):
    learn = table()["learn"] | {part: {"rate": 0.0}}

    session = open_session(
        recipe_from(table(learn=learn)), tmp_path / "run", device=CPU, resume=True
    )

    names = set(session.student.learnt())
    prefixes = {
        "encoder": "model.encoder.",
        "projector": "model.projector.",
        "rows": "model.language_model.embed_tokens.new",
        "llm": "model.language_model.layers.",
    }
    opened = {p for p, prefix in prefixes.items() if any(n.startswith(prefix) for n in names)}
    assert opened == set(prefixes) - {part}


def test_the_exported_adapters_make_the_trained_model(table, tmp_path, base):
    session = _train(table(steps=3), tmp_path / "run")
    path = export_adapters(tmp_path / "run", tmp_path / "mini.safetensors")

    model = QwenAudioForConditionalGeneration.from_pretrained(base).eval()
    merge_into(model, read_adapters(path))

    ids = torch.tensor([[5, 60, len(session.processor.tokenizer) - 5, 7]])
    session.student.eval()
    expected = session.student.model(input_ids=ids).logits
    assert torch.allclose(model(input_ids=ids).logits, expected, atol=0.02)


def test_the_next_stage_starts_from_what_the_one_before_learnt(table, tmp_path):
    align = table(stage="align", steps=2)
    align["learn"] = {"projector": {"rate": 1e-3}}
    before = _train(align, tmp_path / "align")

    session = open_session(
        recipe_from(table(start=str(tmp_path / "align"))),
        tmp_path / "next",
        device=CPU,
        resume=True,
    )

    projector = before.student.model.projector.state_dict()
    for name, tensor in session.student.model.projector.state_dict().items():
        assert torch.equal(tensor, projector[name])


def test_a_checkpoint_of_another_rank_is_refused(table, tmp_path):
    _train(table(steps=1), tmp_path / "run")

    changed = table(steps=2, learn__llm={"rate": 1e-3, "rank": 3})

    with pytest.raises(CheckpointError, match="rank in the recipe must stay"):
        open_session(recipe_from(changed), tmp_path / "run", device=CPU, resume=True)


def test_a_save_that_was_cut_off_is_not_resumed_from(table, tmp_path):
    _train(table(steps=2), tmp_path / "run")
    whole = checkpoints(tmp_path / "run")[-1]
    shutil.copytree(whole, tmp_path / "run" / "step-0000009.unfinished")

    assert checkpoints(tmp_path / "run") == [whole]


def test_the_log_tells_losses_and_speed_and_dev_scores(table, tmp_path, monkeypatch):
    monkeypatch.setattr("qwen_audio.training.journal.EVERY", 2)

    _train(table(steps=2), tmp_path / "run")

    lines = _log(tmp_path / "run")
    steps = next(line for line in lines if line["kind"] == "steps")
    assert {"loss", "ctc", "wait_share", "audio_s_per_s"} <= set(steps)
    dev = next(line for line in lines if line["kind"] == "dev")
    assert "ASR/tones/error rate" in dev
    assert "reading/tones/error rate" in dev


@pytest.mark.slow
def test_a_tiny_model_learns_eight_clips_by_heart(table, tmp_path):
    learn = {part: {"rate": 3e-3} for part in ("encoder", "projector", "rows", "llm")}
    still = {
        "speed_min": 1.0,
        "speed_max": 1.0,
        "noise_share": 0.0,
        "room_share": 0.0,
        "band_share": 0.0,
        "gain_db": 0.0,
        "mask_bins": 0,
        "mask_frames": 0,
    }
    made = table(steps=400, learn=learn, augment=still)
    made["mixture"] = {"join_share": 0.0, "other": 0.0, "tasks": {"ASR": 1.0}}
    made["optimizer"] = {"warmup": 20}
    made["dev"] = {"max_new_tokens": 16, "clips": 8, "tasks": ["ASR"]}

    _train(made, tmp_path / "run")

    lines = _log(tmp_path / "run")
    dev = [line for line in lines if line["kind"] == "dev"][-1]
    assert dev["ASR/tones/error rate"] == 0.0
