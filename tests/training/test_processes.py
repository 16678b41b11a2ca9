"""Two processes on CPUs learn what one does, sharing gradients or the weights themselves."""

import json
import socket
import subprocess
import sys

import pytest
import torch

from qwen_audio.errors import RecipeError
from qwen_audio.training.checkpoint import checkpoints, read_learnt, read_optimizer
from qwen_audio.training.processes import ALONE, Processes, join_processes
from qwen_audio.training.recipe import recipe_from, resolved

RUN = ("-m", "qwen_audio.training.run")
SPAWN = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone")


def launch(table, run, *, by=SPAWN):
    """Train in processes of their own; return the losses and the last checkpoint."""
    run.parent.mkdir(exist_ok=True)
    recipe = run.parent / f"{run.name}.toml"
    recipe.write_text(resolved(recipe_from(table)), encoding="utf-8")
    command = [sys.executable, *by, *RUN, str(recipe), "--output", str(run), "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return checkpoints(run)[-1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ddp", "fsdp2"])
def test_two_processes_learn_what_one_does(table, tmp_path, kind):
    made = table(steps=3, batch__seconds=2.0, data__dev_shards=[])
    made["batch"]["accumulate"] = 4
    alone = launch(made, tmp_path / "one", by=())

    two = launch(made | {"parallel": kind}, tmp_path / "two")

    one_learnt, two_learnt = read_learnt(alone), read_learnt(two)
    assert one_learnt.keys() == two_learnt.keys()
    for name, tensor in one_learnt.items():
        assert torch.allclose(tensor, two_learnt[name], atol=2e-5), name
    one_state, two_state = (read_optimizer(c)["state"] for c in (alone, two))
    assert one_state.keys() == two_state.keys()


@pytest.mark.slow
def test_two_machines_learn_what_one_process_does(table, tmp_path):
    made = table(steps=2, batch__seconds=2.0, data__dev_shards=[])
    made["batch"]["accumulate"] = 2
    alone = launch(made, tmp_path / "one", by=())
    recipe = tmp_path / "two.toml"
    recipe.write_text(resolved(recipe_from(made | {"parallel": "ddp"})), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    meet = ("--nnodes", "2", "--nproc-per-node", "1", "--rdzv-backend", "c10d")
    meet += ("--rdzv-endpoint", f"127.0.0.1:{port}", "--rdzv-id", "run")
    command = [sys.executable, *SPAWN[:2], *meet, *RUN, str(recipe), "--device", "cpu"]

    launchers = [subprocess.Popen([*command, "--output", str(tmp_path / "two")]) for _ in range(2)]

    assert [launcher.wait(300) for launcher in launchers] == [0, 0]
    expected, got = read_learnt(alone), read_learnt(checkpoints(tmp_path / "two")[-1])
    assert all(torch.allclose(expected[name], got[name], atol=2e-5) for name in expected)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ddp", "fsdp2"])
def test_one_process_goes_on_where_two_stopped(table, tmp_path, kind):
    made = table(steps=4, batch__seconds=2.0, data__dev_shards=[])
    made["batch"]["accumulate"] = 2
    made["optimizer"]["final_share"] = 1.0  # the rate does not depend on the number of steps
    whole = launch(made, tmp_path / "whole", by=())

    launch(made | {"parallel": kind, "steps": 2}, tmp_path / "pieces")
    launch(made | {"parallel": kind, "steps": 3}, tmp_path / "pieces")
    last = launch(made, tmp_path / "pieces", by=())

    expected, got = read_learnt(whole), read_learnt(last)
    assert all(torch.allclose(expected[name], got[name], atol=2e-5) for name in expected)
    steps = json.loads((last / "progress.json").read_text())["step"]
    assert steps == 4


def test_every_batch_of_a_step_goes_to_one_process():
    shares = [Processes(rank=rank, count=3).own("abcdef") for rank in range(3)]

    assert shares == [[(0, "a"), (3, "d")], [(1, "b"), (4, "e")], [(2, "c"), (5, "f")]]


def test_without_a_launcher_a_run_is_alone():
    assert join_processes("auto", "cpu") == (ALONE, torch.device("cpu"))
    with pytest.raises(RecipeError, match="did you mean 'fsdp2'"):
        join_processes("fsdp", "cpu")
