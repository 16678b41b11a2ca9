"""Run one stage of training, or a piece of it: `python -m qwen_audio.training.run RECIPE …`.

Example: `python -m qwen_audio.training.run recipes/mini_1_chat.toml --output runs/mini_1_chat
--resume auto --stop-after-seconds 520 --set model=bases/mini-init`
"""

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from qwen_audio.errors import QwenAudioError, RecipeError
from qwen_audio.training.checkpoint import Progress
from qwen_audio.training.export import export_adapters
from qwen_audio.training.journal import Watch
from qwen_audio.training.loop import train
from qwen_audio.training.processes import join_processes
from qwen_audio.training.recipe import Recipe, load_recipe, parse_change
from qwen_audio.training.session import open_session
from qwen_audio.training.stopping import StopSign, stop_on_signals

_SAVING_S = 15.0  # kept free at the end of a piece for the last checkpoint


def run(
    recipe: Recipe,
    output: Path,
    *,
    device: str = "auto",
    resume: bool = True,
    stop_after_s: float | None = None,
    export: Path | None = None,
    watch: Watch | None = None,
) -> Progress:
    """Train as a recipe says, into a run folder; return how far it is.

    Args:
        recipe: what to train.
        output: the run folder; a run that is there goes on unless `resume` is False.
        device: "auto" takes a GPU where there is one.
        resume: go on from the run's last checkpoint.
        stop_after_s: end after so many seconds, everything counted, with a checkpoint and dev
            scores.
        export: where to write the adapters file at the end.
        watch: is told after each step how far the run is, and how many clips a second it takes.

    Raises:
        RecipeError: a step's batches cannot be shared out among the processes.
    """
    began = time.monotonic()
    processes, chosen = join_processes(recipe.parallel, device)
    if recipe.batch.accumulate % processes.count:
        raise RecipeError(
            f"batch.accumulate is {recipe.batch.accumulate}, which {processes.count} processes "
            "cannot share; make it a multiple of their number"
        )
    with processes.main_first():
        session = open_session(recipe, output, device=chosen, resume=resume)
    sign = StopSign()
    if stop_after_s is not None:
        dev_s = recipe.dev.seconds if session.dev else 0.0
        sign.at = began + stop_after_s - dev_s - _SAVING_S
    with stop_on_signals(sign):
        progress = train(session, sign, processes=processes, watch=watch)
    if export is not None and processes.is_main:
        export_adapters(output, export)
    return progress


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run, and print an error of ours as one line."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout
    )
    try:
        recipe = load_recipe(options.recipe, changes=dict(map(parse_change, options.set)))
        run(
            recipe,
            options.output,
            device=options.device,
            resume=options.resume == "auto",
            stop_after_s=options.stop_after_seconds,
            export=options.export,
        )
    except QwenAudioError as error:
        sys.stderr.write(f"training: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m qwen_audio.training.run", description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--output", type=Path, required=True, help="the run folder")
    parser.add_argument("--resume", choices=("auto", "never"), default="auto")
    parser.add_argument("--stop-after-seconds", type=float)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--export", type=Path, help="write the adapters here at the end")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a recipe key"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
