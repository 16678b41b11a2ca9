"""`qwen-audio evaluate`: put benchmarks to a model, or to other people's."""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qwen_audio.cli.options import Device, Dtype, hush_transformers, open_model
from qwen_audio.cli.output import waiting
from qwen_audio.cli.progress import answering
from qwen_audio.errors import EvaluationError

if TYPE_CHECKING:
    from qwen_audio.evaluation.peers.records import Listener
    from qwen_audio.evaluation.running.records import Plan

EXAMPLE = "qwen-audio evaluate models/mine --on librispeech-test-clean,clotho --data ../corpora"

_BATCH = 8


def evaluate(
    model: Annotated[
        str | None, typer.Argument(help="Folder or name; 'default' for the default model.")
    ] = None,
    *,
    on: Annotated[
        list[str] | None,
        typer.Option(help="Benchmark, family or 'paper'; several with commas, or given again."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the corpora, or a JSONL manifest.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many samples of each benchmark.")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="How our model is asked: tags (if it has any) or natural.")
    ] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(help="KIND:WHERE: whisper:DIR, qwen2-audio:DIR, openai:URL#MODEL."),
    ] = None,
    judge: Annotated[
        str | None, typer.Option(help="URL#MODEL of who rates open answers (air-bench-chat).")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of the runs; by default runs/evaluate.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Clips heard at once.")] = _BATCH,
    partial: Annotated[
        bool, typer.Option("--partial", help="Leave out samples whose audio is missing.")
    ] = False,
    show: Annotated[bool, typer.Option("--list", help="List the benchmarks and stop.")] = False,
    device: Device = None,
    dtype: Dtype = None,
) -> None:
    """Put benchmarks to a model; a run that was stopped goes on where it was.

    Several processes, on one machine or on several that share the output folder, share the work
    when started by `torchrun`, or with RANK and WORLD_SIZE set.
    """
    from qwen_audio.evaluation.benchmarks.registry import find_benchmarks
    from qwen_audio.evaluation.peers.judge import open_judge
    from qwen_audio.evaluation.running.plan import make_plan
    from qwen_audio.evaluation.running.run import run, shares

    if show:
        print(_listed())
        return
    names = [name for given in on or () for name in given.split(",") if name]
    if not names or data is None or not (model or peer):
        raise EvaluationError(
            "give a model or --peer, --on BENCHMARK and --data FOLDER; --list shows the benchmarks"
        )
    benchmarks = find_benchmarks(names)
    shard = _shard()
    rater = open_judge(judge, key=_key()) if judge else None
    for listener in _listeners(model, peer or (), prompt=prompt, device=device, dtype=dtype):
        plan = make_plan(
            benchmarks, data, listener=listener, limit=limit, is_partial=partial, judge=rater
        )
        folder = (output or Path("runs") / "evaluate") / _folder_name(listener, plan)
        for name, why in plan.refused.items():
            print(f"not run: {name}: {why}", file=sys.stderr)
        own = sum(map(len, shares(plan, batch=batch, shard=shard)))
        with answering(own) as on_done:
            is_whole = run(plan, listener, output=folder, batch=batch, shard=shard, on_done=on_done)
        if is_whole:
            _print_results(folder)
        print(f"answers are in {folder}", file=sys.stderr)


def _listeners(  # noqa: ANN202 - an iterator of listeners
    model: str | None,
    peers: list[str] | tuple[str, ...],
    *,
    prompt: str | None,
    device: str | None,
    dtype: str | None,
):
    """Yield who is asked, one after another, so that one is in memory at a time."""
    from qwen_audio.evaluation.benchmarks.prompts import PROMPT_STYLES
    from qwen_audio.evaluation.peers.opening import open_peer
    from qwen_audio.evaluation.peers.ours import listener_of

    if prompt is not None and prompt not in PROMPT_STYLES:
        raise EvaluationError(f"--prompt is {' or '.join(PROMPT_STYLES)}, got {prompt!r}")
    device = device or _own_device()
    if model:
        name = None if model == "default" else model
        loaded = open_model(name, device=device, dtype=dtype)
        yield listener_of(loaded, name=Path(model).name, style=prompt)
    for text in peers:
        with waiting(f"opening {text}"):
            hush_transformers()
            listener = open_peer(text, device=device, dtype=dtype, key=_key())
        yield listener


def _key() -> str | None:
    """Return the key for servers."""
    return os.environ.get("OPENAI_API_KEY")


def _shard() -> tuple[int, int]:
    """Return the number of this process, and how many there are, as launchers say it."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def _own_device() -> str | None:
    """Return the GPU of this process where a launcher started several on one machine."""
    import torch

    local = os.environ.get("LOCAL_RANK")
    return f"cuda:{local}" if local is not None and torch.cuda.is_available() else None


def _folder_name(listener: "Listener", plan: "Plan") -> str:
    """Return a name that no other run has."""
    settings = json.dumps(plan.settings, sort_keys=True)
    return f"{listener.name}-{hashlib.sha256(settings.encode()).hexdigest()[:8]}"


def _print_results(folder: Path) -> None:
    from qwen_audio.evaluation.report.collecting import load_run
    from qwen_audio.evaluation.report.tables import brief

    print(brief(load_run(folder)))


def _listed() -> str:
    from qwen_audio.evaluation.benchmarks.registry import BENCHMARKS

    rows = [
        (b.name, b.task, "paper" if b.in_paper else "", b.data, ", ".join(b.metrics))
        for b in BENCHMARKS.values()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), *row[3:]])
        for row in rows
    )
