"""Samples from labels: a manifest of ours, or dev shards, in place of a corpus's own layout."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from qwen_audio.data.manifest import Record, read_manifest
from qwen_audio.errors import EvaluationError, PromptError
from qwen_audio.evaluation.benchmarks.records import Sample
from qwen_audio.tasks.labels import Labels
from qwen_audio.tasks.music import note_target
from qwen_audio.text.timestamps import render_words

# task -> the right answers that labels give; an empty one means that they give none
ANSWERS: dict[str, Callable[[Labels], tuple[str | None, ...]]] = {
    "ASR": lambda labels: (labels.text,),
    "S2TT": lambda labels: (labels.translation,),
    "SRWT": lambda labels: (_timed(labels),),
    "AAC": lambda labels: labels.captions,
    "ASC": lambda labels: (labels.scene,),
    "SER": lambda labels: (labels.emotion,),
    "SGC": lambda labels: (labels.gender,),
    "VSC": lambda labels: (labels.vocal_sound,),
    "SEC": lambda labels: labels.sound[:1],
    "MNA": lambda labels: (note_target(labels),),
    "MIC": lambda labels: labels.instrument[:1],
}
QUESTIONS = "AQA"


def read_labelled(manifest: Path, task: str, *, name: str) -> list[Sample]:
    """Return the samples of a JSONL manifest of ours.

    Args:
        manifest: the file.
        task: what its labels have to answer; a key of `ANSWERS`, or "AQA".
        name: of the benchmark, for the error.

    Raises:
        EvaluationError: a benchmark without such labels, or a manifest without any.
        DataError: the manifest cannot be read.
    """
    if task not in (*ANSWERS, QUESTIONS):
        raise EvaluationError(f"{name} is not read from a manifest; give its authors' folder")
    samples = list(samples_from(read_manifest(manifest), task))
    if not samples:
        raise EvaluationError(f"{name}: no row of {manifest} has the labels that {task} needs")
    return samples


def samples_from(records: Iterable[Record], task: str) -> Iterator[Sample]:
    """Yield a sample for each record whose labels answer the task, or for each of its questions."""
    for record in records:
        labels = record.labels
        sample = Sample(
            key=f"{record.dataset}/{record.key}" if record.dataset else record.key,
            audio=record.audio,
            references=(),
            language=labels.language,
            target=labels.translation_language,
            part=record.dataset,
        )
        if task == QUESTIONS:
            for asked in labels.qa:
                yield replace(sample, references=(asked.answer,), question=asked.question)
            continue
        right = tuple(answer for answer in ANSWERS[task](labels) if answer)
        if right:
            yield replace(sample, references=right)


def _timed(labels: Labels) -> str | None:
    try:
        return render_words(labels.words, labels.language) if labels.words else None
    except PromptError:  # times past 30 s or out of order: nothing to compare with
        return None
