"""`measure_abilities`: a model, folders of dev shards, and how good the model is at each thing."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_audio.data.manifest import Record
from qwen_audio.errors import DataError, unknown_name
from qwen_audio.evaluation.abilities import ABILITIES, CHAT, Ability, questions_about
from qwen_audio.evaluation.answer_log import AnswerLog
from qwen_audio.evaluation.asking import OnDone, ask_all, fingerprint
from qwen_audio.evaluation.chatting import hold_dialogues
from qwen_audio.evaluation.clips import find_dev_clips
from qwen_audio.evaluation.dialogues import ClipName, Dialogue, find_clips, written_dialogues
from qwen_audio.evaluation.records import Answer, Question
from qwen_audio.evaluation.results import AbilityResult, result_of, summary, table
from qwen_audio.evaluation.rows import replace_text
from qwen_audio.evaluation.spreading import spread
from qwen_audio.inference.answers import QwenAudio

SUMMARY = "summary.json"
TABLE = "table.md"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that will be asked.

    Attributes:
        abilities: what is measured, in the order of the table.
        questions: by name of the ability.
        dialogues: of the chat.
        found: the clips of the dialogues.
        unmeasured: name of an ability and why nothing is asked.
    """

    abilities: tuple[Ability, ...]
    questions: dict[str, tuple[Question, ...]]
    dialogues: tuple[Dialogue, ...]
    found: dict[ClipName, Record]
    unmeasured: dict[str, str]

    @property
    def num_answers(self) -> int:
        """How many answers it takes."""
        turns = sum(len(dialogue.turns) for dialogue in self.dialogues)
        return turns + sum(map(len, self.questions.values()))


def make_plan(
    folders: Sequence[Path],
    *,
    words: Path | None = None,
    only: Sequence[str] = (),
    limit: int | None = None,
) -> Plan:
    """Return what will be asked.

    Args:
        folders: where the dev shards are.
        words: a JSONL file with the times of words.
        only: names of abilities; without them, all.
        limit: at most so many questions from each set, spread over it, and so many dialogues.

    Raises:
        DataError: an unknown ability, or one asked for by name whose clips are missing.
    """
    names = [ability.name for ability in ABILITIES]
    for name in only:
        if name not in names:
            raise DataError(unknown_name("ability", name, names))
    abilities = tuple(a for a in ABILITIES if not only or a.name in only)
    clips = find_dev_clips(folders, words=words)
    questions = {a.name: _limited(questions_about(a, clips), limit) for a in abilities}
    unmeasured = {
        a.name: f"no dev clips of {' or '.join(a.datasets) or 'any set'} with the labels it needs"
        for a in abilities
        if not questions[a.name] and a.name != CHAT
    }
    dialogues, found = (), {}
    if any(a.name == CHAT for a in abilities):
        try:
            dialogues = spread(written_dialogues(), limit)
            found = find_clips(dialogues, clips)
        except DataError as error:
            dialogues, unmeasured[CHAT] = (), str(error)
    for name in only:
        if name in unmeasured:
            raise DataError(f"{name} cannot be measured: {unmeasured[name]}")
    return Plan(
        abilities=abilities,
        questions=questions,
        dialogues=dialogues,
        found=found,
        unmeasured=unmeasured,
    )


def _limited(questions: Sequence[Question], limit: int | None) -> tuple[Question, ...]:
    sets = dict.fromkeys(question.dataset for question in questions)
    return tuple(
        question
        for name in sets
        for question in spread([q for q in questions if q.dataset == name], limit)
    )


def measure_abilities(
    model: QwenAudio,
    plan: Plan,
    *,
    output: Path,
    name: str,
    batch: int,
    on_done: OnDone = lambda _number: None,
) -> tuple[AbilityResult, ...]:
    """Return how good a model is at what the plan asks; write answers, summary and table.

    A run that was stopped goes on where it was, and ends with the same files.

    Args:
        model: who answers.
        plan: what is asked.
        output: folder of the files.
        name: of the model.
        batch: how many clips are heard at once.
        on_done: called with the number of new answers.

    Raises:
        DataError: the folder holds answers of another model.
    """
    weights = fingerprint(model.model)
    log = AnswerLog(output, {"model": name, "weights": weights})
    ask = _asker(model, plan, log=log, batch=batch, on_done=on_done)
    answers = {ability.name: ask(ability) for ability in plan.abilities}
    log.finish(answer for group in answers.values() for answer in group)
    results = tuple(result_of(ability, answers[ability.name]) for ability in plan.abilities)
    whole = summary(results, model=name, weights=weights, unmeasured=plan.unmeasured)
    replace_text(output / SUMMARY, json.dumps(whole, ensure_ascii=False, indent=2) + "\n")
    replace_text(output / TABLE, table(results, with_parts=True) + "\n")
    return results


def _asker(
    model: QwenAudio, plan: Plan, *, log: AnswerLog, batch: int, on_done: OnDone
) -> Callable[[Ability], list[Answer]]:
    def ask(ability: Ability) -> list[Answer]:
        settings = {"log": log, "batch": batch, "on_done": on_done}
        if ability.name == CHAT:
            return hold_dialogues(model, plan.dialogues, plan.found, **settings)
        asked = plan.questions[ability.name]
        return ask_all(model, asked, measures=ability.measures, **settings)

    return ask
