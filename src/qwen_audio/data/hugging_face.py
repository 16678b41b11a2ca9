"""Hugging Face `datasets` as a source of clips: saved folders, arrow and parquet files, hub names.

Rows are taken one after the other, from disk or as a stream, and audio stays encoded until somebody
listens: no set is loaded whole, and the library decodes nothing. It is the extra `datasets`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from qwen_audio.audio.sources import Clip, load_clip
from qwen_audio.errors import DataError

HUB = "hf:"
"""What a name on the hub begins with: `hf:OWNER/NAME`, `hf:OWNER/NAME:CONFIG:SPLIT`."""

_FILES = (".arrow", ".parquet")
_SAVED = ("state.json", "dataset_dict.json")  # what `save_to_disk` leaves in a folder
_AUDIO = {"bytes", "path"}  # how an `Audio` value is stored
# Usual columns of public sets, as our labels are called.
_COLUMNS = {
    "sentence": "text",
    "transcription": "text",
    "transcript": "text",
    "normalized_text": "text",
    "locale": "language",
    "category": "sound",
    "speaker_id": "speaker",
    "client_id": "speaker",
}


@dataclass(frozen=True, eq=False, kw_only=True)
class StoredAudio:
    """The encoded audio in one cell of a table, read when it is asked for.

    Attributes:
        rows: The table, in arrow's format.
        index: The row.
        place: The column, and the place in its list if it holds one.
        root: Folder of audio that the table only names; `None` where it must bring its audio.
    """

    rows: Any
    index: int
    place: tuple[str | int, ...]
    root: Path | None

    def content(self) -> bytes:
        """Return the encoded audio.

        Raises:
            DataError: The table only names a file, and it is not there or must not be opened.
        """
        cell: Any = self.rows[self.index : self.index + 1].to_pylist()[0]
        for key in self.place:
            cell = cell[key]
        return _content(cell, self.root)

    def __str__(self) -> str:
        return f"row {self.index} of {self.place[0]!r}"


class TableClip(NamedTuple):
    """One row with a clip: its encoded audio, and its labels as the set spells them."""

    key: str
    dataset: str
    split: str
    audio: Mapping[str, Any]
    root: Path | None
    labels: dict[str, Any]

    def content(self) -> bytes:
        """Return the encoded audio, as `StoredAudio.content` does."""
        return _content(self.audio, self.root)

    def load(self) -> Clip:
        """Return the clip, decoded."""
        return load_clip(self.content())


def is_table(path: Path) -> bool:
    """Return whether a path is for the library `datasets` to read.

    >>> is_table(Path("hf:owner/name:en:train")), is_table(Path("a.parquet")), is_table(Path("a"))
    (True, True, False)
    """
    if str(path).startswith(HUB) or path.suffix in _FILES:
        return True
    return path.is_dir() and any((path / name).is_file() for name in _SAVED)


def read_clips(path: Path) -> Iterator[TableClip]:
    """Yield the rows that hold audio, one at a time, as a stream where the set is no saved folder.

    Raises:
        DataError: The set cannot be opened, or has no column of audio.
    """
    root = None if str(path).startswith(HUB) else (path if path.is_dir() else path.parent)
    for split, rows in _splits(path, streaming=True):
        names = _class_names(rows)
        index = -1
        for index, row in enumerate(_plain_rows(rows)):
            column = next((name for name, value in row.items() if _is_audio(value)), None)
            if column is None:
                raise DataError(
                    f"{path} has no column of audio; it has {', '.join(row)}, one of which must be "
                    "of the feature Audio"
                )
            labels = _labels(row, names)
            key = str(row.get("key") or row.get("id") or index)
            dataset = str(row.get("dataset") or set_name(path))
            yield TableClip(key, dataset, split, row[column], root, labels)
        if index < 0:
            raise DataError(f"{path} holds no rows; give a set with audio")


def read_table(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield row numbers and rows in which audio is a `StoredAudio`; the table stays on disk.

    Raises:
        DataError: The set cannot be opened.
    """
    root = None if str(path).startswith(HUB) else (path if path.is_dir() else path.parent)
    for _, rows in _splits(path, streaming=False):
        table = rows.with_format("arrow")
        for index, row in enumerate(_plain_rows(rows)):
            place = {"rows": table, "index": index, "root": root}
            yield (
                index + 1,
                {name: _lazily(value, (name,), place) for name, value in row.items()},
            )


def set_name(path: Path) -> str:
    """Return what a set is called.

    >>> set_name(Path("hf:owner/name:en:train")), set_name(Path("sets/mine.parquet"))
    ('name', 'mine')
    """
    name = str(path)
    if name.startswith(HUB):
        return name.removeprefix(HUB).split(":")[0].rpartition("/")[2]
    return path.stem


def _splits(path: Path, *, streaming: bool) -> Iterator[tuple[str, Any]]:
    """Yield the splits of a set by name."""
    library = _library()
    try:
        opened = _opened(library, path, streaming=streaming)
    except (OSError, ValueError, library.exceptions.DatasetsError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"the data set {path} cannot be opened: {reason}") from error
    if isinstance(opened, Mapping):
        yield from opened.items()
    else:
        yield str(opened.split or "train"), opened


def _opened(library: Any, path: Path, *, streaming: bool) -> Any:
    name = str(path)
    if name.startswith(HUB):
        hub, config, split = (*name.removeprefix(HUB).split(":"), "", "")[:3]
        known = {"name": config or None, "split": split or None}
        return library.load_dataset(hub, **known, streaming=streaming)
    if path.is_dir():
        return library.load_from_disk(name)
    if not path.is_file():
        raise DataError(f"there is no file {path}; give an arrow or parquet file")
    if path.suffix == ".arrow":
        return library.Dataset.from_file(name)
    return library.load_dataset("parquet", data_files=name, split="train", streaming=streaming)


def _library() -> Any:
    try:
        import datasets
    except ImportError:
        raise DataError(
            "Hugging Face sets need the library datasets; install qwen-audio[datasets]"
        ) from None
    return datasets


def _plain_rows(rows: Any) -> Iterator[dict[str, Any]]:
    """Yield rows as they are stored: audio as bytes and path, classes as numbers."""
    for table in rows.with_format("arrow"):
        yield from table.to_pylist()


def _class_names(rows: Any) -> dict[str, list[str]]:
    """Return the names of the classes that columns hold as numbers."""
    features = rows.features or {}
    return {name: kind.names for name, kind in features.items() if hasattr(kind, "int2str")}


def _labels(row: Mapping[str, Any], classes: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return what a row says of its clip, under our names, without what JSON cannot hold."""
    labels: dict[str, Any] = {}
    for column, value in row.items():
        if value is None or not isinstance(value, str | int | float | list) or _is_audio(value):
            continue
        if column in classes and isinstance(value, int):
            value = classes[column][value] if value >= 0 else None
        name = _COLUMNS.get(column, column)
        if value is not None and (name == column or name not in row):
            labels[name] = value
    return labels


def _is_audio(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == _AUDIO


def _lazily(value: Any, place: tuple[str | int, ...], known: Mapping[str, Any]) -> Any:
    """Return a cell with `StoredAudio` in place of audio, at whatever depth."""
    if _is_audio(value):
        return StoredAudio(place=place, **known)
    if isinstance(value, Mapping):
        return {name: _lazily(inner, (*place, name), known) for name, inner in value.items()}
    if isinstance(value, list):
        return [_lazily(inner, (*place, i), known) for i, inner in enumerate(value)]
    return value


def _content(cell: Any, root: Path | None) -> bytes:
    if not _is_audio(cell):
        raise DataError(f"there is no audio in this row, got {cell!r}")
    if cell["bytes"] is not None:
        return cell["bytes"]
    if root is None or not cell["path"]:
        raise DataError(
            f"the set only names its audio ({cell['path']}); save it with its audio inside "
            "(`save_to_disk`) and give the folder"
        )
    try:
        return (root / cell["path"]).read_bytes()
    except OSError as error:
        raise DataError(f"the audio {cell['path']} cannot be read: {error}") from error
