"""`qwen-audio info`: what a model is."""

from dataclasses import asdict
from typing import Annotated

import typer

import qwen_audio
from qwen_audio.cli.options import AsJson
from qwen_audio.cli.output import print_fields, print_json

EXAMPLE = "qwen-audio info Qwen/Qwen-Audio-Chat --json"


def info(
    model: Annotated[
        str | None, typer.Argument(help="Folder or name; without it, the default model.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Tell what a model is: its sizes, number type, vocabulary, languages and licence."""
    card = asdict(qwen_audio.describe(model))
    if as_json:
        print_json(card)
    else:
        print_fields(card)
