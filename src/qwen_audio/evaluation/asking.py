"""Asks a model: clips of similar length together, and each batch kept before the next."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch

from qwen_audio.evaluation.answer_log import AnswerLog
from qwen_audio.evaluation.records import Answer, Measure, Question
from qwen_audio.inference.answers import QwenAudio
from qwen_audio.inference.generation import Generation
from qwen_audio.inference.limits import without_loop
from qwen_audio.text.prompt import decode_reply
from qwen_audio.text.timestamps import FIRST_STAMP, render_words

OnDone = Callable[[int], None]
Replier = Callable[[Sequence[Question]], list[str]]

_NUMBERS_A_TENSOR = 64


def ask_all(
    reply: Replier,
    questions: Sequence[Question],
    *,
    measures: Sequence[Measure],
    log: AnswerLog,
    batch: int,
    on_done: OnDone,
) -> list[Answer]:
    """Return the answer to every question of one ability, in their order.

    Args:
        reply: gives the replies to a batch (see `replier`).
        questions: what is asked.
        measures: how the answers are scored.
        log: keeps the answers; what is there already is not asked again.
        batch: how many clips the model hears at once.
        on_done: called with the number of answers that are new.
    """
    replies = {q.key: log.reply_to(q.ability, q.key, q.prompt) for q in questions}
    waiting = [q for q in questions if replies[q.key] is None]
    on_done(len(questions) - len(waiting))
    for group in batches(waiting, batch):
        said = dict(zip((q.key for q in group), reply(group), strict=True))
        log.add(judged(q, said[q.key], measures) for q in group)
        replies |= said
        on_done(len(group))
    return [judged(q, replies[q.key] or "", measures) for q in questions]


def judged(question: Question, reply: str, measures: Iterable[Measure]) -> Answer:
    """Return a reply with its scores."""
    scores = tuple(
        (measure.name, measure.score(question.reference, reply, question.language))
        for measure in measures
    )
    return Answer(
        ability=question.ability,
        key=question.key,
        dataset=question.dataset,
        part=question.part,
        prompt=question.prompt,
        reference=question.reference,
        reply=reply,
        scores=scores,
    )


def batches(questions: Sequence[Question], size: int) -> Iterator[list[Question]]:
    """Yield questions about clips of similar length together, short ones first."""
    ordered = sorted(questions, key=lambda q: (q.duration_s, q.key))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def replier(model: QwenAudio) -> Replier:
    """Return what asks a Qwen-Audio, greedily; a batch gives what each question gives alone.

    For the times of words a model with a reader is asked as users do, by `transcribe`.
    """
    tokenizer = model.processor.tokenizer

    def reply(group: Sequence[Question]) -> list[str]:
        if model.model.reader is not None and all(q.opening == FIRST_STAMP for q in group):
            return _timed(model, group)
        prompts = [model.tagged(q.prompt, [q.audio.load()]) for q in group]
        longest = max(q.max_new_tokens for q in group)
        replies = model.generate(prompts, settings=Generation(max_new_tokens=longest))
        return [
            q.opening + decode_reply(tokenizer, _counted(q, ids), skip_special=False)
            for q, ids in zip(group, replies, strict=True)
        ]

    return reply


def _timed(model: QwenAudio, group: Sequence[Question]) -> list[str]:
    """Return what is said in the clips, each word between the stamps of its times."""
    clips = [q.audio.load() for q in group]
    said = model.transcribe_batch(clips, language=group[0].language, words=True)
    return [render_words(one.words, one.language) for one in said]


def _counted(question: Question, ids: Sequence[int]) -> Sequence[int]:
    """Return what of a reply counts: cut at its limit, as `QwenAudio.transcribe` does it."""
    limit = question.max_new_tokens
    if not question.is_transcript:
        return ids[:limit]
    return without_loop(ids[:limit], is_cut=len(ids) >= limit)


def fingerprint(model: torch.nn.Module) -> str:
    """Return a short text that other weights do not have: some numbers of each tensor, hashed."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        numbers = tensor.flatten()
        step = max(1, numbers.numel() // _NUMBERS_A_TENSOR)
        digest.update(name.encode())
        digest.update(numbers[::step].float().cpu().numpy().tobytes())
    return digest.hexdigest()[:12]
