"""`qwen-audio transcribe`: what is said in clips, in writing."""

from typing import Annotated, Any

import typer

from qwen_audio.cli.options import AsJson, Device, Dtype, Model, open_model
from qwen_audio.cli.output import for_each_clip, print_json, words_to_json, words_to_lines

EXAMPLE = "qwen-audio transcribe --language en --words --json talk.mp3 call.m4a"


def transcribe(
    clips: Annotated[list[str], typer.Argument(metavar="CLIP...", help="Sound or video files.")],
    *,
    language: Annotated[
        str | None, typer.Option(help="Spoken language, such as en; without it, it is heard.")
    ] = None,
    words: Annotated[bool, typer.Option("--words", help="With the time of each word.")] = False,
    model: Model = None,
    as_json: AsJson = False,
    device: Device = None,
    dtype: Dtype = None,
) -> None:
    """Write down what is said in clips, one after another."""
    qa = open_model(model, device=device, dtype=dtype)

    def write_down(clip: str) -> None:
        said = qa.transcribe(clip, language=language, words=words)
        if as_json:
            print_json(_record(clip, said, words=words))
            return
        print(f"{clip}: {said.text}" if len(clips) > 1 else said.text, flush=True)
        if words:
            print(words_to_lines(said.words), flush=True)

    if not for_each_clip(clips, write_down, verb="transcribe"):
        raise typer.Exit(1)


def _record(clip: str, said: Any, *, words: bool) -> dict[str, Any]:
    record: dict[str, Any] = {"audio": clip, "text": said.text, "language": said.language}
    if words:
        record["words"] = words_to_json(said.words)
    return record
