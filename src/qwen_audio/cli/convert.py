"""`qwen-audio convert`: a checkpoint in another layout or number type."""

from pathlib import Path
from typing import Annotated

import typer

from qwen_audio.cli.options import AsJson, given
from qwen_audio.cli.output import print_json, waiting

EXAMPLE = "qwen-audio convert runs/finetuned out/released --layout released --dtype bfloat16"


def convert(
    source: Annotated[str, typer.Argument(help="Folder or name of the model to read.")],
    target: Annotated[Path, typer.Argument(help="Folder to write.")],
    *,
    layout: Annotated[
        str,
        typer.Option(help="released (as Qwen/Qwen-Audio) or qwen_audio (transformers' form)."),
    ] = "released",
    dtype: Annotated[
        str | None, typer.Option(help="Number type to write: float32, bfloat16 or float16.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a checkpoint in another layout or number type."""
    from qwen_audio import checkpoints  # brings torch, which --help does without

    with waiting("converting the checkpoint"):
        checkpoints.convert(source, target, layout=layout, **given(dtype=dtype))
    if as_json:
        print_json({"source": source, "target": str(target), "layout": layout})
    else:
        print(f"wrote {target} in the {layout} layout")
