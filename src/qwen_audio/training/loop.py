"""The loop and its step: batches in, a learnt model and a log out."""

import logging
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType

import torch

from qwen_audio.audio.mel import log_mel_batch
from qwen_audio.data.augment import gather_clips, mask_mel, vary
from qwen_audio.data.batches import Batch
from qwen_audio.data.encoded import gather_encoded
from qwen_audio.errors import DataError
from qwen_audio.training.checkpoint import Progress, save_checkpoint
from qwen_audio.training.examples import Position, batches_from
from qwen_audio.training.journal import Journal, measure
from qwen_audio.training.recipe import OptimizerRecipe
from qwen_audio.training.session import Session, masking, variation
from qwen_audio.training.student import Encoded, Frames, Losses, Sound

log = logging.getLogger(__name__)
_MOST_BAD_STEPS = 20  # in a row: then the run is broken, not the batch


@dataclass
class StopSign:
    """Says when to stop: at a time, or when the process is asked to end."""

    at: float = math.inf
    event: threading.Event = field(default_factory=threading.Event)

    @property
    def is_up(self) -> bool:
        """Whether the run should save and end now."""
        return self.event.is_set() or time.monotonic() >= self.at


@contextmanager
def stop_on_signals(sign: StopSign) -> Iterator[StopSign]:
    """Raise the sign on SIGTERM and on the first Ctrl-C, inside the block."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        sign.event.set()

    before = {kind: signal.signal(kind, stop) for kind in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield sign
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def train(session: Session, sign: StopSign) -> Progress:
    """Train until the recipe's last step or the sign; leave a checkpoint; return how far it is."""
    recipe, progress = session.recipe, session.progress
    journal = Journal(session.run, device=session.device)
    batches = batches_from(session.maker, progress.position, workers=recipe.data.workers)
    bad_in_a_row = 0
    while progress.step < recipe.steps and not sign.is_up:
        group, position = _take(batches, recipe.batch.accumulate, journal)
        losses, norm = train_step(session, group, step=progress.step)
        is_good = math.isfinite(norm)
        bad_in_a_row = 0 if is_good else bad_in_a_row + 1
        if not is_good:
            _report_bad(group, losses, norm, bad_in_a_row)
        progress = _after(progress, group, position, is_good=is_good)
        journal.step(progress, losses=losses, norm=norm, batches=group)
        if progress.step % recipe.save.every == 0:
            save(session, progress)
        if recipe.dev.every and progress.step % recipe.dev.every == 0:
            measure(session, journal, progress)
    if progress.step % recipe.save.every:
        save(session, progress)
    measure(session, journal, progress)
    journal.close()
    return progress


def train_step(session: Session, batches: list[Batch], *, step: int) -> tuple[Losses, float]:
    """Learn from one step's batches; return the mean losses and the gradient's norm.

    A gradient that is not finite changes nothing.
    """
    settings = session.recipe.optimizer
    share = 1 / len(batches)
    session.student.train()
    parts = []
    for place, batch in enumerate(batches):
        seed = (session.recipe.seed * 1_000_003 + step) * 101 + place
        losses = batch_losses(session, batch.to(session.device), seed=seed)
        (losses.total * share).backward()
        parts.append(losses)
    parameters = [p for group in session.optimizer.param_groups for p in group["params"]]
    norm = float(torch.nn.utils.clip_grad_norm_(parameters, settings.clip))
    if math.isfinite(norm):
        scale = rate_scale(step, settings, session.recipe.steps)
        for group in session.optimizer.param_groups:
            group["lr"] = group["peak"] * scale
        session.optimizer.step()
    session.optimizer.zero_grad(set_to_none=True)
    return _mean(parts), norm


def batch_losses(session: Session, batch: Batch, *, seed: int) -> Losses:
    """Return the losses of one batch: sound from the store, varied, masked, through the student."""
    recipe, device = session.recipe, session.device
    heard = hear(session, batch, seed=seed) if batch.width else None
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=recipe.precision == "bf16"):
        return session.student(batch, heard)


@torch.no_grad()
def hear(session: Session, batch: Batch, *, seed: int) -> Sound:
    """Return a batch's clips as the student takes them: varied frames, or encoded before."""
    if session.encoded is not None:
        tokens, counts = gather_encoded(session.encoded, batch)
        return Encoded(tokens=tokens.to(session.device).float(), counts=counts)
    generator = torch.Generator(session.device).manual_seed(seed)
    augment = session.recipe.augment
    waveforms = vary(
        gather_clips(session.samples, batch),
        batch.num_samples,
        is_speech=batch.is_speech,
        variation=variation(augment),
        generator=generator,
    )
    bins = session.processor.feature_extractor.feature_size
    mel, is_real = log_mel_batch(waveforms, batch.num_samples, num_mel_bins=bins)
    mel = mask_mel(mel, is_real, masking=masking(augment), generator=generator)
    return Frames(features=mel, mask=is_real)


def rate_scale(step: int, settings: OptimizerRecipe, steps: int) -> float:
    """Return the share of the peak rate at a step: linear up, then a cosine down.

    >>> rate_scale(0, OptimizerRecipe(warmup=10, final_share=0.1), 100)
    0.1
    """
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(1, steps - settings.warmup)
    cosine = (1 + math.cos(math.pi * min(1.0, done))) / 2
    return settings.final_share + (1 - settings.final_share) * cosine


def save(session: Session, progress: Progress) -> None:
    """Write a checkpoint of the session."""
    folder = save_checkpoint(
        session.run,
        progress,
        learnt=session.student.kept(),
        optimizer=session.optimizer.state_dict(),
        keep=session.recipe.save.keep,
    )
    log.info("saved %s", folder.name)


def _take(
    batches: Iterator[tuple[Batch, Position]], count: int, journal: Journal
) -> tuple[list[Batch], Position]:
    with journal.waiting():
        taken = [next(batches) for _ in range(count)]
    return [batch for batch, _ in taken], taken[-1][1]


def _after(
    progress: Progress, batches: list[Batch], position: Position, *, is_good: bool
) -> Progress:
    heard = sum(batch.seconds for batch in batches) / 3600
    return replace(
        progress,
        step=progress.step + 1,
        position=position,
        audio_hours=progress.audio_hours + heard,
        skipped=progress.skipped + (not is_good),
    )


def _report_bad(batches: list[Batch], losses: Losses, norm: float, in_a_row: int) -> None:
    keys = [key for batch in batches for key in batch.keys]
    shown = ", ".join(keys[:8])
    log.warning("loss %s, gradient %s: step skipped; clips: %s", float(losses.total), norm, shown)
    if in_a_row >= _MOST_BAD_STEPS:
        raise DataError(
            f"{in_a_row} steps in a row gave no finite gradient, the last with {shown}; "
            "lower the rates in the recipe or take these clips out"
        )


def _mean(parts: list[Losses]) -> Losses:
    names = Losses.__dataclass_fields__
    return Losses(
        **{name: torch.stack([getattr(p, name).detach() for p in parts]).mean() for name in names}
    )
