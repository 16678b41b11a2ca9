"""`qwen-audio init`: a new model from two others."""

from pathlib import Path
from typing import Annotated

import typer

import qwen_audio
from qwen_audio.cli.options import AsJson, given
from qwen_audio.cli.output import print_json, waiting

EXAMPLE = "qwen-audio init models/whisper-base models/SmolLM2-135M-Instruct models/new"


def init(
    encoder: Annotated[Path, typer.Argument(help="Folder of a Whisper checkpoint.")],
    llm: Annotated[Path, typer.Argument(help="Folder of a decoder-only LLM.")],
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    *,
    pool: Annotated[
        int | None, typer.Option(min=1, help="Encoder frames in one audio token (2 as released).")
    ] = None,
    pooling: Annotated[
        str | None, typer.Option(help="How encoder frames are joined: mean or stack.")
    ] = None,
    projector: Annotated[
        str | None, typer.Option(help="From encoder to LLM: linear, mlp or transformer.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build a new, untrained model from a Whisper encoder and an LLM."""
    with waiting("assembling the model"):
        qwen_audio.assemble(
            encoder, llm, out, **given(pool=pool, pooling=pooling, projector=projector)
        )
    if as_json:
        print_json({"encoder": str(encoder), "llm": str(llm), "output": str(out)})
    else:
        print(f"wrote {out}: the tags and the projection in it still have to be trained")
