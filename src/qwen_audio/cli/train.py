"""`qwen-audio train`: one stage of training, or a piece of it."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from qwen_audio.cli.options import AsJson
from qwen_audio.cli.output import print_json

EXAMPLE = "qwen-audio train recipes/mini_2_chat.toml --output runs/chat --set steps=100"


def train(
    recipe: Annotated[Path, typer.Argument(help="TOML file; the shipped ones are in recipes/.")],
    *,
    output: Annotated[Path, typer.Option(help="The run folder.")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a recipe key; may be repeated."),
    ] = None,
    resume: Annotated[
        str, typer.Option(help="auto goes on from the last checkpoint, never starts anew.")
    ] = "auto",
    stop_after_seconds: Annotated[
        float | None, typer.Option(help="Save and end after so long, everything counted.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...; auto takes a GPU if any.")] = "auto",
    export: Annotated[Path | None, typer.Option(help="Write the adapters here at the end.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train as a recipe says, into a run folder; a run that is there goes on."""
    from qwen_audio.training.recipe import load_recipe, parse_change
    from qwen_audio.training.run import run

    if resume not in ("auto", "never"):
        raise typer.BadParameter("auto or never", param_hint="--resume")
    if not as_json:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%X")
    progress = run(
        load_recipe(recipe, changes=dict(map(parse_change, changes or ()))),
        output,
        device=device,
        resume=resume == "auto",
        stop_after_s=stop_after_seconds,
        export=export,
    )
    if as_json:
        print_json({"output": str(output), "step": progress.step, "skipped": progress.skipped})
    else:
        print(f"step {progress.step}, {progress.audio_hours:.1f} h heard: {output}")
