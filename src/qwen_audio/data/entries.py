"""Every form in which data sets are kept, read alike: shards, manifests, folders, tables."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from qwen_audio.audio.sources import Clip, load_clip
from qwen_audio.data.folders import read_folder
from qwen_audio.data.hugging_face import is_table, read_clips, set_name
from qwen_audio.data.manifest import read_manifest
from qwen_audio.data.shards import read_shard, shard_name
from qwen_audio.tasks.label_files import labels_to_json


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One clip of a data set: how to decode it, and its labels as the set spells them."""

    key: str
    dataset: str
    split: str
    load: Callable[[], Clip]
    labels: Mapping[str, Any]


def entries(path: Path, bad: list[str]) -> Iterator[Entry]:
    """Yield the clips of a tar shard, a JSONL manifest, a folder or a Hugging Face set.

    Args:
        path: The set; what it is is told by its name and what lies there.
        bad: Gets a line for each clip of a shard that is left out.

    Raises:
        DataError: The set is missing, or is none of these.
    """
    if is_shard(path):
        yield from _of_shard(path, bad)
    elif path.suffix == ".jsonl":
        yield from _of_manifest(path)
    elif is_table(path):
        for row in read_clips(path):
            labels = {"dataset": row.dataset} | row.labels
            yield _entry(row, load=row.load, labels=labels)
    else:
        for clip in read_folder(path):
            labels = {"dataset": clip.dataset} | clip.labels
            yield _entry(clip, load=clip.load, labels=labels)


def is_shard(path: Path) -> bool:
    """Return whether a path is read as a tar: whether it is nothing else."""
    return not (path.suffix == ".jsonl" or is_table(path) or path.is_dir())


def named(path: Path) -> tuple[str, str]:
    """Return the set and split that a path tells.

    >>> named(Path("esc10-dev-000.tar")), named(Path("voices.parquet"))
    (('esc10', 'dev'), ('voices', 'train'))
    """
    return (set_name(path), "train") if is_table(path) else shard_name(path)


def _of_manifest(path: Path) -> Iterator[Entry]:
    for record in read_manifest(path):
        known = {"dataset": record.dataset, "source": record.source}
        yield Entry(
            key=record.key,
            dataset=record.dataset or path.stem,
            split=record.split,
            load=record.audio.load,
            labels=known | labels_to_json(record.labels),
        )


def _of_shard(path: Path, bad: list[str]) -> Iterator[Entry]:
    reader = read_shard(path)
    dataset, split = shard_name(path)
    for key, audio, row in reader.raw():
        load = partial(load_clip, audio.content)
        name = str(row.get("dataset") or dataset)
        yield Entry(key=key, dataset=name, split=split, load=load, labels=row)
    bad += reader.counts.left_out


def _entry(found: Any, *, load: Callable[[], Clip], labels: Mapping[str, Any]) -> Entry:
    return Entry(key=found.key, dataset=found.dataset, split=found.split, load=load, labels=labels)
