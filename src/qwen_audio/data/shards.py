"""Tar shards of the WebDataset layout: `KEY.ogg` beside `KEY.json`, read as a stream."""

import io
import itertools
import json
import logging
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from qwen_audio.data.manifest import AudioReference, Record
from qwen_audio.errors import DataError
from qwen_audio.tasks.label_files import labels_from_json, labels_to_json

AUDIO_SUFFIXES = frozenset({"ogg", "opus", "wav", "flac", "mp3", "m4a", "webm"})

_SHARD_NAME = re.compile(r"(?P<dataset>.+)-(?P<split>[a-z]+)-\d+\.tar")
_log = logging.getLogger(__name__)


@dataclass
class ReadCounts:
    """How many clips a shard gave, and why the others were left out."""

    num_good: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    left_out: list[str] = field(default_factory=list)  # each with its reason

    @property
    def num_bad(self) -> int:
        """How many clips were left out."""
        return self.bad.total()

    @property
    def bad_share(self) -> float:
        """Which part of all clips was left out."""
        return self.num_bad / max(self.num_good + self.num_bad, 1)


class _Member(NamedTuple):
    name: str
    suffix: str
    content: bytes
    byte_start: int
    num_bytes: int


class RawClip(NamedTuple):
    """One clip of a shard: its encoded audio, where that lies, and its labels as they stand."""

    key: str
    audio: _Member
    labels: dict[str, Any]


class ShardReader:
    """The clips of a shard, one after another; what cannot be read is counted in `counts`."""

    def __init__(self, path: Path, *, max_bad_share: float, with_audio: bool = True) -> None:
        self.path = path
        self.max_bad_share = max_bad_share
        self.with_audio = with_audio
        self.counts = ReadCounts()

    def __iter__(self) -> Iterator[tuple[Record, bytes]]:
        """Yield each record with its encoded audio.

        Raises:
            DataError: The file is no tar, or more than the allowed share cannot be read; the
                latter is known, and said, at the end of the shard.
        """
        for raw in self.raw():
            try:
                record = self._record(raw)
            except DataError as error:
                self.counts.num_good -= 1
                self._count(str(error), raw.key)
                continue
            yield record, raw.audio.content
        self._check_share()

    def raw(self) -> Iterator[RawClip]:
        """Yield each clip with its labels as they stand; what lacks either is counted.

        Raises:
            DataError: The file is no tar.
        """
        self.counts = ReadCounts()
        for key, group in itertools.groupby(self._members(), key=lambda member: _key(member.name)):
            try:
                clip = self._clip(key, {member.suffix: member for member in group})
            except DataError as error:
                self._count(str(error), key)
                continue
            self.counts.num_good += 1
            yield clip
        if not self.counts.num_good and not self.counts.num_bad:
            raise DataError(f"{self.path} is not a tar, or holds no clips; give a shard")

    def _members(self) -> Iterator[_Member]:
        """Yield every file; a broken header costs the members behind it, not the shard."""
        try:
            # ignore_zeros: after a broken header, tarfile looks for the next whole one
            with tarfile.open(self.path, "r:", ignore_zeros=True) as tar:
                end = 0
                for entry in tar:
                    end = (
                        entry.offset_data + -(-entry.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
                    )
                    if entry.isfile():
                        yield self._read(tar, entry)
            if end and not self._is_closed_at(end):
                self._count("the tar ends too early", "")
        except FileNotFoundError as error:
            raise DataError(f"there is no shard {self.path}; give the path of a tar") from error
        except tarfile.ReadError as error:
            if not self.counts.num_good:
                raise DataError(f"the shard {self.path} is not a tar ({error})") from error
            self._count("the tar ends too early", "")

    def _is_closed_at(self, end: int) -> bool:
        """Return whether the empty block stands there that closes a tar."""
        with self.path.open("rb") as file:
            file.seek(end)
            return file.read(tarfile.BLOCKSIZE) == tarfile.NUL * tarfile.BLOCKSIZE

    def _read(self, tar: tarfile.TarFile, entry: tarfile.TarInfo) -> _Member:
        suffix = entry.name.rpartition(".")[2].lower()
        content = b""
        if suffix == "json" or self.with_audio:
            file = tar.extractfile(entry)
            content = file.read() if file else b""
        return _Member(entry.name, suffix, content, entry.offset_data, entry.size)

    def _clip(self, key: str, members: dict[str, _Member]) -> RawClip:
        audio = next((members[suffix] for suffix in members if suffix in AUDIO_SUFFIXES), None)
        if audio is None or "json" not in members:
            raise DataError("a clip without its audio or without its JSON")
        if audio.num_bytes == 0 or (self.with_audio and len(audio.content) != audio.num_bytes):
            raise DataError("audio that is empty or cut off")
        return RawClip(key, audio, _parse_json(members["json"].content))

    def _record(self, raw: RawClip) -> Record:
        key, audio, row = raw
        dataset, split = shard_name(self.path)
        duration_s = row.get("dur", row.get("duration_s"))
        if not isinstance(duration_s, int | float) or duration_s <= 0:
            raise DataError("a clip whose JSON has no duration in seconds under 'dur'")
        return Record(
            key=key,
            audio=AudioReference(
                path=self.path,
                member=audio.name,
                byte_start=audio.byte_start,
                num_bytes=audio.num_bytes,
            ),
            duration_s=float(duration_s),
            labels=labels_from_json(row),
            dataset=row.get("dataset") or dataset,
            licence=row.get("licence", ""),
            source=row.get("source", ""),
            split=split,
        )

    def _count(self, reason: str, key: str) -> None:
        self.counts.bad[reason] += 1
        self.counts.left_out.append(f"{self.path.name}:{key or 'the rest'}: {reason}")
        _log.warning("%s: left out %s: %s", self.path.name, key or "the rest", reason)

    def _check_share(self) -> None:
        if self.counts.bad_share > self.max_bad_share:
            reasons = "; ".join(f"{count} x {reason}" for reason, count in self.counts.bad.items())
            raise DataError(
                f"{self.path}: {self.counts.bad_share:.1%} of the clips cannot be read, more than "
                f"the {self.max_bad_share:.1%} allowed ({reasons}); repair the shard or allow more"
            )


def shard_name(path: Path) -> tuple[str, str]:
    """Return the set and the split that a shard's name tells.

    >>> shard_name(Path("esc10-dev-000.tar")), shard_name(Path("mine.tar"))
    (('esc10', 'dev'), ('mine', 'train'))
    """
    named = _SHARD_NAME.fullmatch(path.name)
    return (named["dataset"], named["split"]) if named else (path.stem, "train")


def read_shard(path: Path, *, max_bad_share: float = 0.01, with_audio: bool = True) -> ShardReader:
    """Return the records of a shard with their encoded audio, to iterate over.

    Args:
        path: The tar.
        max_bad_share: Which part of the clips may be unreadable before the end is an error.
        with_audio: Whether to read the audio; without it the bytes are empty.
    """
    return ShardReader(path, max_bad_share=max_bad_share, with_audio=with_audio)


def write_shard(path: Path, samples: Iterable[tuple[Record, bytes]]) -> int:
    """Write records with their encoded audio as a shard, and return their number.

    The shard has a temporary name until it is complete. The audio keeps its member's suffix.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    num_samples = 0
    with tarfile.open(unfinished, "w") as tar:
        for record, audio in samples:
            suffix = PurePosixPath(record.audio.member or record.audio.path.name).suffix or ".ogg"
            row = json.dumps(_shard_json(record), ensure_ascii=False).encode()
            _add(tar, f"{record.key}{suffix}", audio)
            _add(tar, f"{record.key}.json", row)
            num_samples += 1
    unfinished.replace(path)
    return num_samples


def _shard_json(record: Record) -> dict[str, Any]:
    origin = {"dataset": record.dataset, "licence": record.licence, "source": record.source}
    known = {name: value for name, value in origin.items() if value}
    return {"dur": record.duration_s} | known | labels_to_json(record.labels)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _key(member_name: str) -> str:
    """Return the name up to the first dot after the folders, as WebDataset does."""
    folder, _, name = member_name.rpartition("/")
    return f"{folder}/{name.partition('.')[0]}" if folder else name.partition(".")[0]


def _parse_json(content: bytes) -> dict[str, Any]:
    try:
        row = json.loads(content)
    except ValueError as error:
        raise DataError("JSON that cannot be read") from error
    if not isinstance(row, dict):
        raise DataError("JSON that is not an object")
    return row
