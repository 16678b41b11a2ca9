"""Asks a model: prompts of similar length together, and each batch kept before the next."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch

from qwen_audio.evaluation.answer_log import AnswerLog
from qwen_audio.evaluation.records import Answer, Measure, Question
from qwen_audio.inference.answers import QwenAudio
from qwen_audio.inference.generation import Generation
from qwen_audio.text.prompt import decode_reply

OnDone = Callable[[int], None]

_NUMBERS_A_TENSOR = 64


def ask_all(
    model: QwenAudio,
    questions: Sequence[Question],
    *,
    measures: Sequence[Measure],
    log: AnswerLog,
    batch: int,
    on_done: OnDone,
) -> list[Answer]:
    """Return the answer to every question of one ability, in their order.

    Args:
        model: who answers, greedily.
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
        said = _replies(model, group)
        log.add(judged(q, reply, measures) for q, reply in zip(group, said, strict=True))
        replies |= {q.key: reply for q, reply in zip(group, said, strict=True)}
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


def _replies(model: QwenAudio, group: Sequence[Question]) -> list[str]:
    prompts = [model.tagged(q.prompt, [q.audio.load()]) for q in group]
    longest = max(q.max_new_tokens for q in group)
    replies = model.generate(prompts, settings=Generation(max_new_tokens=longest))
    tokenizer = model.processor.tokenizer
    return [
        q.opening + decode_reply(tokenizer, ids[: q.max_new_tokens], skip_special=False)
        for q, ids in zip(group, replies, strict=True)
    ]


def fingerprint(model: torch.nn.Module) -> str:
    """Return a short text that other weights do not have: some numbers of each tensor, hashed."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        numbers = tensor.flatten()
        step = max(1, numbers.numel() // _NUMBERS_A_TENSOR)
        digest.update(name.encode())
        digest.update(numbers[::step].float().cpu().numpy().tobytes())
    return digest.hexdigest()[:12]
