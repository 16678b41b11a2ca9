"""From a corpus as its authors ship it to manifests, one a split."""

from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

import av
import soundfile

from qwen_audio.data.corpora import heard, spoken
from qwen_audio.data.corpora.found import Corpus, Found
from qwen_audio.data.manifest import AudioReference, Record, write_manifest
from qwen_audio.errors import DataError, unknown_name
from qwen_audio.tasks.label_files import labels_from_json

CORPORA: Mapping[str, Corpus] = MappingProxyType(
    {corpus.name: corpus for corpus in (*spoken.CORPORA, *heard.CORPORA)}
)
_AT_ONCE = 8  # files whose headers are read at the same time
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """One manifest that was written, and what was left out of it."""

    path: Path
    split: str
    clips: int
    hours: float
    left_out: tuple[str, ...]


def prepare(
    name: str, folder: Path, out: Path, *, max_missing_share: float = 0.05
) -> list[Prepared]:
    """Write a corpus's manifests, `OUT/NAME-SPLIT.jsonl`, and return what they hold.

    Args:
        name: The corpus.
        folder: What its authors' archive unpacks to.
        out: The folder of the manifests; paths within it become relative.
        max_missing_share: Which share of a split's clips may be missing or unreadable.

    Raises:
        DataError: No such corpus or list, or too many clips are missing.
    """
    if name not in CORPORA:
        raise DataError(unknown_name("corpus", name, CORPORA))
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}; give what the archive of {name} unpacks to")
    corpus = CORPORA[name]
    by_split: dict[str, list[Found]] = defaultdict(list)
    for found in corpus.read(folder):
        by_split[found.split].append(found)
    if not by_split:
        raise DataError(f"{folder} holds no clips of {corpus.title}; give its unpacked archive")
    return [
        _write(corpus, split, found, out=out, max_missing_share=max_missing_share)
        for split, found in by_split.items()
    ]


def _write(
    corpus: Corpus, split: str, found: list[Found], *, out: Path, max_missing_share: float
) -> Prepared:
    records: list[Record] = []
    left_out: list[str] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for one, seconds in zip(found, pool.map(_seconds, found), strict=True):
            if isinstance(seconds, str):
                left_out.append(f"{one.key}: {seconds}")
            else:
                records.append(_record(corpus, one, seconds))
    if len(left_out) > max_missing_share * len(found):
        shown = "; ".join(left_out[:_SHOWN])
        raise DataError(
            f"{len(left_out)} of {len(found)} clips of {corpus.title}, {split}, are missing or "
            f"unreadable ({shown}); fetch them, or allow a larger share"
        )
    path = out / f"{corpus.name}-{split}.jsonl"
    write_manifest(path, records)
    hours = sum(record.duration_s for record in records) / 3600
    return Prepared(
        path=path, split=split, clips=len(records), hours=hours, left_out=tuple(left_out)
    )


def _record(corpus: Corpus, one: Found, seconds: float) -> Record:
    audio = AudioReference(path=one.path, offset_s=one.offset_s, duration_s=one.duration_s)
    known = {key: value for key, value in one.labels.items() if value not in (None, "")}
    return Record(
        key=one.key,
        audio=audio,
        duration_s=round(seconds, 3),
        labels=labels_from_json(known),
        dataset=corpus.name,
        licence=corpus.licence,
        source=one.path.name,
        split=one.split,
    )


def _seconds(one: Found) -> float | str:
    """Return how long a clip is by its file's header, or what is wrong with the file."""
    if not one.path.is_file():
        return f"no file {one.path}"
    whole_s = file_seconds(one.path)
    if whole_s is None:
        return f"{one.path} is no audio"
    rest_s = whole_s - one.offset_s
    return rest_s if one.duration_s is None else min(one.duration_s, rest_s)


def file_seconds(path: Path | BytesIO) -> float | None:
    """Return how long an audio or video file is by its header, or nothing if it is none."""
    try:
        return soundfile.info(path).duration
    except soundfile.LibsndfileError:
        pass
    if not isinstance(path, Path):
        path.seek(0)
    try:
        with av.open(path) as container:
            stream = next(iter(container.streams.audio), None)
            if stream is None:
                return None
            if stream.duration is not None and stream.time_base is not None:
                return float(stream.duration * stream.time_base)
            return container.duration / av.time_base if container.duration else None
    except (av.error.FFmpegError, OSError):
        return None
