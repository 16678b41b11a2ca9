"""The plots of a report as SVG that takes the page's text colour: radar, and error by length."""

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from qwen_audio.evaluation.metrics.records import Metric
from qwen_audio.evaluation.report.collecting import Row, Run
from qwen_audio.evaluation.report.examples import values_of
from qwen_audio.evaluation.report.published import ORIGINAL
from qwen_audio.evaluation.running.records import Answered
from qwen_audio.evaluation.running.results import kept_counts

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_INK = "#010203"  # stands for the page's text colour while matplotlib draws
_METADATA = ("Date", "Creator", "Format", "Type")  # none is written
_FEWEST_AXES = 3
_MOST_DOTS = 2000
_BINS = 6
MOST_PERCENT = 150  # what is worse is drawn there
_LEAST_SPREAD = 1.1


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line of the radar: a value for each axis, NaN where there is none."""

    label: str
    values: tuple[float, ...]


def radar_series(runs: Sequence[Run], rows: Sequence[Row]) -> list[Series]:
    """Return the lines of the radar: the runs, the original, the best baseline of its paper."""
    own = [
        Series(label=run.label, values=tuple(_value(row, place) for row in rows))
        for place, run in enumerate(runs)
    ]
    original = tuple(
        next((p.value for p in row.published if p.model == ORIGINAL), math.nan) for row in rows
    )
    baseline = tuple(_best_baseline(row) for row in rows)
    more = [
        Series(label=f"{ORIGINAL}, published", values=original),
        Series(label="best baseline of its paper", values=baseline),
    ]
    return own + [series for series in more if not all(map(math.isnan, series.values))]


def radar(runs: Sequence[Run], rows: Sequence[Row]) -> str:
    """Return the radar plot of the first metrics, or nothing for fewer than three.

    As in the paper's Figure 1, each axis has its own scale: the best of its values is at the rim,
    and the others are at their share of it (for errors, the best over the value).
    """
    axes = [row for row in rows if row.is_first]
    if len(axes) < _FEWEST_AXES:
        return ""
    series = radar_series(runs, axes)
    radii = _radii(series, [row.metric.is_error for row in axes])
    angles = np.linspace(0, 2 * np.pi, len(axes), endpoint=False)
    side = 6.0 + 0.1 * len(axes)  # many labels need a longer rim
    with _figure((side + 1.5, side), polar=True) as (figure, plot, write):
        for place, (line, radius) in enumerate(zip(series, radii, strict=True)):
            colour = COLOURS[place % len(COLOURS)]
            _draw_ring(plot, angles, radius, colour=colour, label=line.label)
        plot.set_theta_offset(np.pi / 2)
        plot.set_theta_direction(-1)
        plot.set_xticks(angles, [_axis_label(row, series, i) for i, row in enumerate(axes)])
        plot.tick_params(axis="x", pad=5, labelsize=7.5)
        for label, angle in zip(plot.get_xticklabels(), angles, strict=True):
            label.set_horizontalalignment(_side(float(np.sin(angle))))
        plot.set_yticks([0.25, 0.5, 0.75, 1.0], [])
        plot.set_ylim(0, 1.05)
        figure.legend(loc="lower center", ncols=2, frameon=False, fontsize=8)
        figure.subplots_adjust(top=0.86, bottom=0.2)
        return write()


def by_length(metric: Metric, answered: Sequence[tuple[str, Sequence[Answered]]]) -> str:
    """Return a scatter of each answer's value by its clip's length, with the metric over bins.

    Args:
        metric: what is shown.
        answered: label and answers of each run.
    """
    known = [(label, a) for label, a in answered if kept_counts(metric, a) is not None]
    if not known or not _differ([a.seconds for _, answers in known for a in answers]):
        return ""
    with _figure((7.5, 3.2)) as (figure, plot, write):
        for place, (label, answers) in enumerate(known):
            _draw_lengths(plot, metric, answers, colour=COLOURS[place % len(COLOURS)], label=label)
        plot.set_xlabel("length of the clip, s")
        unit = f", {metric.unit}" if metric.unit else ""
        plot.set_ylabel(f"{metric.title}{unit}", fontsize=8)
        if metric.unit == "%":
            plot.set_ylim(-3, MOST_PERCENT + 3)
        plot.spines[["top", "right"]].set_visible(False)
        plot.legend(frameon=False, fontsize=8)
        figure.tight_layout()
        return write()


def _draw_ring(
    plot: Any, angles: np.ndarray, radius: np.ndarray, *, colour: str, label: str
) -> None:
    there = ~np.isnan(radius)
    if there.all():
        closed = np.append(angles, angles[0]), np.append(radius, radius[0])
        plot.plot(*closed, color=colour, label=label, linewidth=1.6)
        plot.fill(*closed, color=colour, alpha=0.08)
    else:  # a line across a gap would claim what nobody measured
        plot.plot(angles, radius, color=colour, label=label, linewidth=1.6)
    plot.scatter(angles[there], radius[there], color=colour, s=14, zorder=3)


def _draw_lengths(
    plot: Any, metric: Metric, answers: Sequence[Answered], *, colour: str, label: str
) -> None:
    seconds = np.array([answer.seconds for answer in answers])
    values = values_of(metric, answers)
    if metric.unit == "%":
        values = np.minimum(values, MOST_PERCENT)
    step = max(1, len(answers) // _MOST_DOTS)
    plot.scatter(seconds[::step], values[::step], s=11, alpha=0.45, color=colour, linewidths=0)
    counts = kept_counts(metric, answers)
    if counts is None:
        return
    order = np.argsort(seconds, kind="stable")
    bins = [b for b in np.array_split(order, min(_BINS, max(1, len(order) // 5))) if len(b)]
    middle = [float(np.median(seconds[b])) for b in bins]
    binned = np.array([metric.value(counts[b]) for b in bins])
    if metric.unit == "%":  # the line stays where the dots are
        binned = np.minimum(binned, MOST_PERCENT)
    plot.plot(middle, binned, color=colour, marker="o", markersize=4, label=label)


def _side(right: float) -> str:
    """Return how a label at the rim is aligned, so that it grows outwards."""
    if abs(right) < 0.1:
        return "center"
    return "left" if right > 0 else "right"


def _differ(seconds: Sequence[float]) -> bool:
    """Return whether clips are of different lengths, so that a plot over it says something."""
    low, high = np.percentile(seconds, [5, 95])
    return bool(high > _LEAST_SPREAD * low)


def _radii(series: Sequence[Series], is_error: Sequence[bool]) -> list[np.ndarray]:
    values = np.array([line.values for line in series], dtype=float)  # (lines, axes)
    shares = np.full(values.shape, np.nan)
    for axis, error in enumerate(is_error):
        column = values[:, axis]
        there = ~np.isnan(column)
        if not there.any():
            continue
        best = column[there].min() if error else column[there].max()
        top, bottom = (best, column[there]) if error else (column[there], best)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares[there, axis] = np.where(top == bottom, 1.0, top / bottom)
    return list(shares)


def _axis_label(row: Row, series: Sequence[Series], axis: int) -> str:
    values = (line.values[axis] for line in series)
    shown = " · ".join(
        row.metric.shown(value).removesuffix(f" {row.metric.unit}") for value in values
    )
    unit = f" {row.metric.unit}" if row.metric.unit else ""
    return f"{row.benchmark.title}\n{shown}{unit}"


def _value(row: Row, place: int) -> float:
    result = row.results[place]
    return math.nan if result is None else result.value


def _best_baseline(row: Row) -> float:
    values = [p.value for p in row.published if p.is_baseline]
    if not values:
        return math.nan
    return min(values) if row.metric.is_error else max(values)


@contextmanager
def _figure(size: tuple[float, float], *, polar: bool = False) -> Iterator[tuple[Any, Any, Any]]:
    """Give a figure, its one plot, and what writes it: the same drawing gives the same bytes."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    inks = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    style = dict.fromkeys(inks, _INK) | {
        "svg.fonttype": "none",
        "svg.hashsalt": "qwen-audio",
        "font.family": "sans-serif",
        "font.size": 9,
        "grid.color": "#8884",
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=size)
        FigureCanvasSVG(figure)
        figure.patch.set_alpha(0)
        plot = figure.add_subplot(projection="polar" if polar else None)
        plot.patch.set_alpha(0)
        plot.grid(visible=True, linewidth=0.6)

        def write() -> str:
            file = io.StringIO()
            figure.savefig(file, format="svg", metadata=dict.fromkeys(_METADATA))
            text = file.getvalue()
            return text[text.index("<svg") :].replace(_INK, "currentColor")

        yield figure, plot, write
