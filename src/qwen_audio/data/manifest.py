"""A manifest: one JSON line a clip, saying where its audio is and what is known about it."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qwen_audio.audio.sources import Clip, load_clip
from qwen_audio.errors import DataError
from qwen_audio.tasks.label_files import labels_from_json, labels_to_json
from qwen_audio.tasks.labels import Labels, filled

_NO_LABEL_KEYS = frozenset({"dataset", "source", "key", "licence", "split"})


@dataclass(frozen=True, kw_only=True)
class AudioReference:
    """Where a clip's audio is: a file, or bytes inside a tar, and which seconds of it.

    Attributes:
        path: The audio file, or the tar.
        member: The member's name, if `path` is a tar.
        byte_start: Where the member's bytes begin in the tar.
        num_bytes: How many bytes they are.
        offset_s: Where in the audio the clip begins.
        duration_s: How long it is; `None` for all that follows.
    """

    path: Path
    member: str | None = None
    byte_start: int | None = None
    num_bytes: int | None = None
    offset_s: float = 0.0
    duration_s: float | None = None

    def read_bytes(self) -> bytes:
        """Return the encoded audio, read at its place without scanning the tar.

        Raises:
            DataError: The file is gone, or shorter than it was.
        """
        try:
            if self.member is None:
                return self.path.read_bytes()
            with self.path.open("rb") as file:
                file.seek(self.byte_start or 0)
                content = file.read(self.num_bytes or 0)
        except OSError as error:
            raise DataError(
                f"the audio {self} cannot be read ({error}); prepare the manifest again"
            ) from error
        if len(content) != self.num_bytes:
            raise DataError(
                f"the audio {self} has {len(content)} of {self.num_bytes} bytes; "
                "the shard changed, prepare the manifest again"
            )
        return content

    def load(self) -> Clip:
        """Return the clip, decoded."""
        return load_clip(self.read_bytes(), offset_s=self.offset_s, duration_s=self.duration_s)

    def __str__(self) -> str:
        return f"{self.path}:{self.member}" if self.member else str(self.path)


@dataclass(frozen=True, kw_only=True)
class Record:
    """One clip of a data set: its audio, its labels, and where it comes from."""

    key: str
    audio: AudioReference
    duration_s: float
    labels: Labels = field(default_factory=Labels)
    dataset: str = ""
    licence: str = ""
    source: str = ""
    split: str = "train"


def record_to_json(record: Record, *, root: Path) -> dict[str, Any]:
    """Return a record as a JSON object; paths under `root` become relative to it."""
    audio = {name: value for name, value in vars(record.audio).items() if value not in (None, 0.0)}
    path = record.audio.path.resolve()
    base = root.resolve()
    audio["path"] = str(path.relative_to(base) if path.is_relative_to(base) else path)
    rest = {
        name: value
        for name, value in vars(record).items()
        if name not in ("audio", "labels") and value != ""
    }
    return rest | {"audio": audio, "labels": labels_to_json(record.labels)}


def record_from_json(row: Mapping[str, Any], *, root: Path) -> Record:
    """Return the record in a JSON object of a manifest in the folder `root`.

    Raises:
        DataError: A key is missing, unknown or has a value that cannot be used.
    """
    try:
        audio = dict(row["audio"])
        audio["path"] = root / audio["path"]
        known = {key: value for key, value in row.items() if key not in ("audio", "labels")}
        labels = labels_from_json(row.get("labels", {}))
        return Record(audio=AudioReference(**audio), labels=labels, **known)
    except (KeyError, TypeError) as error:
        raise DataError(
            f"a manifest row cannot be read ({error!r}); it needs 'key', 'audio' with 'path', "
            "and 'duration_s'"
        ) from error


def read_manifest(path: Path) -> Iterator[Record]:
    """Yield the records of a JSONL manifest, one line at a time.

    Raises:
        DataError: The file is missing, or a line is no record; the message names the line.
    """
    for number, row in read_rows(path):
        try:
            yield record_from_json(row, root=path.parent)
        except DataError as error:
            raise DataError(f"{path}:{number}: {error}") from error


def write_manifest(path: Path, records: Iterable[Record]) -> int:
    """Write records as JSONL, under a temporary name until complete, and return their number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    num_records = 0
    with unfinished.open("w", encoding="utf-8") as file:
        for record in records:
            row = record_to_json(record, root=path.parent)
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            num_records += 1
    unfinished.replace(path)
    return num_records


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line numbers and JSON objects of a JSONL file, without its empty lines.

    Raises:
        DataError: The file is missing, or a line is not a JSON object.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}; give the path of a JSONL file")
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, _json_object(line, where=f"{path}:{number}")


def read_side_labels(paths: Iterable[Path]) -> dict[tuple[str, str], Labels]:
    """Return labels made apart from the audio, by (data set, source).

    Each line is such as `{"dataset": "fsdd", "source": "0_george_1.wav", "text": "zero"}`; several
    lines about one clip are joined, the first to state a label wins.
    """
    found: dict[tuple[str, str], Labels] = {}
    for path in paths:
        for number, row in read_rows(path):
            if not {"dataset", "source"} <= row.keys():
                raise DataError(f"{path}:{number}: a side label needs 'dataset' and 'source'")
            place = (str(row["dataset"]), str(row["source"]))
            stated = {key: value for key, value in row.items() if key not in _NO_LABEL_KEYS}
            found[place] = filled(found.get(place, Labels()), labels_from_json(stated))
    return found


def with_side_labels(record: Record, side: Mapping[tuple[str, str], Labels]) -> Record:
    """Return the record with what the side labels add; its own labels stay."""
    extra = side.get((record.dataset, record.source))
    if extra is None:
        return record
    return dataclasses.replace(record, labels=filled(record.labels, extra))


def _json_object(line: str, *, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not JSON ({error}); one JSON object a line is needed") from error
    if not isinstance(row, dict):
        raise DataError(f"{where}: {type(row).__name__} is not a JSON object")
    return row
