"""The file of raw answers: one JSON line each, kept while they come, so that a run can go on."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from qwen_audio.errors import DataError
from qwen_audio.evaluation.records import Answer, Number, Ratio
from qwen_audio.evaluation.rows import append_rows, read_whole_rows, replace_rows

FILE = "answers.jsonl"
_IDENTITY = "model.json"
_NEEDED = frozenset({"ability", "key", "prompt", "reply"})


class AnswerLog:
    """The answers of one model in one folder.

    A row is used again only for the same prompt; its scores never are, so that a change in how
    answers are scored needs no new answers.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        """Open the folder, new or with answers of the same model.

        Raises:
            DataError: the folder holds answers of another model.
        """
        self.path = folder / FILE
        folder.mkdir(parents=True, exist_ok=True)
        _claim(folder, dict(identity))
        self._rows = {
            (row["ability"], row["key"]): row for row in read_whole_rows(self.path, needed=_NEEDED)
        }
        # what a kill left of a last line is no answer
        replace_rows(self.path, self._rows.values())

    def reply_to(self, ability: str, key: str, prompt: str) -> str | None:
        """Return the reply that is already there, or `None`."""
        row = self._rows.get((ability, key))
        return row["reply"] if row is not None and row["prompt"] == prompt else None

    def add(self, answers: Iterable[Answer]) -> None:
        """Append answers, on the disk before this returns."""
        rows = [answer_to_json(answer) for answer in answers]
        self._rows |= {(row["ability"], row["key"]): row for row in rows}
        append_rows(self.path, rows)

    def finish(self, answers: Iterable[Answer]) -> None:
        """Write the file anew in the order of the plan; answers to other questions stay behind."""
        rows = {(a.ability, a.key): answer_to_json(a) for a in answers}
        others = sorted(self._rows.keys() - rows.keys())
        self._rows = rows | {key: self._rows[key] for key in others}
        replace_rows(self.path, self._rows.values())


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """Return an answer as the file has it."""
    return {
        "key": answer.key,
        "ability": answer.ability,
        "set": answer.dataset,
        "part": answer.part,
        "prompt": answer.prompt,
        "reference": answer.reference,
        "reply": answer.reply,
        "score": {name: _numbers(ratio) for name, ratio in answer.scores},
    }


def _numbers(ratio: Ratio) -> list[Number]:
    return [round(ratio.part, 3), round(ratio.whole, 3)]


def _claim(folder: Path, identity: dict[str, Any]) -> None:
    file = folder / _IDENTITY
    if file.is_file():
        found = json.loads(file.read_text(encoding="utf-8"))
        if found != identity:
            raise DataError(
                f"{folder} holds the answers of another model ({found}), not of {identity}; "
                "give another folder for the output"
            )
        return
    file.write_text(json.dumps(identity, indent=2) + "\n", encoding="utf-8")
