"""`measure_abilities`: a model, folders of dev shards, and how good the model is at each thing.

A Whisper can be measured beside it on what is about speech.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_audio.data.manifest import Record
from qwen_audio.errors import DataError, unknown_name
from qwen_audio.evaluation.abilities import ABILITIES, CHAT, Ability, questions_about
from qwen_audio.evaluation.answer_log import AnswerLog
from qwen_audio.evaluation.asking import OnDone, ask_all, fingerprint, replier
from qwen_audio.evaluation.chatting import hold_dialogues
from qwen_audio.evaluation.clips import find_dev_clips
from qwen_audio.evaluation.compared import Whisper, can_be_asked, open_whisper
from qwen_audio.evaluation.dialogues import ClipName, Dialogue, find_clips, written_dialogues
from qwen_audio.evaluation.records import Answer, Question
from qwen_audio.evaluation.results import AbilityResult, beside, result_of, summary, table
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
        peers: folders of Whispers that are asked beside the model what they can be asked.
    """

    abilities: tuple[Ability, ...]
    questions: dict[str, tuple[Question, ...]]
    dialogues: tuple[Dialogue, ...]
    found: dict[ClipName, Record]
    unmeasured: dict[str, str]
    peers: tuple[Path, ...] = ()

    @property
    def num_answers(self) -> int:
        """How many answers it takes."""
        turns = sum(len(dialogue.turns) for dialogue in self.dialogues)
        asked = [question for group in self.questions.values() for question in group]
        return turns + len(asked) + len(self.peers) * sum(map(can_be_asked, asked))


def make_plan(
    folders: Sequence[Path],
    *,
    words: Path | None = None,
    only: Sequence[str] = (),
    limit: int | None = None,
    peers: Sequence[Path] = (),
) -> Plan:
    """Return what will be asked.

    Args:
        folders: where the dev shards are.
        words: a JSONL file with the times of words.
        only: names of abilities; without them, all.
        limit: at most so many questions from each set, spread over it, and so many dialogues.
        peers: folders of Whispers to ask beside the model.

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
        peers=tuple(peers),
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
    peers = {
        whisper.name: _measure_peer(whisper, plan, output=output, batch=batch, on_done=on_done)
        for whisper in map(open_whisper, plan.peers)
    }
    results = tuple(beside(result, peers) for result in results)
    whole = summary(results, model=name, weights=weights, unmeasured=plan.unmeasured)
    replace_text(output / SUMMARY, json.dumps(whole, ensure_ascii=False, indent=2) + "\n")
    replace_text(output / TABLE, table(results, with_parts=True) + "\n")
    return results


def _measure_peer(
    whisper: Whisper, plan: Plan, *, output: Path, batch: int, on_done: OnDone
) -> tuple[AbilityResult, ...]:
    """Return how good a Whisper is at what it can be asked; its answers have their own folder."""
    identity = {"model": whisper.name, "weights": whisper.weights}
    log = AnswerLog(output / whisper.name, identity)
    settings = {"log": log, "batch": batch, "on_done": on_done}
    results = []
    for ability in plan.abilities:
        asked = [q for q in plan.questions[ability.name] if can_be_asked(q)]
        if asked:
            answers = ask_all(whisper.reply, asked, measures=ability.measures, **settings)
            results.append(result_of(ability, answers))
    return tuple(results)


def _asker(
    model: QwenAudio, plan: Plan, *, log: AnswerLog, batch: int, on_done: OnDone
) -> Callable[[Ability], list[Answer]]:
    def ask(ability: Ability) -> list[Answer]:
        settings = {"log": log, "batch": batch, "on_done": on_done}
        if ability.name == CHAT:
            return hold_dialogues(model, plan.dialogues, plan.found, **settings)
        asked = plan.questions[ability.name]
        return ask_all(replier(model), asked, measures=ability.measures, **settings)

    return ask
