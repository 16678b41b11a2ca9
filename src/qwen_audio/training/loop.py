"""The loop and its step: batches in, a learnt model and a log out."""

import logging
import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import torch

from qwen_audio.audio.mel import log_mel_batch
from qwen_audio.data.augment import gather_clips, mask_mel, mask_tokens, vary
from qwen_audio.data.batches import Batch
from qwen_audio.data.encoded import gather_encoded
from qwen_audio.errors import DataError
from qwen_audio.training.checkpoint import Progress, save_checkpoint
from qwen_audio.training.examples import Position, batches_from
from qwen_audio.training.journal import Journal, Watch, measure
from qwen_audio.training.processes import ALONE, Processes, whole, whole_state
from qwen_audio.training.recipe import OptimizerRecipe
from qwen_audio.training.session import Session, masking, variation
from qwen_audio.training.stopping import StopSign
from qwen_audio.training.student import Encoded, Frames, Losses, Sound

log = logging.getLogger(__name__)
_MOST_BAD_STEPS = 20  # in a row: then the run is broken, not the batch


@dataclass(frozen=True, kw_only=True)
class Team:
    """The processes of a run, and the student as they call it together."""

    processes: Processes
    network: torch.nn.Module


def train(
    session: Session, sign: StopSign, *, processes: Processes = ALONE, watch: Watch | None = None
) -> Progress:
    """Train until the recipe's last step or the sign; leave a checkpoint; return how far it is.

    Args:
        session: what to train, ready to go on.
        sign: when to stop; one process that sees it stops all.
        processes: who shares the batches of each step.
        watch: is told after each step how far the run is, and how many clips a second it takes.
    """
    recipe, progress = session.recipe, session.progress
    team = Team(processes=processes, network=processes.share(session.student, session.optimizer))
    run = session.run if processes.is_main else None
    with closing(Journal(run, device=session.device, watch=watch)) as journal:
        batches = batches_from(session.maker, progress.position, workers=recipe.data.workers)
        bad_in_a_row = 0
        while progress.step < recipe.steps and not processes.any(sign.is_up, session.device):
            group, position = _take(batches, recipe.batch.accumulate, journal)
            losses, norm = train_step(session, group, step=progress.step, team=team)
            is_good = math.isfinite(norm)
            bad_in_a_row = 0 if is_good else bad_in_a_row + 1
            if not is_good:
                _report_bad(group, losses, norm, bad_in_a_row)
            progress = _after(progress, group, position, is_good=is_good)
            journal.step(progress, losses=losses, norm=norm, batches=group)
            if progress.step % recipe.save.every == 0:
                save(session, progress, processes)
            if recipe.dev.every and progress.step % recipe.dev.every == 0:
                _measure(session, journal, progress, processes)
        if progress.step % recipe.save.every:
            save(session, progress, processes)
        _measure(session, journal, progress, processes)
    return progress


def train_step(
    session: Session, batches: list[Batch], *, step: int, team: Team
) -> tuple[Losses, float]:
    """Learn from one step's batches; return the mean losses and the gradient's norm.

    A gradient that is not finite changes nothing.
    """
    settings = session.recipe.optimizer
    session.student.train()
    own = team.processes.own(batches)
    parts = []
    for number, (place, batch) in enumerate(own, start=1):
        seed = (session.recipe.seed * 1_000_003 + step) * 101 + place
        with team.processes.gathering(team.network, is_last=number == len(own)):
            torch.manual_seed(seed)  # dropout too is a function of the step alone
            heard = batch.to(session.device)
            losses = batch_losses(session, heard, seed=seed, network=team.network)
            (losses.total / len(own)).backward()
        parts.append(losses)
    parameters = [p for group in session.optimizer.param_groups for p in group["params"]]
    norm = team.processes.clip_gradients(parameters, settings.clip)
    if math.isfinite(norm):
        scale = rate_scale(step, settings, session.recipe.steps)
        for group in session.optimizer.param_groups:
            group["lr"] = group["peak"] * scale
        session.optimizer.step()
    session.optimizer.zero_grad(set_to_none=True)
    return _mean(parts, team.processes), norm


def batch_losses(session: Session, batch: Batch, *, seed: int, network: torch.nn.Module) -> Losses:
    """Return the losses of one batch: sound from the store, varied, masked, through the student."""
    recipe, device = session.recipe, session.device
    heard = hear(session, batch, seed=seed) if batch.width else None
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=recipe.precision == "bf16"):
        return network(batch, heard)


@torch.no_grad()
def hear(session: Session, batch: Batch, *, seed: int) -> Sound:
    """Return a batch's clips as the student takes them: varied frames, or encoded before."""
    generator = torch.Generator(session.device).manual_seed(seed)
    augment = session.recipe.augment
    if session.encoded is not None:
        tokens, counts = gather_encoded(session.encoded, batch)
        known = {"masking": masking(augment), "pool": session.encoded.pool}
        tokens = mask_tokens(tokens.to(session.device).float(), generator=generator, **known)
        return Encoded(tokens=tokens, counts=counts)
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


def save(session: Session, progress: Progress, processes: Processes) -> None:
    """Write a checkpoint of the session: the main process does, once it has all parts."""
    learnt, optimizer = whole(session.student.kept()), whole_state(session.optimizer)
    if processes.is_main:
        keep = session.recipe.save.keep
        folder = save_checkpoint(
            session.run, progress, learnt=learnt, optimizer=optimizer, keep=keep
        )
        log.info("saved %s", folder.name)
    processes.wait()


def _measure(session: Session, journal: Journal, progress: Progress, processes: Processes) -> None:
    if processes.is_sharded:
        if processes.is_main:
            log.warning("no dev answers: no process holds the whole model; ask the exported one")
    elif processes.is_main:
        measure(session, journal, progress)
    processes.wait()


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


def _mean(parts: list[Losses], processes: Processes) -> Losses:
    """Return the mean losses over all batches of a step, those of other processes too."""
    names = tuple(Losses.__dataclass_fields__)
    means = [torch.stack([getattr(part, name).detach() for part in parts]).mean() for name in names]
    return Losses(**dict(zip(names, processes.mean(torch.stack(means)), strict=True)))
