"""`qwen-audio edit`: cut, mute or mend a recording by what is said in it."""

from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any

import typer

from qwen_audio.cli.options import AsJson, Device, Dtype, Model, open_model
from qwen_audio.cli.output import print_json
from qwen_audio.errors import unknown_name

EXAMPLE = "qwen-audio edit clip.flac \"cut out the word 'joyful'\" --output out.flac"


def edit(
    clip: Annotated[str, typer.Argument(metavar="CLIP", help="A sound or video file.")],
    instructions: Annotated[
        list[str],
        typer.Argument(
            metavar="INSTRUCTION...",
            help="What to do, in order: cut out, extract, mute, beep, replace, insert or fade.",
        ),
    ],
    *,
    output: Annotated[Path, typer.Option(help="The edited file: .flac or .wav.")],
    language: Annotated[str | None, typer.Option(help="Spoken language, such as en.")] = None,
    voice: Annotated[Path | None, typer.Option(help="A piper voice for new words.")] = None,
    model: Model = None,
    as_json: AsJson = False,
    device: Device = None,
    dtype: Dtype = None,
) -> None:
    """Edit a recording as told; a phrase is found by the model, times are taken as they are."""
    from qwen_audio.audio.edits import Edits
    from qwen_audio.audio.sound import FORMATS, load_sound
    from qwen_audio.inference.instructed import edit_as_told, spans_of, words_of
    from qwen_audio.inference.voice import local_voice

    if output.suffix.lower() not in FORMATS:
        raise typer.BadParameter(unknown_name("ending", output.suffix, FORMATS))
    edits = Edits(load_sound(clip))
    loaded = cache(partial(open_model, model, device=device, dtype=dtype))  # times need no model

    def hear(sound: Any) -> Any:
        return words_of(loaded(), language=language)(sound)

    def ground(sound: Any, phrase: str) -> Any:
        return spans_of(loaded())(sound, phrase)

    speak = None if voice is None else local_voice(voice)
    for instruction in instructions:
        done = edit_as_told(edits, instruction, hear_words=hear, ground=ground, speak=speak)
        if not as_json:
            print("\n".join(map(_line, done)), flush=True)
    edits.save(output)
    if as_json:
        steps = [_record(change) for step in edits.done for change in step]
        print_json({"audio": clip, "output": str(output), "edits": steps})
    else:
        print(f"{output}: {edits.sound.duration_s:.2f} s", flush=True)


def _line(change: Any) -> str:
    return f"{change.kind}: {change.start_s:.2f} to {change.end_s:.2f} s"


def _record(change: Any) -> dict[str, Any]:
    return {"kind": change.kind, "start": change.start_s, "end": change.end_s}
