"""`qwen-audio transcribe`: what is said in clips of any length, in writing."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from qwen_audio.cli.options import AsJson, Device, Dtype, Model, open_model
from qwen_audio.cli.output import for_each_clip, print_json, words_to_json, words_to_lines
from qwen_audio.errors import AudioError, unknown_name
from qwen_audio.text.exports import FORMATS, export

EXAMPLE = "qwen-audio transcribe --language en --format srt --output subtitles talk.mp3 call.m4a"

LONG_S = 60.0  # from here on a bar is worth looking at
WITHOUT_WORDS = ("text",)  # every other format is about times


def transcribe(
    clips: Annotated[list[str], typer.Argument(metavar="CLIP...", help="Sound or video files.")],
    *,
    language: Annotated[
        str | None, typer.Option(help="Spoken language, such as en; without it, it is heard.")
    ] = None,
    words: Annotated[bool, typer.Option("--words", help="With the time of each word.")] = False,
    form: Annotated[
        str | None, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for one file a clip, instead of printing.")
    ] = None,
    model: Model = None,
    as_json: AsJson = False,
    device: Device = None,
    dtype: Dtype = None,
) -> None:
    """Write down what is said in clips, one after another; hours are no harder than seconds."""
    if form is not None and form not in FORMATS:
        raise typer.BadParameter(unknown_name("format", form, FORMATS))
    if as_json and (form or output):
        raise typer.BadParameter("choose one of --json and --format")
    qa = open_model(model, device=device, dtype=dtype)
    is_timed = (form or "text") not in WITHOUT_WORDS
    needs_words = words or (is_timed and getattr(qa, "gives_words", True))

    def write_down(clip: str) -> None:
        if not (words or form or output or as_json) and _streams(qa, clip):
            _print_as_it_comes(qa, clip, language=language, names=len(clips) > 1)
            return
        with _progress(clip) as options:
            said = qa.transcribe(clip, language=language, words=needs_words, **options)
        _tell_if_silent(clip, said.text)
        if form or output:
            _export(said, clip, form or "text", output)
        elif as_json:
            print_json(_record(clip, said, words=words))
        else:
            _print(said, words=words, name=clip if len(clips) > 1 else None)

    if not for_each_clip(clips, write_down, verb="transcribe"):
        raise typer.Exit(1)


def _print(said: Any, *, words: bool, name: str | None) -> None:
    print(f"{name}: {said.text}" if name else said.text, flush=True)
    if words:
        print(words_to_lines(said.words), flush=True)


def _streams(qa: Any, clip: str) -> bool:
    """Return whether a recording is so long that people want to read on while it is heard."""
    seconds = _length(clip) if hasattr(qa, "transcribe_long") else None
    return seconds is not None and seconds > LONG_S


def _print_as_it_comes(qa: Any, clip: str, *, language: str | None, names: bool) -> None:
    """Print a long recording's plain text window by window, a line each."""
    if names:
        print(f"{clip}:", flush=True)
    said = ""
    for segment in qa.transcribe_long(clip, language=language):
        said = segment.text
        print(said, flush=True)
    _tell_if_silent(clip, said)


def _tell_if_silent(clip: str, text: str) -> None:
    """Say so where nothing was heard: an empty line alone looks like a failure."""
    if not text.strip():
        print(f"qwen-audio transcribe: {clip}: no speech was heard in it", file=sys.stderr)


def _export(said: Any, clip: str, form: str, output: Path | None) -> None:
    text = export(said.segments, form)
    if output is None:
        print(text, end="", flush=True)
        return
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"{Path(clip).stem}.{'txt' if form == 'text' else form}"
    path.write_text(text, encoding="utf-8")
    print(path, flush=True)


def _record(clip: str, said: Any, *, words: bool) -> dict[str, Any]:
    record: dict[str, Any] = {"audio": clip, "text": said.text, "language": said.language}
    if words:
        record["words"] = words_to_json(said.words)
    return record


@contextmanager
def _progress(clip: str) -> Iterator[dict[str, Callable[[float], None]]]:
    """Show a bar for a long recording where someone is watching; give what moves it."""
    console = Console(stderr=True)
    seconds = _length(clip) if console.is_terminal else None
    if seconds is None or seconds <= LONG_S:
        yield {}
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, *times, console=console, transient=True) as bar:
        task = bar.add_task(Path(clip).name, total=seconds)
        yield {"on_progress": lambda done_s: bar.update(task, completed=done_s)}


def _length(clip: str) -> float | None:
    """Return a recording's length, or None: what is wrong with it is said when it is heard."""
    from qwen_audio.audio.windows import recording_s  # heavy; the model has brought it already

    try:
        return recording_s(clip)
    except AudioError:
        return None
