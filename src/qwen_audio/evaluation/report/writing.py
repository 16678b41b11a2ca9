"""`write_report`: some finished runs in, Markdown, CSV, JSON and one HTML page out."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qwen_audio.errors import EvaluationError
from qwen_audio.evaluation.metrics.resampling import Difference
from qwen_audio.evaluation.report.collecting import Row, Run, compare_runs, load_runs
from qwen_audio.evaluation.report.page import page
from qwen_audio.evaluation.report.tables import markdown, table_csv
from qwen_audio.evaluation.rows import replace_text
from qwen_audio.evaluation.running.results import known, result_to_json


def write_report(
    folders: Sequence[Path], output: Path, *, with_audio: bool = True
) -> tuple[Path, ...]:
    """Write a report on some runs, and return its files; the same runs give the same bytes.

    Args:
        folders: of the runs; the others are compared with the first.
        output: folder of the report.
        with_audio: whether the page has the sound of the worst examples.

    Raises:
        EvaluationError: a folder without a finished run, or no folder.
    """
    if not folders:
        raise EvaluationError("give at least one run")
    runs = load_runs(folders)
    rows = compare_runs(runs)
    output.mkdir(parents=True, exist_ok=True)
    texts = {
        "report.md": markdown(runs, rows),
        "report.csv": table_csv(runs, rows),
        "report.json": json.dumps(as_json(runs, rows), ensure_ascii=False, indent=2) + "\n",
        "report.html": page(runs, rows, with_audio=with_audio),
    }
    for name, text in texts.items():
        replace_text(output / name, text)
    return tuple(output / name for name in texts)


def as_json(runs: Sequence[Run], rows: Sequence[Row]) -> dict[str, Any]:
    """Return the whole report as a JSON object."""
    return {
        "runs": [{"label": run.label, **_public(run.settings)} for run in runs],
        "rows": [
            {
                "benchmark": row.benchmark.name,
                "metric": row.metric.name,
                "results": [None if r is None else result_to_json(r) for r in row.results],
                "differences": [_difference(d) for d in row.differences],
                "published": [asdict(p) for p in row.published],
            }
            for row in rows
        ],
    }


def _public(settings: Any) -> dict[str, Any]:
    """Return a run's settings without the place of the data on this machine."""
    return {name: value for name, value in settings.items() if name != "data"}


def _difference(difference: Difference | None) -> dict[str, Any] | None:
    if difference is None:
        return None
    return {
        "value": known(difference.value),
        "low": known(difference.interval.low),
        "high": known(difference.interval.high),
        "p": round(difference.p, 6),
        "samples": difference.samples,
    }
