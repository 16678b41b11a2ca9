"""What every reader of a corpus needs: tables as their authors ship them."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from qwen_audio.data.manifest import AudioReference
from qwen_audio.errors import EvaluationError


def first_file(folder: Path, names: Iterable[str]) -> Path:
    """Return the first of some files that is there.

    Raises:
        EvaluationError: none is.
    """
    paths = [folder / name for name in names]
    found = next((path for path in paths if path.is_file()), None)
    if found is None:
        raise EvaluationError(
            f"no file {' or '.join(map(str, paths))}; the corpus's own list of clips is needed"
        )
    return found


def rows(path: Path, *, delimiter: str = ",") -> Iterator[dict[str, str]]:
    """Yield the rows of a table with a head, by column; a tab-separated one knows no quotes.

    Raises:
        EvaluationError: the file is missing.
    """
    if not path.is_file():
        raise EvaluationError(f"no file {path}; the corpus's own list of clips is needed")
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file, delimiter=delimiter, quoting=quoting)


def column(row: dict[str, str], name: str, *, path: Path) -> str:
    """Return a cell.

    Raises:
        EvaluationError: the table has no such column, or the row ends before it.
    """
    value = row.get(name)
    if value is None:
        raise EvaluationError(
            f"{path} has a row without {name!r}, its columns are {', '.join(map(str, row))}; "
            "give the file as its authors ship it"
        )
    return value.strip()


def split_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the first word and the rest of each line of a text file, empty lines left out.

    Raises:
        EvaluationError: the file is missing.
    """
    if not path.is_file():
        raise EvaluationError(f"no file {path}; the corpus's own list of clips is needed")
    with path.open(encoding="utf-8") as file:
        for line in file:
            head, _, rest = line.strip().replace("\t", " ", 1).partition(" ")
            if head:
                yield head, rest.strip()


def clip(path: Path) -> AudioReference:
    """Return the reference to a whole audio file."""
    return AudioReference(path=path)


def inside(home: Path, name: str) -> AudioReference:
    """Return the reference to a whole audio file that a list names.

    Raises:
        EvaluationError: it lies outside the corpus.
    """
    path = home / name
    if not path.resolve().is_relative_to(home.resolve()):
        raise EvaluationError(f"a clip lies outside {home}: {name!r}; correct the list")
    return clip(path)


def json_file(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        EvaluationError: it is none.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise EvaluationError(f"{path} is not JSON ({error}); fetch it again") from error


def json_rows(path: Path, key: str = "") -> list[dict[str, Any]]:
    """Return the list in a JSON file, or under a key of the object in it.

    Raises:
        EvaluationError: there is none.
    """
    content = json_file(path)
    listed = content.get(key) if key and isinstance(content, dict) else content
    if not isinstance(listed, list):
        raise EvaluationError(f"{path} holds no list of clips; give the file as it is shipped")
    return listed
