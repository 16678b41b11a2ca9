"""A folder of clips as a data set: each audio file with its labels in a file of its name beside it.

`KEY.json` holds labels as a shard's does; `KEY.txt` holds what is said. Folders below are searched
too; the name of the set is the folder's.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from qwen_audio.audio.sources import Clip, load_clip
from qwen_audio.data.shards import AUDIO_SUFFIXES
from qwen_audio.errors import DataError


class FolderClip(NamedTuple):
    """One audio file and its labels as they stand."""

    key: str
    dataset: str
    split: str
    path: Path
    labels: dict[str, Any]

    def load(self) -> Clip:
        """Return the clip, decoded."""
        return load_clip(self.path)


def read_folder(folder: Path) -> Iterator[FolderClip]:
    """Yield the clips of a folder in the order of their names; audio without labels is one too.

    Raises:
        DataError: The folder holds no audio, or labels are no JSON object.
    """
    found = (
        path for path in sorted(folder.rglob("*")) if path.suffix[1:].lower() in AUDIO_SUFFIXES
    )
    is_empty = True
    for path in found:
        is_empty = False
        key = path.relative_to(folder).with_suffix("").as_posix()
        labels = _labels(path)
        dataset = str(labels.get("dataset") or folder.resolve().name)
        yield FolderClip(key, dataset, str(labels.get("split") or "train"), path, labels)
    if is_empty:
        kinds = ", ".join(sorted(AUDIO_SUFFIXES))
        raise DataError(f"the folder {folder} holds no audio; its files may be {kinds}")


def _labels(path: Path) -> dict[str, Any]:
    """Return what stands beside an audio file."""
    beside, words = path.with_suffix(".json"), path.with_suffix(".txt")
    labels: dict[str, Any] = {}
    if words.is_file():
        labels["text"] = words.read_text(encoding="utf-8").strip()
    if not beside.is_file():
        return labels
    try:
        row = json.loads(beside.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{beside} is not JSON ({error}); correct or delete it") from error
    if not isinstance(row, dict):
        raise DataError(f"{beside} is no JSON object but {type(row).__name__}; correct it")
    return labels | row
