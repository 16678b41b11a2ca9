"""The log of a run: one file a process while it runs, one for all when every answer is there."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qwen_audio.errors import EvaluationError
from qwen_audio.evaluation.rows import append_rows, read_whole_rows, replace_rows, replace_text
from qwen_audio.evaluation.running.records import (
    NEEDED,
    Answered,
    Place,
    answered_from_json,
    answered_to_json,
)

ANSWERS, SETTINGS, MISSING = "answers.jsonl", "run.json", "missing.txt"
_PARTS = "answers-*.part.jsonl"


class RunLog:
    """The answers of a run in its folder, of one process among several."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], *, rank: int = 0) -> None:
        """Open the folder, new or of the same run.

        Raises:
            EvaluationError: the folder holds another run.
        """
        self.folder = folder
        self.part = folder / f"answers-{rank}.part.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        _claim(folder / SETTINGS, settings)

    def read(self) -> dict[Place, Answered]:
        """Return every answer that is there, of all processes.

        The parts are read first: whoever finishes writes the whole file before it drops them.
        """
        parts = [row for part in sorted(self.folder.glob(_PARTS)) for row in _rows(part)]
        whole = list(_rows(self.folder / ANSWERS))
        return {answer.place: answer for answer in map(answered_from_json, (*whole, *parts))}

    def add(self, answers: Iterable[Answered]) -> None:
        """Append answers; they are on the disk when this returns."""
        append_rows(self.part, map(answered_to_json, answers))

    def finish(self, answers: Iterable[Answered]) -> None:
        """Write all answers as one file, and drop the parts."""
        replace_rows(self.folder / ANSWERS, map(answered_to_json, answers))
        for part in self.folder.glob(_PARTS):
            part.unlink(missing_ok=True)


def write_missing(folder: Path, missing: Mapping[str, Sequence[str]]) -> None:
    """Write the names of all clips that a partial run leaves out, one a line."""
    lines = [f"{benchmark}\t{name}\n" for benchmark, names in missing.items() for name in names]
    if lines:
        replace_text(folder / MISSING, "".join(lines))


def read_settings(folder: Path) -> dict[str, Any]:
    """Return what a run was asked for.

    Raises:
        EvaluationError: the folder holds no run.
    """
    file = folder / SETTINGS
    if not file.is_file():
        raise EvaluationError(f"{folder} holds no run; give a folder that `evaluate` wrote")
    return json.loads(file.read_text(encoding="utf-8"))


def read_answers(folder: Path) -> list[Answered]:
    """Return the answers of a finished run, in the order of its plan.

    Raises:
        EvaluationError: the run is not finished.
    """
    if not (folder / ANSWERS).is_file():
        raise EvaluationError(f"the run in {folder} is not finished; start the same command again")
    return [answered_from_json(row) for row in _rows(folder / ANSWERS)]


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    try:
        yield from read_whole_rows(path, needed=NEEDED)
    except FileNotFoundError:  # another process has just put it into the whole
        return


def _claim(file: Path, settings: Mapping[str, Any]) -> None:
    wanted = json.loads(json.dumps(settings))
    if file.is_file():
        found = json.loads(file.read_text(encoding="utf-8"))
        if found != wanted:
            other = ", ".join(
                name for name in wanted | found if wanted.get(name) != found.get(name)
            )
            raise EvaluationError(
                f"{file.parent} holds another run (it differs in {other}); give another --output"
            )
        return
    replace_text(file, json.dumps(wanted, ensure_ascii=False, indent=2) + "\n")
