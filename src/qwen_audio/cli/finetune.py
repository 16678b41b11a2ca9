"""`qwen-audio finetune`: a model learns a user's own conversations about clips."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from qwen_audio.cli.options import AsJson
from qwen_audio.cli.output import print_json

EXAMPLE = "qwen-audio finetune --data my.jsonl --output runs/mine --set epochs=2"


def finetune(
    *,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="JSONL, ChatML text or a Hugging Face set of conversations. Repeatable."),
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder of the result.")],
    model: Annotated[
        str | None, typer.Option(help="Folder or name of the model; else the default model.")
    ] = None,
    dev: Annotated[
        list[Path] | None, typer.Option(help="The same, for the loss after each epoch.")
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="TOML file such as recipes/finetune_lora.toml.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a recipe key; may be repeated."),
    ] = None,
    quantize: Annotated[
        str | None, typer.Option(help="4bit: adapters on a quantized LLM (QLoRA).")
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Write a whole model, and not adapters.")
    ] = False,
    resume: Annotated[
        str, typer.Option(help="auto goes on from the last checkpoint, never starts anew.")
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Teach a model your own conversations, by low-rank adapters unless told otherwise."""
    from qwen_audio.training.finetuning.recipe import FinetuneRecipe
    from qwen_audio.training.finetuning.run import finetune as run
    from qwen_audio.training.recipe import changed, parse_change, read_toml, record_from

    if resume not in ("auto", "never"):
        raise typer.BadParameter("auto or never", param_hint="--resume")
    if not as_json:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%X")
    table = changed(read_toml(recipe) if recipe else {}, dict(map(parse_change, changes or ())))
    given = {"data": data, "dev": dev}
    table |= {name: [str(path) for path in paths] for name, paths in given.items() if paths}
    named = {"model": model, "quantize": quantize}
    table |= {name: value for name, value in named.items() if value}
    made = run(record_from(FinetuneRecipe, table), output, resume=resume == "auto", merge=merge)
    if as_json:
        row = {"output": str(made.output), "step": made.step, "steps": made.steps}
        print_json(row | {"loss": round(made.loss, 4), "left_out": made.left_out})
    elif made.is_done:
        print(f"{made.step} steps; open it with qwen_audio.load({str(made.output)!r})")
    else:
        print(f"stopped at step {made.step} of {made.steps}; the same command goes on")
