"""Clips decoded once and kept together: one long row of 16-bit samples, and what each clip is.

A training machine is idle while it decodes, so all shards are decoded at the start by a pool of
processes into one file. The next run maps that file and starts at once.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from qwen_audio.audio.lengths import MAX_SAMPLES, SAMPLE_RATE
from qwen_audio.data.entries import Entry, entries, is_shard
from qwen_audio.errors import AudioError, DataError

_SAMPLES, _CLIPS = "samples.int16", "clips.jsonl"


@dataclass(frozen=True, kw_only=True)
class StoredClip:
    """One decoded clip: where its samples are, and its labels as its set gave them."""

    key: str
    start: int
    num_samples: int
    labels: Mapping[str, Any]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.num_samples / SAMPLE_RATE

    @property
    def dataset(self) -> str:
        """Name of the set the clip belongs to."""
        return str(self.labels.get("dataset", "unnamed"))


@dataclass(frozen=True, kw_only=True)
class ClipStore:
    """All clips of a run: `samples` holds them end to end, `skipped` says what was unreadable."""

    samples: np.ndarray
    clips: tuple[StoredClip, ...]
    skipped: tuple[str, ...] = ()

    @property
    def hours(self) -> float:
        """Total length of the clips."""
        return sum(clip.num_samples for clip in self.clips) / SAMPLE_RATE / 3600

    def waveform(self, index: int) -> np.ndarray:
        """Return one clip as floats between -1 and 1."""
        clip = self.clips[index]
        return self.samples[clip.start : clip.start + clip.num_samples].astype(np.float32) / 32768


def open_store(folder: Path) -> ClipStore:
    """Return a store written before; the samples stay on disk until they are read."""
    try:
        lines = (folder / _CLIPS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise DataError(f"no decoded clips in {folder}; build them with build_store") from None
    head, *rows = (json.loads(line) for line in lines)
    clips = tuple(StoredClip(**row) for row in rows)
    # "c": pages are private if anyone writes; torch takes no read-only arrays.
    samples = np.memmap(folder / _SAMPLES, dtype=np.int16, mode="c")
    if samples.size != head["num_samples"]:
        raise DataError(
            f"{folder / _SAMPLES} holds {samples.size} samples and not {head['num_samples']}; "
            "delete the folder and build it again"
        )
    return ClipStore(samples=samples, clips=clips, skipped=tuple(head["skipped"]))


def build_store(
    shards: Sequence[Path],
    folder: Path,
    *,
    side_labels: Sequence[Path] = (),
    processes: int = 1,
    max_unreadable_share: float = 0.05,
) -> ClipStore:
    """Decode shards or manifests into a folder and return its store.

    Args:
        shards: WebDataset tars, `KEY.ogg` (or another format) beside `KEY.json`; manifests
            (`.jsonl`), whose audio lies elsewhere; folders; or sets of Hugging Face `datasets`.
        folder: where the store is written; it appears whole or not at all.
        side_labels: JSONL files of further labels, `{"dataset": SET, "key": KEY, ...}`; they
            win over the shard's.
        processes: how many decode at once.
        max_unreadable_share: more unreadable clips than this are an error, fewer are counted.

    Raises:
        DataError: no shards, no clips, or too many unreadable ones.
    """
    if not shards:
        raise DataError("there are no shards to decode; check the paths in the recipe")
    extra = _side_labels(side_labels)
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    jobs = [(path, unfinished / f"part-{i:05d}") for i, path in enumerate(shards)]
    clips: list[StoredClip] = []
    skipped: list[str] = []
    with (unfinished / _SAMPLES).open("wb") as whole:
        for part, rows, bad in _run(jobs, processes):
            base = whole.tell() // 2
            with part.open("rb") as samples:
                shutil.copyfileobj(samples, whole, 1 << 24)
            part.unlink()
            skipped += bad
            for row in rows:
                place = str(row["labels"].get("dataset")), row["key"]
                labels = row["labels"] | extra.get(place, {})
                clips.append(StoredClip(**(row | {"start": base + row["start"], "labels": labels})))
        total = whole.tell() // 2
    _check_share(len(clips), skipped, max_unreadable_share)
    _write_clips(unfinished / _CLIPS, clips, {"num_samples": total, "skipped": skipped})
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    return open_store(folder)


def _run(jobs: Sequence[tuple[Path, Path]], processes: int) -> Iterator[tuple[Path, list, list]]:
    """Decode the shards, in order, in as many processes as asked."""
    if processes <= 1:
        yield from map(_decode_shard, jobs)
        return
    # Forked processes start at once; elsewhere than on Linux forking is not safe.
    start = "fork" if sys.platform == "linux" else "spawn"
    with ProcessPoolExecutor(processes, mp_context=get_context(start)) as pool:
        yield from pool.map(_decode_shard, jobs)


def _decode_shard(job: tuple[Path, Path]) -> tuple[Path, list[dict[str, Any]], list[str]]:
    """Write one shard's samples to a part file; return its clips and what was unreadable."""
    shard, part = job
    rows: list[dict[str, Any]] = []
    bad: list[str] = []
    start = 0
    with part.open("wb") as out:
        for entry in _clips(shard, bad):
            key, labels = entry.key, entry.labels
            try:
                waveform = entry.load().waveform
            except (AudioError, DataError) as error:
                bad.append(f"{shard.name}:{key}: {error}")
                continue
            if waveform.size > MAX_SAMPLES and labels.get("text"):
                bad.append(f"{shard.name}:{key}: longer than 30 s, its text would not fit")
                continue
            samples = np.clip(waveform[:MAX_SAMPLES] * 32768, -32768, 32767).astype(np.int16)
            out.write(samples.tobytes())
            rows.append({"key": key, "start": start, "num_samples": samples.size, "labels": labels})
            start += samples.size
    return part, rows, bad


def _clips(path: Path, bad: list[str]) -> Iterator[Entry]:
    """Yield the clips of a data set; a shard that breaks off is counted as one bad clip."""
    try:
        yield from entries(path, bad)
    except DataError as error:
        if not is_shard(path):
            raise
        bad.append(f"{path.name}: {error}")


def _side_labels(paths: Sequence[Path]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the further labels of each set and key."""
    extra: dict[tuple[str, str], dict[str, Any]] = {}
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                row = json.loads(line)
                place = row.pop("dataset"), row.pop("key")
            except (ValueError, KeyError, AttributeError):
                raise DataError(
                    f'{path}:{number} is not {{"dataset": ..., "key": ..., labels}}; '
                    "fix or delete the line"
                ) from None
            extra.setdefault(place, {}).update(row.pop("labels", {}) | row)
    return extra


def _check_share(num_clips: int, skipped: Sequence[str], limit: float) -> None:
    if not num_clips:
        raise DataError(f"no clip could be read; the first failure: {(*skipped, 'no clips')[0]}")
    share = len(skipped) / (num_clips + len(skipped))
    if share > limit:
        raise DataError(
            f"{len(skipped)} clips ({share:.0%}) could not be read, more than {limit:.0%}; "
            f"the first: {skipped[0]}"
        )


def _write_clips(path: Path, clips: Sequence[StoredClip], head: Mapping[str, Any]) -> None:
    with path.open("w", encoding="utf-8") as out:
        for row in (head, *(vars(clip) for clip in clips)):
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
