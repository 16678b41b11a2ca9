"""The ablations as tables in Markdown and a figure: means over seeds, from lowest to highest."""

import statistics
from collections.abc import Sequence
from pathlib import Path

TITLES = {
    "tags": "Right replies (%), by how a task is asked for",
    "words": "Wrong words (ASR) and right answers (AQA), %",
}


def write_report(rows: Sequence[dict], figure: Path) -> str:
    """Write the figure and return the tables.

    Args:
        rows: lines of results.jsonl.
        figure: an SVG file.
    """
    names = [name for name in TITLES if any(row["ablation"] == name for row in rows)]
    scores = {name: _collected(rows, name, "scores", scale=100) for name in names}
    nats = {name: _collected(rows, name, "nats") for name in names}
    _draw(scores, figure)
    return "\n".join(
        text
        for name in names
        for text in (
            _table(TITLES[name], scores[name], digits=0),
            _table("Nats a label costs", nats[name], digits=2),
        )
    )


def _collected(
    rows: Sequence[dict], ablation: str, kind: str, *, scale: float = 1.0
) -> dict[str, dict[str, list[float]]]:
    """Return values by arm and task, one a seed."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        if row["ablation"] == ablation:
            for task, value in row[kind].items():
                found.setdefault(row["arm"], {}).setdefault(task, []).append(scale * value)
    return found


def _tasks(table: dict[str, dict[str, list[float]]]) -> list[str]:
    return list(dict.fromkeys(task for scores in table.values() for task in scores))


def _table(title: str, table: dict[str, dict[str, list[float]]], *, digits: int) -> str:
    tasks = _tasks(table)
    lines = [f"{title}\n", f"| | {' | '.join(tasks)} |", "|---" * (len(tasks) + 1) + "|"]
    for arm, scores in table.items():
        cells = [_cell(scores.get(task, []), digits) for task in tasks]
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(values: Sequence[float], digits: int) -> str:
    """Return the mean and the range.

    >>> _cell([50.0, 60.0], 0)
    '55 (50 to 60)'
    """
    if not values:
        return "–"
    mean, low, high = (f"{f(values):.{digits}f}" for f in (statistics.mean, min, max))
    return f"{mean} ({low} to {high})"


def _draw(tables: dict[str, dict[str, dict[str, list[float]]]], figure: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "font.size": 9, "svg.hashsalt": "0"})
    import matplotlib.pyplot as plt

    widths = [max(3, len(_tasks(table))) for table in tables.values()]
    size = (11, 3.6)
    drawn, axes = plt.subplots(1, len(tables), figsize=size, width_ratios=widths, squeeze=False)
    for axis, (name, table) in zip(axes[0], tables.items(), strict=True):
        tasks = [task for task in _tasks(table) if all(task in s for s in table.values())]
        step = 0.8 / len(table)
        for place, (arm, scores) in enumerate(table.items()):
            means = [statistics.mean(scores[task]) for task in tasks]
            lows = [m - min(scores[t]) for m, t in zip(means, tasks, strict=True)]
            highs = [max(scores[t]) - m for m, t in zip(means, tasks, strict=True)]
            x = [i + (place - (len(table) - 1) / 2) * step for i in range(len(tasks))]
            axis.bar(x, means, step, label=arm, yerr=[lows, highs], error_kw={"linewidth": 0.8})
        axis.set_xticks(range(len(tasks)), tasks)
        axis.set_title(TITLES[name], fontsize=9)
        axis.set_ylim(0, 122)
        axis.set_yticks(range(0, 101, 20))
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=7, ncols=2, loc="upper left")
    drawn.tight_layout()
    figure.parent.mkdir(parents=True, exist_ok=True)
    drawn.savefig(figure, metadata={"Date": None})
    plt.close(drawn)
