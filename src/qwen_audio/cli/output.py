"""What the verbs print: text or one JSON object a line on stdout, errors and progress on stderr."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from qwen_audio.errors import QwenAudioError


def print_error(error: Exception | str, *, verb: str | None = None) -> None:
    """Print one line to stderr."""
    program = f"qwen-audio {verb}" if verb else "qwen-audio"
    print(f"{program}: {' '.join(str(error).split())}", file=sys.stderr)


def print_json(record: Mapping[str, Any]) -> None:
    """Print one JSON object as one line, at once."""
    print(json.dumps(record, ensure_ascii=False, default=str), flush=True)


def print_fields(fields: Mapping[str, Any]) -> None:
    """Print names and values as two columns for a person."""
    width = max(map(len, fields), default=0) + 2
    for name, value in fields.items():
        print(f"{name.replace('_', ' '):<{width}}{_readable(value)}")


def words_to_json(words: Iterable[Any]) -> list[dict[str, Any]]:
    """Return words with their times as `--json` prints them."""
    return [
        {"word": word.text, "start": round(word.start_s, 2), "end": round(word.end_s, 2)}
        for word in words
    ]


def words_to_lines(words: Iterable[Any]) -> str:
    """Return one line a word: from, to, word."""
    return "\n".join(f"{word.start_s:8.2f} {word.end_s:8.2f}  {word.text}" for word in words)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show on a terminal that something takes a while."""
    with Console(stderr=True).status(what):
        yield


def for_each_clip(clips: Sequence[str], work: Callable[[str], None], *, verb: str) -> bool:
    """Do the work for every clip, print what goes wrong, and return whether nothing did.

    A bad clip does not stop the ones after it.
    """
    is_fine = True
    for clip in _with_bar(clips):
        try:
            work(clip)
        except QwenAudioError as error:
            is_fine = False
            print_error(error if clip in str(error) else f"{clip}: {error}", verb=verb)
    return is_fine


def _with_bar(clips: Sequence[str]) -> Iterator[str]:
    """Yield the clips under a progress bar, where there are several and someone is watching."""
    console = Console(stderr=True)
    if len(clips) < 2 or not console.is_terminal:
        yield from clips
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        yield from bar.track(clips, description="clips")


def _readable(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_readable(part)}" for name, part in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(_readable, value))
    return "unknown" if value is None else str(value)
