"""What is in a data set, and what is wrong with it, before anybody trains on it."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from qwen_audio.audio.lengths import MAX_SECONDS
from qwen_audio.audio.sources import Clip
from qwen_audio.data.entries import Entry, entries, named
from qwen_audio.errors import AudioError, DataError
from qwen_audio.tasks.label_files import labels_from_json
from qwen_audio.tasks.labels import Labels
from qwen_audio.tasks.registry import applicable

SILENT = 1e-3  # the loudest sample of a clip in which nothing is heard (-60 dB)
CLIPPED_SHARE = 1e-3  # of samples at full scale, above which a listener hears it
_FULL_SCALE = 0.999
_LATE_S = 0.3  # how far a label may reach past the clip's end: encoders cut and pad

Kinds = ("unreadable", "silent", "clipped", "too long", "label problem")


class Problem(NamedTuple):
    """Something wrong with one clip."""

    kind: str
    clip: str
    reason: str


@dataclass
class SetReport:
    """What one split of one set holds."""

    dataset: str
    split: str
    clips: int = 0
    hours: float = 0.0
    tasks: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """Return how many clips have a problem of a kind."""
        return sum(problem.kind == kind for problem in self.problems)


@dataclass(frozen=True, kw_only=True)
class DataReport:
    """Every set that was checked, and the audio that stands in more than one split."""

    sets: tuple[SetReport, ...]
    duplicates: tuple[tuple[str, ...], ...]  # the clips that are one and the same

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.duplicates and not any(report.problems for report in self.sets)


def check_data(paths: Sequence[Path]) -> DataReport:
    """Return what data sets hold: every clip is decoded, every label is read.

    Args:
        paths: Tar shards, JSONL manifests, folders of clips and sets of Hugging Face `datasets`.

    Raises:
        DataError: One is missing, or is none of these.
    """
    reports: dict[tuple[str, str], SetReport] = {}
    places: dict[bytes, dict[str, str]] = defaultdict(dict)  # sound -> clip -> split
    for path in paths:
        bad: list[str] = []
        last = named(path)
        for entry in entries(path, bad):
            last = entry.dataset, entry.split
            report = reports.setdefault(last, SetReport(*last))
            sound = _check(entry, report)
            if sound is not None:
                places[sound]["/".join((*last, entry.key))] = entry.split
        report = reports.setdefault(last, SetReport(*last))
        report.problems += [Problem("unreadable", *_split(line)) for line in bad]
    repeated = (tuple(clips) for clips in places.values() if len(set(clips.values())) > 1)
    return DataReport(sets=tuple(reports.values()), duplicates=tuple(repeated))


def label_problems(labels: Labels, duration_s: float) -> Iterator[str]:
    """Yield what cannot be true of a clip of this length.

    >>> list(label_problems(Labels(language="en"), 1.0)), list(label_problems(Labels(), 1.0))
    ([], ['its labels allow no task'])
    """
    if not applicable(labels):
        yield "its labels allow no task"
    timed = (("word", labels.words), ("event", labels.events), ("turn", labels.turns))
    for kind, items in timed:
        late = [item for item in items if item.end_s > duration_s + _LATE_S]
        if late:
            yield f"the {kind} {late[0]} ends after the clip, which is {duration_s:.2f} s long"
    if any(one.start_s > other.start_s for one, other in pairwise(labels.words)):
        yield "its words are not in the order of their times"


def _check(entry: Entry, report: SetReport) -> bytes | None:
    """Count a clip and what is wrong with it; return what tells its sound from others."""
    try:
        clip = entry.load()
    except (AudioError, DataError) as error:
        report.problems.append(Problem("unreadable", entry.key, str(error)))
        return None
    report.clips += 1
    report.hours += clip.duration_s / 3600
    found = [*_sound_problems(clip), *_labelled(entry, clip, report)]
    report.problems += [Problem(kind, entry.key, reason) for kind, reason in found]
    samples = np.round(clip.waveform * 32767).astype(np.int16)
    return hashlib.blake2b(samples.tobytes(), digest_size=16).digest()


def _sound_problems(clip: Clip) -> Iterator[tuple[str, str]]:
    loudness = np.abs(clip.waveform)
    if not clip.num_samples or loudness.max() < SILENT:
        yield "silent", f"its loudest sample is {loudness.max(initial=0):.5f}"
    elif (share := float((loudness >= _FULL_SCALE).mean())) > CLIPPED_SHARE:
        yield "clipped", f"{share:.1%} of its samples are at full scale"
    if clip.duration_s > MAX_SECONDS:
        yield "too long", f"{clip.duration_s:.1f} s, and {MAX_SECONDS} s are heard"


def _labelled(entry: Entry, clip: Clip, report: SetReport) -> Iterable[tuple[str, str]]:
    try:
        labels = labels_from_json(entry.labels)
    except DataError as error:
        return [("label problem", str(error))]
    report.tasks.update(task.name for task in applicable(labels))
    return [("label problem", reason) for reason in label_problems(labels, clip.duration_s)]


def _split(line: str) -> tuple[str, str]:
    clip, _, reason = line.partition(": ")
    return clip, reason
