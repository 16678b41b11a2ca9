"""The options that several verbs share, and the model that they name."""

import gc
from collections.abc import Callable
from typing import Annotated, Any

import typer

import qwen_audio
from qwen_audio.cli.output import waiting

Model = Annotated[
    str | None,
    typer.Option(help="Folder or name of the model; without it, the default model."),
]
Device = Annotated[str | None, typer.Option(help="Where to run it: cpu, cuda, cuda:1, mps ...")]
Dtype = Annotated[
    str | None, typer.Option(help="Number type: auto (as stored), float32, bfloat16 or float16.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]


def open_model(model: str | None, *, device: str | None, dtype: str | None) -> Any:
    """Return the loaded model that the options name."""
    with waiting("loading the model"):
        load = _import_load()
        hush_transformers()
        return load(model, **given(dtype=dtype, device=device))


def _import_load() -> Callable[..., Any]:
    """Return `qwen_audio.load`; what its import made is never looked through for garbage.

    A program's modules are there to stay. In somebody else's process this would not be ours to say.
    """
    gc.disable()
    try:
        load = qwen_audio.load
        gc.freeze()
    finally:
        gc.enable()
    return load


def hush_transformers() -> None:
    """Keep transformers' own bars off the terminal: one line says what is going on."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given, so that the library's own defaults hold for the rest.

    >>> given(seed=3, top_p=None)
    {'seed': 3}
    """
    return {name: value for name, value in options.items() if value is not None}
