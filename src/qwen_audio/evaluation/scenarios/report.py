"""What came of the scenarios: a table for people, and files to keep."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from qwen_audio.evaluation.scenarios.holding import TurnResult

JSON_FILE, MARKDOWN_FILE = "scenarios.json", "scenarios.md"
_HEAD = ("scenario", "from", "turns", "shape", "answers")


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many turns look as they must, and how many of those that could be checked are right."""

    turns: int
    shaped: int
    checked: int
    right: int


def tally(results: Sequence[TurnResult]) -> Tally:
    """Return the counts of some turns."""
    return Tally(
        turns=len(results),
        shaped=sum(result.has_shape for result in results),
        checked=sum(result.is_full is not None for result in results),
        right=sum(result.is_full is True for result in results),
    )


def table(results: Sequence[TurnResult]) -> str:
    """Return one line a scenario and one for all, as a table in Markdown."""
    rows = [_HEAD]
    for name, group in groupby(results, lambda result: result.scenario):
        turns = list(group)
        rows.append(_row(name, turns[0].source, tally(turns)))
    rows.append(_row("all", "", tally(results)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def write_results(folder: Path, results: Sequence[TurnResult], *, model: str) -> None:
    """Write the results as JSON, and as a page in Markdown with every reply."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(as_json(results, model=model), ensure_ascii=False, indent=1)
    (folder / JSON_FILE).write_text(text + "\n", encoding="utf-8")
    (folder / MARKDOWN_FILE).write_text(page(results, model=model), encoding="utf-8")


def as_json(results: Sequence[TurnResult], *, model: str) -> dict[str, Any]:
    """Return the results as a JSON object."""
    turns = [asdict(result) | {"has_shape": result.has_shape} for result in results]
    return {"model": model, **asdict(tally(results)), "results": turns}


def page(results: Sequence[TurnResult], *, model: str) -> str:
    """Return the table and every dialogue as it was held, in Markdown."""
    parts = [f"# Scenarios held with {model}", "", table(results)]
    for name, group in groupby(results, lambda result: result.scenario):
        parts += ["", f"## {name}", "", *map(_dialogue, group)]
    return "\n".join(parts) + "\n"


def _dialogue(result: TurnResult) -> str:
    heard = "".join(f"`{each}` " for each in result.heard)
    answer = {None: "not checked", True: "right", False: "wrong"}[result.is_full]
    shape = "; ".join(result.faults) or "fits"
    reply = result.reply.replace("\n", "\n> ") or "(nothing)"
    return (
        f"**{heard}{result.say}**\n\n> {_escaped(reply)}\n\n"
        f"Shape: {shape}. Answer: {answer}. {result.seconds:.1f} s\n"
    )


def _escaped(text: str) -> str:
    """Return a reply in which nothing is read as HTML or a table."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def _row(name: str, source: str, counts: Tally) -> tuple[str, ...]:
    shaped = f"{counts.shaped} of {counts.turns}"
    right = f"{counts.right} of {counts.checked}" if counts.checked else "not checked"
    return name, source, str(counts.turns), shaped, right
