"""Files of JSON lines that survive a kill: whole lines are read, appended, or written anew."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any


def read_whole_rows(path: Path, *, needed: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file that have the keys needed; what a kill left is passed over."""
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and needed <= row.keys():
            yield row


def append_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Append rows; they are on the disk when this returns.

    They begin on a line of their own, so that half a line before them spoils none.
    """
    text = "".join(map(_line, rows))
    with path.open("ab") as file:
        if file.tell() and not _ends_whole(path):
            file.write(b"\n")
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def replace_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a file of rows anew."""
    replace_text(path, "".join(map(_line, rows)))


def replace_text(path: Path, text: str) -> None:
    """Write a file under a temporary name, on the disk, then rename it."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    with unfinished.open("wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
