"""The worst answers of a run, with a short piece of each clip to listen to."""

import base64
import io
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import soundfile

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.errors import AudioError, DataError
from qwen_audio.evaluation.metrics.records import Metric
from qwen_audio.evaluation.report.collecting import Run
from qwen_audio.evaluation.running.records import Answered
from qwen_audio.evaluation.running.results import kept_counts

MOST_EXAMPLES, MOST_SECONDS = 4, 10.0
_MOST_CHARACTERS = 600
_LOOP = " [cut at its limit, the loop counted once]"


@dataclass(frozen=True, kw_only=True)
class Example:
    """An answer to look at.

    Attributes:
        key: of the sample.
        seconds: how long its clip is.
        asked: the prompt.
        right: what is right.
        reply: what was said.
        value: the metric of this answer alone, as shown.
        sound: the beginning of the clip as a data URL; empty if it cannot be had.
    """

    key: str
    seconds: float
    asked: str
    right: str
    reply: str
    value: str
    sound: str


def values_of(metric: Metric, answers: Sequence[Answered]) -> np.ndarray:
    """Return the metric of each answer alone, NaN where it says nothing."""
    counts = kept_counts(metric, answers)
    return np.full(len(answers), math.nan) if counts is None else metric.total(counts)


def worst_examples(run: Run, benchmark: str, metric: Metric, *, with_audio: bool) -> list[Example]:
    """Return the worst answers of a run on a benchmark, the worst first.

    Args:
        run: whose answers.
        benchmark: its name.
        metric: by which.
        with_audio: whether to read the clips.
    """
    answers = run.answers.get(benchmark, ())
    values = values_of(metric, answers)
    badness = values if metric.is_error else -values
    places = [place for place in range(len(answers)) if not math.isnan(values[place])]
    places.sort(key=lambda place: (-badness[place], answers[place].key))
    top = max((values[place] for place in places), default=0.0)
    # a reply without a fault is no example, nor is the best one; if all are at zero, all are bad
    perfect = 0.0 if metric.is_error else top or math.inf
    wrong = [place for place in places if values[place] != perfect]
    return [
        _example(run, answers[place], metric.shown(float(values[place])), with_audio=with_audio)
        for place in _varied(wrong, answers, badness)[:MOST_EXAMPLES]
    ]


def _varied(places: Sequence[int], answers: Sequence[Answered], badness: np.ndarray) -> list[int]:
    """Return places, the worst first; of the equally bad, those that have other right answers."""
    seen: Counter[tuple[float, str]] = Counter()
    turns = {}
    for place in places:
        kind = float(badness[place]), answers[place].references[0]
        turns[place] = seen[kind]
        seen[kind] += 1
    return sorted(places, key=lambda place: (-badness[place], turns[place]))


def _example(run: Run, answer: Answered, value: str, *, with_audio: bool) -> Example:
    return Example(
        key=answer.key,
        seconds=answer.seconds,
        asked=_short(answer.prompt),
        right=_short(" / ".join(answer.references)),
        reply=_short(answer.reply) + (_LOOP if answer.counted is not None else ""),
        value=value,
        sound=_sound(run, answer) if with_audio else "",
    )


def _sound(run: Run, answer: Answered) -> str:
    """Return the beginning of a clip as an MP3 in a data URL, which every browser plays."""
    audio = run.audio_of(answer)
    seconds = min(audio.duration_s or MOST_SECONDS, MOST_SECONDS)
    try:
        clip = replace(audio, duration_s=seconds).load()
    except (OSError, AudioError, DataError):  # moved since: the answer is shown without its sound
        return ""
    file = io.BytesIO()
    soundfile.write(file, clip.waveform, SAMPLE_RATE, format="MP3", subtype="MPEG_LAYER_III")
    return f"data:audio/mpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _short(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]} …"
