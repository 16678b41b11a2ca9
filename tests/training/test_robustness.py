"""What may happen to a run: killed while it saves, told to end, bad batches, broken shards."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from qwen_audio.errors import DataError
from qwen_audio.training import checkpoint as checkpointing
from qwen_audio.training import loop
from qwen_audio.training.checkpoint import checkpoints, read_learnt, read_progress
from qwen_audio.training.loop import train
from qwen_audio.training.recipe import recipe_from, resolved
from qwen_audio.training.session import open_session
from qwen_audio.training.stopping import StopSign, stop_on_signals

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
CPU = torch.device("cpu")


def _open(table, run):
    return open_session(recipe_from(table), run, device=CPU, resume=True)


def _train(table, run, *, after=None, then=None):
    """Train into a folder; after so many steps of this session do something."""
    session = _open(table, run)
    left = [after]

    def count(*_):
        if left[0] is not None:
            left[0] -= 1
            if not left[0]:
                then()

    session.optimizer.register_step_post_hook(count)
    with stop_on_signals(StopSign()) as sign:
        train(session, sign)
    return session


def _same(one, other):
    one, other = read_learnt(one), read_learnt(other)
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


class Killed(BaseException):
    """What a SIGKILL is to the files: nothing runs after it."""


def test_a_run_killed_while_it_saves_goes_on_from_the_checkpoint_before(
    table, tmp_path, monkeypatch
):
    made = table(steps=6, save__every=2, data__dev_shards=[])
    whole = _train(made, tmp_path / "whole").run
    own, calls = torch.save, []

    def save(content, target, *rest, **options):
        own(content, target, *rest, **options)
        calls.extend([target] * isinstance(target, Path))  # pickled tensors come here too
        if len(calls) == 3:  # the first checkpoint is whole, the second begun
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(checkpointing.torch, "save", save)
        with pytest.raises(Killed):
            _train(made, tmp_path / "killed")

    left = sorted(path.name for path in (tmp_path / "killed").glob("step-*"))
    assert left == ["step-0000002", "step-0000004.unfinished"]
    _train(made, tmp_path / "killed")
    assert _same(checkpoints(whole)[-1], checkpoints(tmp_path / "killed")[-1])
    assert not list((tmp_path / "killed").glob("*.unfinished"))


KILLED_WHILE_SAVING = """
import os, signal, sys, torch
from pathlib import Path
from qwen_audio.training import run

own, calls = torch.save, []

def save(content, target, *rest, **options):
    own(content, target, *rest, **options)
    calls.extend([target] * isinstance(target, Path))
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

torch.save = save
run.main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_process_that_got_sigkill_while_it_saved_goes_on(table, tmp_path):
    made = table(steps=6, save__every=2, data__dev_shards=[])
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(resolved(recipe_from(made)), encoding="utf-8")
    options = (str(recipe), "--output", str(tmp_path / "killed"), "--device", "cpu")

    done = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_SAVING, *options], capture_output=True, text=True
    )

    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    left = sorted(path.name for path in (tmp_path / "killed").glob("step-*"))
    assert left == ["step-0000002", "step-0000004.unfinished"]
    whole = _train(made, tmp_path / "whole").run
    _train(made, tmp_path / "killed")
    assert _same(checkpoints(whole)[-1], checkpoints(tmp_path / "killed")[-1])


def test_sigterm_saves_and_the_run_goes_on_as_if_it_had_not_come(table, tmp_path):
    made = table(steps=4, data__dev_shards=[])
    whole = _train(made, tmp_path / "whole").run

    _train(
        made,
        tmp_path / "told",
        after=2,
        then=lambda: os.kill(os.getpid(), signal.SIGTERM),
    )

    (saved,) = checkpoints(tmp_path / "told")
    assert read_progress(saved).step == 2
    _train(made, tmp_path / "told")
    assert _same(checkpoints(whole)[-1], checkpoints(tmp_path / "told")[-1])


@pytest.fixture
def poison(monkeypatch):
    """Make the losses of some steps' batches infinite."""
    own = loop.batch_losses
    steps = set()

    def poisoned(session, batch, *, seed, network):
        losses = own(session, batch, seed=seed, network=network)
        if session.recipe.steps and (seed // 101) % 1_000_003 in steps:
            bad = losses.total * float("nan")
            return type(losses)(total=bad, next_token=losses.next_token, ctc=losses.ctc)
        return losses

    monkeypatch.setattr(loop, "batch_losses", poisoned)
    return steps


def test_a_batch_without_a_finite_gradient_is_named_and_changes_nothing(
    table, tmp_path, poison, caplog
):
    poison.add(0)
    session = _open(table(steps=1, data__dev_shards=[]), tmp_path / "run")
    before = {name: p.detach().clone() for name, p in session.student.learnt().items()}

    with caplog.at_level(logging.WARNING):
        progress = train(session, StopSign())

    assert (progress.step, progress.skipped) == (1, 1)
    assert all(torch.equal(before[name], p) for name, p in session.student.learnt().items())
    assert "gradient nan: step skipped; clips: " in caplog.text
    assert "tones/clip-" in caplog.text


def test_a_run_that_only_fails_ends_with_the_last_batch_named(table, tmp_path, poison, monkeypatch):
    monkeypatch.setattr(loop, "_MOST_BAD_STEPS", 3)
    poison.update(range(10))
    session = _open(table(steps=9, data__dev_shards=[]), tmp_path / "run")

    with pytest.raises(DataError, match=r"3 steps in a row gave no finite gradient, .*tones/clip-"):
        train(session, StopSign())


def test_a_broken_shard_trains_on_with_a_count_up_to_a_share(table, tmp_path, shard, caplog):
    broken = tmp_path / "broken-train-000.tar"
    content = shard.read_bytes()
    place = content.index(b"clip-5.flac")
    spoilt = content.replace(b'{"lang": "en", "text": "red', b'["lang": "en", "text": "red', 1)
    broken.write_bytes(spoilt[: place + 3000])  # the tar ends within its sixth clip
    made = table(
        steps=1,
        data__shards=[str(shard), str(broken)],
        data__dev_shards=[],
        data__max_unreadable_share=0.3,
    )

    with caplog.at_level(logging.WARNING):
        session = _open(made, tmp_path / "run")
        train(session, StopSign())

    assert len(session.train.store.clips) == 8 + 4
    assert 2 <= len(session.train.store.skipped) <= 3
    assert "broken-train-000.tar" in caplog.text
    shutil.rmtree(tmp_path / "run")
    made["data"]["max_unreadable_share"] = 0.05
    with pytest.raises(DataError, match="could not be read, more than 5%"):
        _open(made, tmp_path / "run")


def test_a_watcher_is_told_each_step_and_the_log_tells_the_padding(table, tmp_path, monkeypatch):
    monkeypatch.setattr("qwen_audio.training.journal.EVERY", 1)
    seen = []
    session = _open(table(steps=2, data__dev_shards=[]), tmp_path / "run")

    train(session, StopSign(), watch=lambda progress, speed: seen.append((progress.step, speed)))

    assert [step for step, _ in seen] == [1, 2]
    assert all(speed > 0 for _, speed in seen)
    lines = (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(0 <= json.loads(line)["padding_share"] < 1 for line in lines)
