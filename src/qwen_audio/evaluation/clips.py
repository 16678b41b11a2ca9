"""The dev clips of some folders of shards, with labels from side files where there are any."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_audio.data.manifest import Record, read_side_labels, with_side_labels
from qwen_audio.data.shards import read_shard
from qwen_audio.errors import DataError


@dataclass(frozen=True, kw_only=True)
class DevClip:
    """A clip that no training saw.

    Attributes:
        record: the clip and its labels.
        words_from: where the times of its words are from.
    """

    record: Record
    words_from: str = ""


def find_dev_clips(folders: Sequence[Path], *, words: Path | None = None) -> tuple[DevClip, ...]:
    """Return the clips of every shard `NAME-dev-NNN.tar` in the folders, in order of name.

    Args:
        folders: where to look.
        words: a JSONL file of words with times, by data set and source.

    Raises:
        DataError: a folder without such shards, or a shard or side file that cannot be read.
    """
    side = read_side_labels([words]) if words else {}
    clips: dict[tuple[str, str], DevClip] = {}
    for shard in _dev_shards(folders):
        for record, _ in read_shard(shard, with_audio=False):
            whose = "of the set" if record.labels.words else f"from {words.stem}" if words else ""
            clip = DevClip(record=with_side_labels(record, side), words_from=whose)
            clips.setdefault((record.dataset, record.key), clip)
    return tuple(clips.values())


def _dev_shards(folders: Iterable[Path]) -> list[Path]:
    shards = []
    for folder in folders:
        found = sorted(folder.glob("*-dev-*.tar"))
        if not found:
            raise DataError(
                f"no shard named NAME-dev-NNN.tar in {folder}; give the folder that holds them"
            )
        shards += found
    return shards
