"""What a reader of a corpus gives for each clip, and the few ways in which corpora keep lists."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qwen_audio.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Found:
    """One clip of a corpus, before anybody looked at its audio.

    Attributes:
        path: The audio file; it may be missing.
        key: Names the clip within its corpus.
        split: The part of the corpus, by its authors' name.
        labels: What the corpus says, in the spellings that `labels_from_json` reads.
        offset_s: Where in the file the clip begins.
        duration_s: How long it is; `None` for all that follows.
    """

    path: Path
    key: str
    split: str
    labels: dict[str, Any] = field(default_factory=dict)
    offset_s: float = 0.0
    duration_s: float | None = None


Reader = Callable[[Path], Iterator[Found]]


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A corpus that can be prepared.

    Attributes:
        name: On the command line, and of the set in a manifest.
        title: For people.
        read: Gives the clips in the folder that the authors' archive unpacks to.
        licence: Of the audio and labels; empty where the authors name none for all of it.
    """

    name: str
    title: str
    read: Reader
    licence: str = ""


def table(path: Path, *, tabs: bool = False, head: Sequence[str] | None = None) -> Iterator[dict]:
    """Yield the rows of a comma- or tab-separated file by column name.

    Args:
        path: The file.
        tabs: Whether tabs separate; such files quote nothing.
        head: The names of the columns, of a file that does not say them.

    Raises:
        DataError: The file is missing.
    """
    options: dict[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if tabs else {}
    with needed(path).open(encoding="utf-8-sig", errors="replace", newline="") as file:
        for row in csv.DictReader(file, fieldnames=head, **options):
            yield {str(name).strip(): (value or "") for name, value in row.items()}


def cell(row: dict, name: str, *, path: Path) -> str:
    """Return one cell of a row, without blanks around it.

    Raises:
        DataError: There is no such column.
    """
    if name not in row:
        raise DataError(
            f"{path} has no column {name!r}, it has {', '.join(row)}; give the file as its authors "
            "ship it"
        )
    return row[name].strip()


def pairs(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the first word and the rest of each line.

    Raises:
        DataError: The file is missing.
    """
    with needed(path).open(encoding="utf-8-sig") as file:
        for line in file:
            first, _, rest = line.strip().replace("\t", " ", 1).partition(" ")
            if first:
                yield first, rest.strip()


def json_object(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        DataError: The file is missing, or holds none.
    """
    try:
        found = json.loads(needed(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not JSON ({error}); fetch it again") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} holds no JSON object; give the file as its authors ship it")
    return found


def needed(path: Path) -> Path:
    """Return a path of a file that is there.

    Raises:
        DataError: It is not.
    """
    if not path.is_file():
        raise DataError(f"there is no {path}; give the folder that the corpus's archive unpacks to")
    return path


def lists(folder: Path, pattern: str) -> list[Path]:
    """Return the files below a folder that a pattern names, in order.

    Raises:
        DataError: There is none.
    """
    paths = sorted(folder.rglob(pattern))
    if not paths:
        raise DataError(
            f"there is no {pattern} below {folder}; give the folder that the corpus's archive "
            "unpacks to"
        )
    return paths


def first_there(paths: Iterable[Path]) -> Path:
    """Return the first path that exists, or the first of all where none does."""
    listed = list(paths)
    return next((path for path in listed if path.exists()), listed[0])
