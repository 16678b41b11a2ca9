"""`qwen-audio report`: a report on some runs, beside published numbers."""

from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = "qwen-audio report runs/evaluate/* --output report"


def report(
    runs: Annotated[list[Path], typer.Argument(help="Folders that `evaluate` wrote.")],
    *,
    output: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("report"),
    audio: Annotated[
        bool, typer.Option(help="Put the worst examples' sound into the page.")
    ] = True,
) -> None:
    """Write report.md, report.csv, report.json and report.html about some runs."""
    from qwen_audio.evaluation.report.writing import write_report

    for file in write_report(runs, output, with_audio=audio):
        print(file)
