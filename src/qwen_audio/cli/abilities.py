"""`qwen-audio abilities`: what a model can do, measured on labelled dev clips."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from qwen_audio.cli.options import AsJson, Device, Dtype, open_model
from qwen_audio.cli.output import print_json
from qwen_audio.cli.progress import answering
from qwen_audio.errors import ConfigError

EXAMPLE = "qwen-audio abilities --data ../shared/data --extra scenes --only english,chat"

_BATCH = {"cuda": 64}
_BATCH_ELSEWHERE = 16


def abilities(
    model: Annotated[
        str | None, typer.Argument(help="Folder or name; without it, the default model.")
    ] = None,
    *,
    data: Annotated[Path, typer.Option(help="Folder of shards named NAME-dev-NNN.tar.")],
    extra: Annotated[
        list[Path] | None, typer.Option(help="One more such folder; may be given again.")
    ] = None,
    words: Annotated[
        Path | None, typer.Option(help="JSONL with the times of words, by dataset and source.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Ability to measure, or several with commas between.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many questions from each set.")
    ] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(help="whisper:FOLDER to ask beside it what is about speech; repeatable."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of the answers; by default one for these weights.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Clips at once (16, or 64 on CUDA).")
    ] = None,
    parts: Annotated[
        bool, typer.Option("--parts", help="Show each part's own result (always in table.md).")
    ] = False,
    as_json: AsJson = False,
    device: Device = None,
    dtype: Dtype = None,
) -> None:
    """Measure a model's abilities; a run that was stopped goes on where it was."""
    from qwen_audio.evaluation.asking import fingerprint
    from qwen_audio.evaluation.measuring import SUMMARY, make_plan, measure_abilities
    from qwen_audio.evaluation.results import table

    names = [name for given in only or () for name in given.split(",") if name]
    peers = [_whisper_folder(text) for text in peer or ()]
    plan = make_plan([data, *(extra or [])], words=words, only=names, limit=limit, peers=peers)
    qa = open_model(model, device=device, dtype=dtype)
    if not hasattr(qa, "tagged"):
        raise ConfigError(f"{model} takes no tags, which most abilities need; give a Qwen-Audio")
    folder = output or Path("runs") / f"abilities-{fingerprint(qa.model)}"
    with answering(plan.num_answers) as on_done:
        results = measure_abilities(
            qa,
            plan,
            output=folder,
            name=model or "default",
            batch=batch or _BATCH.get(qa.model.device.type, _BATCH_ELSEWHERE),
            on_done=on_done,
        )
    if as_json:
        _print_results(results)
    else:
        print(table(results, with_parts=parts))
    for name, reason in plan.unmeasured.items():
        print(f"not measured: {name}: {reason}", file=sys.stderr)
    print(f"answers and {SUMMARY} are in {folder}", file=sys.stderr)


def _whisper_folder(peer: str) -> Path:
    """Return the folder in "whisper:FOLDER"; only what exists is worth a long run."""
    kind, _, where = peer.partition(":")
    if kind != "whisper":
        raise ConfigError(f"unknown peer {peer!r}; write whisper:FOLDER")
    if not Path(where).is_dir():
        raise ConfigError(f"no folder {where!r} for the peer; give that of a transformers Whisper")
    return Path(where)


def _print_results(results: Any) -> None:
    from dataclasses import asdict

    for result in results:
        print_json(asdict(result))
