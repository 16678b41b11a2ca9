"""The tables of a report: Markdown, CSV, and the cells that the page shows too."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from typing import Any

from qwen_audio.evaluation.metrics.resampling import Difference
from qwen_audio.evaluation.report.collecting import Row, Run
from qwen_audio.evaluation.report.cuts import cut_notes
from qwen_audio.evaluation.report.published import ORIGINAL, Published
from qwen_audio.evaluation.running.results import Result, known

_CSV_HEAD = (
    *("benchmark", "metric", "model", "value", "low", "high", "samples"),
    *("difference", "p", "source"),
)
SIGNIFICANT = 0.05


def brief(run: Run) -> str:
    """Return the results of one run as lines for a terminal."""
    from qwen_audio.evaluation.report.collecting import compare_runs

    lines = [
        (row.benchmark.title, row.metric.title, cell(row, row.results[0]), _size(row.results[0]))
        for row in compare_runs([run])
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    return "\n".join(
        "  ".join([*(c.ljust(w) for c, w in zip(line, widths, strict=False)), line[3]])
        for line in lines
    )


def markdown(runs: Sequence[Run], rows: Sequence[Row]) -> str:
    """Return the whole report in Markdown: table, notes, sources."""
    head = ["benchmark", "metric", *(run.label for run in runs)]
    head += [f"{run.label} against the first" for run in runs[1:]]
    is_published = any(row.published for row in rows)
    head += ["n", *(["Qwen-Audio, published", "others, published"] if is_published else [])]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        result = next((r for r in row.results if r is not None), None)
        lines.append(
            [
                row.benchmark.title if row.is_first else "",
                row.metric.title,
                *(cell(row, r) for r in row.results),
                *(difference_cell(row, d) for d in row.differences[1:]),
                _size(result),
                *(_published_cells(row) if is_published else ()),
            ]
        )
    table = "\n".join(f"| {' | '.join(map(_escaped, line))} |" for line in lines)
    parts = ["# Benchmarks", table, "## Notes", _listed(notes(runs, rows))]
    if sources(rows):
        parts += ["## Sources of published numbers", _listed(sources(rows))]
    return "\n\n".join(parts) + "\n"


def _published_cells(row: Row) -> tuple[str, str]:
    return (
        "; ".join(row.metric.shown(p.value) for p in originals(row)) or "–",
        "; ".join(f"{p.model} {row.metric.shown(p.value)}" for p in others(row)) or "–",
    )


def table_csv(runs: Sequence[Run], rows: Sequence[Row]) -> str:
    """Return every number as one line: those of the runs, then those published."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_CSV_HEAD)
    for row in rows:
        place = (row.benchmark.name, row.metric.name)
        for run, result, difference in zip(runs, row.results, row.differences, strict=True):
            if result is not None:
                writer.writerow((*place, run.label, *_numbers(result), *_test(difference), ""))
        for p in row.published:
            writer.writerow((*place, p.model, p.value, *[""] * 5, p.source))
    return file.getvalue()


def cell(row: Row, result: Result | None) -> str:
    """Return a value with its interval, or why there is none."""
    if result is None:
        return "not run"
    if result.lacks or math.isnan(result.value):
        return "–"
    low, high = (f"{v:.{row.metric.digits}f}" for v in (result.interval.low, result.interval.high))
    return f"{row.metric.shown(result.value)} [{low}, {high}]"


def difference_cell(row: Row, difference: Difference | None) -> str:
    """Return a difference with its p, marked if it is hardly by chance."""
    if difference is None or math.isnan(difference.value):
        return "–"
    star = " *" if difference.p < SIGNIFICANT else ""
    return f"{difference.value:+.{row.metric.digits}f} (p = {difference.p:.3f}){star}"


def originals(row: Row) -> list[Published]:
    """Return what the original published."""
    return [p for p in row.published if p.model == ORIGINAL]


def others(row: Row) -> list[Published]:
    """Return what others published, the best first."""
    found = [p for p in row.published if p.model != ORIGINAL]
    return sorted(found, key=lambda p: p.value if row.metric.is_error else -p.value)


def sources(rows: Iterable[Row]) -> list[str]:
    """Return where the published numbers are from, and whose each is."""
    found: dict[str, list[str]] = {}
    for row in rows:
        for p in row.published:
            names = found.setdefault(p.source, [])
            name = f"{p.model} (measured by others)" if p.by_others else p.model
            if name not in names:
                names.append(name)
    return [f"{source}: {', '.join(names)}" for source, names in found.items()]


def notes(runs: Sequence[Run], rows: Sequence[Row]) -> list[str]:
    """Return what a reader has to know: intervals, missing clips and metrics, versions."""
    found = [
        "Brackets hold the 95 % interval by bootstrap over samples (1000 draws, fixed seed).",
        "Higher is better, but for errors (WER, AAS, mean error).",
    ]
    if len(runs) > 1:
        found.append(
            f"Differences are from {runs[0].label} on the samples that both answered; p by paired "
            f"approximate randomisation, * below {SIGNIFICANT}."
        )
    for row in rows:
        benchmark = row.benchmark
        if row.is_first:
            about = f"{benchmark.title}: {described(runs, row)}."
            found.append(f"{about} {_sentence(benchmark.note)}".strip())
        found += [
            f"{benchmark.title}, {row.metric.title}: not computed for {run.label}: {result.lacks}."
            for run, result in zip(runs, row.results, strict=True)
            if result is not None and result.lacks
        ]
    metrics = {row.metric.title: row.metric.note for row in rows if row.metric.note}
    found += [f"{title}: {note}." for title, note in metrics.items()]
    return found + [note for run in runs for note in _about_run(run)]


def described(runs: Sequence[Run], row: Row) -> str:
    """Return a benchmark's data, split and version, as the runs found it."""
    found = {
        run.settings["benchmarks"][row.benchmark.name]["version"]
        for run in runs
        if row.benchmark.name in run.settings["benchmarks"]
    }
    versions = " and ".join(sorted(found - {""}))
    several = "; versions differ, do not compare" if len(found) > 1 else ""
    about = f"{row.benchmark.data}, {row.benchmark.split}"
    return f"{about}, version {versions}{several}" if versions else about


def _about_run(run: Run) -> list[str]:
    judge = run.settings.get("judge")
    found = [f"{run.label}: rated by {judge['name']} at {judge['url']}."] if judge else []
    found += [f"{run.label}: not run on {n}: {why}." for n, why in run.settings["not run"].items()]
    for name, sizes in run.settings["benchmarks"].items():
        if sizes["missing"]:
            found.append(
                f"{run.label}: partial on {name}: {sizes['missing']} of {sizes['of']} clips were "
                "missing (those that are named stand in its missing.txt); do not compare."
            )
        elif sizes["samples"] < sizes["of"]:
            found.append(f"{run.label}: {sizes['samples']} of {sizes['of']} samples of {name}.")
    return [*found, *cut_notes(run)]


def _sentence(note: str) -> str:
    return f"{note[0].upper()}{note[1:]}." if note else ""


def _numbers(result: Result) -> tuple[Any, ...]:
    values = (result.value, result.interval.low, result.interval.high)
    return (*("" if known(v) is None else known(v) for v in values), result.samples)


def _test(difference: Difference | None) -> tuple[Any, ...]:
    if difference is None or math.isnan(difference.value):
        return "", ""
    return round(difference.value, 6), round(difference.p, 6)


def _size(result: Result | None) -> str:
    return "" if result is None else str(result.samples)


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
