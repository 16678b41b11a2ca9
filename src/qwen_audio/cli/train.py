"""`qwen-audio train`: one stage of training, or a piece of it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from qwen_audio.cli.options import AsJson
from qwen_audio.cli.output import print_json

EXAMPLE = "qwen-audio train recipes/mini_1_chat.toml --output runs/chat --set steps=100"


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
    made = load_recipe(recipe, changes=dict(map(parse_change, changes or ())))
    with told(made.steps, is_quiet=as_json) as watch:
        progress = run(
            made,
            output,
            device=device,
            resume=resume == "auto",
            stop_after_s=stop_after_seconds,
            export=export,
            watch=watch,
        )
    if as_json:
        print_json({"output": str(output), "step": progress.step, "skipped": progress.skipped})
    else:
        print(f"step {progress.step}, {progress.audio_hours:.1f} h heard: {output}")


@contextmanager
def told(steps: int, *, is_quiet: bool) -> Iterator[Callable[[Any, float], None] | None]:
    """Show the log on stderr, and on a terminal a bar with clips a second and the time left."""
    console = Console(stderr=True)
    if is_quiet or not console.is_terminal:
        if not is_quiet:
            logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%X")
        yield None
        return
    handler = RichHandler(console=console, show_path=False, show_level=False)  # above the bar
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[handler])
    speed = TextColumn("{task.fields[speed]:.1f} clips/s")
    columns = (TextColumn("step"), BarColumn(), MofNCompleteColumn(), speed, TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=steps, speed=0.0)
        yield lambda progress, speed: bar.update(task, completed=progress.step, speed=speed)
