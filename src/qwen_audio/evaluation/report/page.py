"""The report as one page that needs nothing else: styles, plots and sounds are inside."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePosixPath

from qwen_audio.errors import EvaluationError
from qwen_audio.evaluation.report import tables
from qwen_audio.evaluation.report.classes import Confusion, confusion_of
from qwen_audio.evaluation.report.collecting import Row, Run
from qwen_audio.evaluation.report.examples import Example, worst_examples
from qwen_audio.evaluation.report.plots import MOST_PERCENT, by_length, radar
from qwen_audio.evaluation.running.results import Result

TEMPLATE = PurePosixPath("assets/report.html.j2")


@dataclass(frozen=True, kw_only=True)
class RunSection:
    """What the page says of one run on one benchmark."""

    label: str
    result: Result
    examples: tuple[Example, ...]
    confusion: Confusion | None


@dataclass(frozen=True, kw_only=True)
class Section:
    """What the page says of one benchmark, below the table."""

    row: Row
    scatter: str
    runs: tuple[RunSection, ...]


def page(runs: Sequence[Run], rows: Sequence[Row], *, with_audio: bool) -> str:
    """Return the page as HTML.

    Raises:
        EvaluationError: the template library is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise EvaluationError("the page needs jinja2; install qwen-audio[eval]") from error
    # replies are text of a model: everything is escaped but our own plots
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = (files("qwen_audio") / str(TEMPLATE)).read_text(encoding="utf-8")
    return environment.from_string(text).render(
        runs=runs,
        rows=rows,
        tables=tables,
        radar=radar(runs, rows),
        sections=[_section(runs, row, with_audio=with_audio) for row in rows if row.is_first],
        notes=tables.notes(runs, rows),
        sources=tables.sources(rows),
        is_published=any(row.published for row in rows),
        most_percent=MOST_PERCENT,
    )


def _section(runs: Sequence[Run], row: Row, *, with_audio: bool) -> Section:
    name = row.benchmark.name
    answered = [(run.label, run.answers[name]) for run in runs if name in run.answers]
    return Section(
        row=row,
        scatter=by_length(row.metric, answered),
        runs=tuple(
            RunSection(
                label=run.label,
                result=result,
                examples=tuple(worst_examples(run, name, row.metric, with_audio=with_audio)),
                confusion=confusion_of(row.metric.name, run.answers[name]),
            )
            for run, result in zip(runs, row.results, strict=True)
            if result is not None
        ),
    )
