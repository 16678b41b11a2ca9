"""Whether memory stays flat while a long recording is transcribed: resident size against time.

    python benchmarks/long_audio.py --minutes 120 [--words] [--model FOLDER] [--log memory.jsonl]

The example clips and pauses, some of them longer than a window, are written piece by piece into one
file, which is transcribed window by window. After a warm-up of two minutes of sound the resident
memory of the process is to grow by no more than `--most-mb`; the exit code says whether it did.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from typing import TextIO

import numpy as np
import soundfile

import qwen_audio
from qwen_audio.audio.lengths import SAMPLE_RATE

CLIPS = Path(__file__).parents[1] / "examples" / "clips"
PAUSES_S = (0.3, 1.0, 0.0, 2.5, 0.15, 45.0)  # in turn behind the clips; one holds a whole window
WARM_UP_S = 120.0
MEGABYTE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Moment:
    """How far the transcription was, after how long, and what memory it took."""

    done_s: float
    elapsed_s: float
    resident_mb: float
    peak_mb: float
    words: int


def write_long(path: Path, *, minutes: float) -> float:
    """Write the example clips again and again, and return how many seconds came of it."""
    num_samples = 0
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16") as file:
        for part in _parts():
            file.write(part)
            num_samples += len(part)
            if num_samples >= minutes * 60 * SAMPLE_RATE:
                return num_samples / SAMPLE_RATE
    raise AssertionError("the parts never end")


def _parts() -> Iterator[np.ndarray]:
    clips = [qwen_audio.load_clip(path).waveform for path in sorted(CLIPS.glob("*.flac"))]
    for clip, pause_s in zip(cycle(clips), cycle(PAUSES_S), strict=False):
        yield clip
        yield np.zeros(round(pause_s * SAMPLE_RATE), np.float32)


def resident_mb() -> float:
    """Return the memory that this process holds now; its peak where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return peak_mb()
    return pages * resource.getpagesize() / MEGABYTE


def peak_mb() -> float:
    """Return the most memory that this process ever held."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEGABYTE


def watch(
    path: Path, arguments: argparse.Namespace, log: TextIO | None
) -> tuple[list[Moment], float]:
    """Transcribe a file and return what each window took, and how long the file's sound is."""
    qa = qwen_audio.load(arguments.model)
    started, moments, num_words = time.monotonic(), [], 0

    def note(done_s: float) -> None:
        moments.append(
            Moment(
                done_s=round(done_s, 2),
                elapsed_s=round(time.monotonic() - started, 2),
                resident_mb=round(resident_mb(), 1),
                peak_mb=round(peak_mb(), 1),
                words=num_words,
            )
        )
        if log is not None:
            print(json.dumps(asdict(moments[-1])), file=log, flush=True)

    options = {"language": "en", "words": arguments.words, "batch_size": arguments.batch_size}
    for segment in qa.transcribe_long(path, on_progress=note, **options):
        num_words += len(segment.text.split())
    return moments, time.monotonic() - started


def growth_mb(moments: list[Moment]) -> float | None:
    """Return how much more memory was held at the most after the warm-up than at its end."""
    warm = [moment for moment in moments if moment.done_s <= WARM_UP_S]
    rest = [moment.resident_mb for moment in moments if moment.done_s > WARM_UP_S]
    if not warm or not rest:
        return None
    return max(rest) - max(moment.resident_mb for moment in warm)


def main() -> int:
    """Print what was found, and return 1 where memory grew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--words", action="store_true", help="with the times of the words")
    parser.add_argument("--batch-size", type=int, default=1, help="windows heard at once")
    parser.add_argument("--model", help="a folder; the default model if not given")
    parser.add_argument("--log", type=Path, help="one line of JSON for every window")
    parser.add_argument("--most-mb", type=float, default=64.0, help="growth that is allowed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.flac"
        sound_s = write_long(path, minutes=arguments.minutes)
        opened = nullcontext() if arguments.log is None else arguments.log.open("w")
        with opened as log:
            moments, took_s = watch(path, arguments, log)
    grown = growth_mb(moments)
    print(f"{sound_s / 60:.1f} min of sound in {took_s / 60:.1f} min ({sound_s / took_s:.1f} x)")
    print(f"{moments[-1].words} words, {moments[-1].done_s:.1f} of {sound_s:.1f} s done")
    print(f"resident: first {moments[0].resident_mb:.0f} MB, peak {moments[-1].peak_mb:.0f} MB")
    if grown is None:
        print(f"growth unknown: give more than {WARM_UP_S / 60:g} minutes")
        return 0
    print(f"growth after {WARM_UP_S / 60:g} min of sound: {grown:.1f} MB")
    return int(grown > arguments.most_mb)


if __name__ == "__main__":
    sys.exit(main())
