"""How a run is doing: greedy answers on dev clips, scored by set and task, within a time limit."""

import re
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.audio.sources import Clip
from qwen_audio.data.memory import ClipStore
from qwen_audio.model.processing import QwenAudioProcessor
from qwen_audio.tasks.registry import find_task
from qwen_audio.text.prompt import render_tagged
from qwen_audio.text.tokenizers import stop_ids
from qwen_audio.training.catalog import LabelledClip, heard_names
from qwen_audio.training.examples import READING
from qwen_audio.training.recipe import DevRecipe
from qwen_audio.training.scores import error_rate, exact_share, units
from qwen_audio.training.student import Student

_TAG = re.compile(r"<\|[^|]*\|>")
_TIME = re.compile(r"<\|(\d+\.\d\d)\|>")
_SPOKEN = ("WER", "CER", "AAS")


@dataclass(frozen=True, kw_only=True)
class Question:
    """One dev clip under one task, and the answer that is right."""

    index: int
    dataset: str
    task: str
    prompt: str
    reference: str
    language: str | None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A question and the model's reply."""

    question: Question
    reply: str


@dataclass(frozen=True, kw_only=True)
class Score:
    """One line of the dev table."""

    dataset: str
    task: str
    clips: int
    measure: str
    value: float


def questions(clips: Sequence[LabelledClip], recipe: DevRecipe) -> list[Question]:
    """Return what is asked: the recipe's tasks in its order, some clips of each set."""
    found: dict[tuple[str, str], list[Question]] = defaultdict(list)
    for index, clip in enumerate(clips):
        for name in clip.tasks:
            group = found[name, clip.stored.dataset]
            if len(group) < recipe.clips and (not recipe.tasks or name in recipe.tasks):
                task = find_task(name)
                group.append(
                    Question(
                        index=index,
                        dataset=clip.stored.dataset,
                        task=name,
                        prompt=task.prompt(clip.labels),
                        reference=task.render(clip.labels) or "",
                        language=clip.labels.language,
                    )
                )
    order = {name: place for place, name in enumerate(recipe.tasks)}
    groups = sorted(found, key=lambda group: (order.get(group[0], len(order)), group))
    return [question for group in groups for question in found[group]]


@torch.no_grad()
def ask(
    student: Student,
    processor: QwenAudioProcessor,
    store: ClipStore,
    *,
    asked: Sequence[Question],
    recipe: DevRecipe,
) -> list[Answer]:
    """Return greedy replies, in the order of the recipe's tasks, until the time is over.

    A reply may be twice as long as its reference: what is longer is wrong anyway. Replies that the
    end of the time cut are left out.
    """
    model, tokenizer = student.model, processor.tokenizer
    device = model.device
    deadline = time.monotonic() + recipe.seconds
    stops = list(stop_ids(tokenizer))
    answers: list[Answer] = []
    for group in _batches(asked, recipe.batch):
        if time.monotonic() > deadline:
            break
        prompts = [
            render_tagged(
                q.prompt,
                (Clip(store.waveform(q.index)),),
                tokenizer=tokenizer,
                pool=processor.pool,
            )
            for q in group
        ]
        batch = processor.collate(prompts).to(device)
        longest = max(len(tokenizer(q.reference)["input_ids"]) for q in group)
        ids = model.generate(
            **batch,
            max_new_tokens=min(recipe.max_new_tokens, 2 * longest + 8),
            max_time=max(0.1, deadline - time.monotonic()),
            do_sample=False,
            eos_token_id=stops,
            pad_token_id=stops[0],
        )[:, batch["input_ids"].shape[1] :]
        if time.monotonic() > deadline:
            break
        answers += [
            Answer(question=q, reply=_until_stop(tokenizer, row, stops))
            for q, row in zip(group, ids.tolist(), strict=True)
        ]
    return answers


def _batches(asked: Sequence[Question], size: int) -> Iterator[list[Question]]:
    """Yield each task's questions by length of their answers."""
    for _, group in groupby(asked, key=lambda q: q.task):
        ordered = sorted(group, key=lambda q: len(q.reference))
        for start in range(0, len(ordered), size):
            yield ordered[start : start + size]


def _until_stop(tokenizer: Any, ids: Sequence[int], stops: Sequence[int]) -> str:
    end = next((place for place, i in enumerate(ids) if i in stops), len(ids))
    return tokenizer.decode(ids[:end], skip_special_tokens=False)


@torch.no_grad()
def read_aloud(
    student: Student,
    processor: QwenAudioProcessor,
    store: ClipStore,
    *,
    clips: Sequence[LabelledClip],
    recipe: DevRecipe,
) -> list[Answer]:
    """Return what the projected frames alone read like (greedy CTC), with no language model.

    Of clips with words the words alone; names of voices have questions of their own.
    """
    device = student.model.device
    taken: dict[str, int] = defaultdict(int)
    chosen = []
    names = {i for clip in clips if clip.word_ids for i in clip.name_ids}
    for index, clip in enumerate(clips):
        if clip.ctc_ids and taken[clip.stored.dataset] < recipe.clips:
            taken[clip.stored.dataset] += 1
            chosen.append((index, clip))
    chosen.sort(key=lambda pair: pair[1].stored.num_samples)
    answers = []
    for start in range(0, len(chosen), recipe.batch):
        group = chosen[start : start + recipe.batch]
        waveforms = [store.waveform(index) for index, _ in group]
        features = processor.feature_extractor(waveforms, sampling_rate=SAMPLE_RATE).to(device)
        tokens, counts = student.model.project(
            features["input_features"], features["input_features_mask"]
        )
        best = student.reading_logits(tokens).argmax(dim=-1).split(counts.tolist())
        for (index, clip), row in zip(group, best, strict=True):
            read = row.unique_consecutive()
            ids = student.model.reader.choices[read[read > 0] - 1].tolist()
            if clip.word_ids:
                ids = [i for i in ids if i not in names]
            question = Question(
                index=index,
                dataset=clip.stored.dataset,
                task=READING,
                prompt="",
                reference=clip.labels.text or " ".join(heard_names(clip.labels)),
                language=clip.labels.language,
            )
            answers.append(Answer(question=question, reply=processor.tokenizer.decode(ids)))
    return answers


def score(answers: Sequence[Answer]) -> list[Score]:
    """Return one line a set and task, and for timed words a second one."""
    groups: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for answer in answers:
        groups[answer.question.task, answer.question.dataset].append(answer)
    return [line for group in groups.values() for line in _score_group(group)]


def _score_group(answers: Sequence[Answer]) -> Iterator[Score]:
    first = answers[0].question
    common = {"dataset": first.dataset, "task": first.task, "clips": len(answers)}
    metrics = ("WER",) if first.task == READING else find_task(first.task).metrics
    if not set(metrics) & set(_SPOKEN):
        references = [a.question.reference for a in answers]
        share = exact_share(references, [a.reply for a in answers])
        yield Score(**common, measure="exact", value=share)
        return
    references = [units(_TAG.sub(" ", a.question.reference), first.language) for a in answers]
    replies = [units(_TAG.sub(" ", a.reply), first.language) for a in answers]
    yield Score(**common, measure="error rate", value=error_rate(references, replies))
    if "AAS" in metrics:
        yield Score(**common, measure="seconds off", value=_time_error(answers))


def _time_error(answers: Sequence[Answer]) -> float:
    """Return the mean difference of times, over replies with as many times as the reference."""
    differences = []
    for answer in answers:
        expected = [float(t) for t in _TIME.findall(answer.question.reference)]
        got = [float(t) for t in _TIME.findall(answer.reply)]
        if expected and len(expected) == len(got):
            differences += [abs(a - b) for a, b in zip(expected, got, strict=True)]
    return sum(differences) / len(differences) if differences else float("nan")


def table(scores: Sequence[Score]) -> str:
    """Return the scores as lines of text."""
    return "\n".join(
        f"{s.task:<16} {s.dataset:<28} {s.clips:>4} clips  {s.measure:<11} {s.value:7.3f}"
        for s in scores
    )
