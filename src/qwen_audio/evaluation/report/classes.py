"""Which class each reply names: the confusion table of a benchmark of classes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_audio.evaluation.metrics.labels import named_class
from qwen_audio.evaluation.metrics.notes import read_note
from qwen_audio.evaluation.running.records import Answered
from qwen_audio.tasks.music import parse_note

NO_CLASS = "none of them"
_MOST = 24
_BY_CLASS = ("accuracy", "accuracy-any-wording")


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How often a class was taken for another.

    Attributes:
        classes: the right ones, the most frequent if there are too many to show.
        said: the classes, then "none of them".
        counts: a row for each class, a column for each that was said.
        hidden: how many samples have a class that is not shown.
    """

    classes: tuple[str, ...]
    said: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    hidden: int


def confusion_of(metric: str, answers: Sequence[Answered]) -> Confusion | None:
    """Return the confusion table of a benchmark, or `None` if it has no classes.

    Args:
        metric: the benchmark's first.
        answers: of one run.
    """
    if metric == "qualities-map":
        pairs = [(_family(a.references[0]), _family(a.reply)) for a in answers]
    elif metric in _BY_CLASS:
        classes = sorted({a.references[0] for a in answers})
        pairs = [(a.references[0], named_class(a.reply, classes) or NO_CLASS) for a in answers]
    else:
        return None
    frequent = Counter(right for right, _ in pairs).most_common()
    shown = tuple(sorted(name for name, _ in frequent[:_MOST]))
    said = (*shown, NO_CLASS)
    counted = Counter((right, name if name in shown else NO_CLASS) for right, name in pairs)
    return Confusion(
        classes=shown,
        said=said,
        counts=tuple(tuple(counted[right, name] for name in said) for right in shown),
        hidden=sum(number for _, number in frequent[_MOST:]),
    )


def _family(text: str) -> str:
    note = parse_note(text)
    names = note.instrument or read_note(text).instrument
    return names[0] if names else NO_CLASS
