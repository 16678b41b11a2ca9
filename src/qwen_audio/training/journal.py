"""What a run tells while it goes: JSON lines, TensorBoard, throughput, dev tables and samples."""

import json
import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from qwen_audio.data.batches import Batch
from qwen_audio.training.checkpoint import Progress
from qwen_audio.training.dev import Answer, ask, questions, read_aloud, score, table
from qwen_audio.training.student import Losses

if TYPE_CHECKING:
    from qwen_audio.training.session import Session

log = logging.getLogger(__name__)
Watch = Callable[[Progress, float], None]  # how far a run is, and its clips a second
EVERY = 20  # steps between two lines
_SAMPLES = 12  # replies shown after a dev round


class Journal:
    """Writes `log.jsonl` and TensorBoard files into a run folder; counts what went through.

    Args:
        run: the folder; nothing is written without one.
        device: whose memory is told.
        watch: is told after each step.
    """

    def __init__(
        self, run: Path | None, *, device: torch.device, watch: Watch | None = None
    ) -> None:
        self.lines = (run / "log.jsonl").open("a", encoding="utf-8") if run else None
        self.device, self.watch = device, watch
        self.board = _tensorboard(run) if run else None
        self.sums = {"loss": 0.0, "next_token": 0.0, "ctc": 0.0, "norm": 0.0}
        self.began, self.all_clips = time.monotonic(), 0
        self._restart()

    def _restart(self) -> None:
        self.since, self.waited_s, self.steps = time.monotonic(), 0.0, 0
        self.clips, self.seconds, self.padded_s, self.tokens = 0, 0.0, 0.0, 0
        self.sums = dict.fromkeys(self.sums, 0.0)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time inside the block as waiting for data."""
        start = time.monotonic()
        yield
        self.waited_s += time.monotonic() - start

    def step(
        self, progress: Progress, *, losses: Losses, norm: float, batches: Sequence[Batch]
    ) -> None:
        """Count a step; write a line every so many."""
        self.steps += 1
        clips = sum(len(batch.num_samples) for batch in batches)
        self.clips += clips
        self.all_clips += clips
        self.seconds += sum(batch.seconds for batch in batches)
        self.padded_s += sum(batch.padded_seconds for batch in batches)
        self.tokens += sum(batch.num_tokens for batch in batches)
        values = (losses.total, losses.next_token, losses.ctc, norm)
        for name, value in zip(self.sums, values, strict=True):
            self.sums[name] += float(value)
        if progress.step % EVERY == 0:
            self._write_steps(progress)
        if self.watch is not None:
            took_s = time.monotonic() - self.began
            self.watch(progress, self.all_clips / max(1e-9, took_s))

    def _write_steps(self, progress: Progress) -> None:
        took_s = max(1e-9, time.monotonic() - self.since)
        means = {name: round(value / self.steps, 4) for name, value in self.sums.items()}
        speed = {
            "step_s": round(took_s / self.steps, 4),
            "clips_per_s": round(self.clips / took_s, 1),
            "audio_s_per_s": round(self.seconds / took_s, 1),
            "tokens_per_s": round(self.tokens / took_s),
            "padding_share": round(1 - self.seconds / max(1e-9, self.padded_s), 4),
            "wait_share": round(self.waited_s / took_s, 4),
            "memory_gb": round(_memory_gb(self.device), 2),
        }
        hours = {"audio_hours": round(progress.audio_hours, 2)}
        self.write("steps", progress, means | speed | hours)
        self._restart()

    def write(self, kind: str, progress: Progress, values: dict[str, Any]) -> None:
        """Write one line, and its numbers to TensorBoard."""
        if self.lines is None:
            return
        line = {"kind": kind, "step": progress.step, **values}
        self.lines.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.lines.flush()
        if kind == "steps":
            log.info("step %d  %s", progress.step, "  ".join(f"{k} {v}" for k, v in values.items()))
        if self.board is not None:
            for name, value in values.items():
                if isinstance(value, int | float):
                    self.board.add_scalar(f"{kind}/{name}", value, progress.step)

    def close(self) -> None:
        """Close the files."""
        if self.lines is not None:
            self.lines.close()
        if self.board is not None:
            self.board.close()

    def pause(self) -> None:
        """Forget what was counted since the last line (after something that is no training)."""
        self._restart()


def measure(session: "Session", journal: Journal, progress: Progress) -> None:
    """Ask the dev clips, write the scores and some replies, and go on."""
    if session.dev is None:
        return
    recipe, start = session.recipe, time.monotonic()
    common = {"recipe": recipe.dev}
    student, processor, dev = session.student, session.processor, session.dev
    student.eval()
    with torch.autocast(
        session.device.type, dtype=torch.bfloat16, enabled=recipe.precision == "bf16"
    ):
        answers = []
        if recipe.loss.ctc:
            answers += read_aloud(student, processor, dev.store, clips=dev.clips, **common)
        asked = []
        if recipe.stage != "align":
            asked = questions(dev.clips, recipe.dev)
            answers += ask(student, processor, dev.store, asked=asked, **common)
    scores = score(answers)
    took_s = time.monotonic() - start
    log.info("dev at step %d (%.1f s)\n%s", progress.step, took_s, table(scores))
    values = {f"{s.task}/{s.dataset}/{s.measure}": round(s.value, 4) for s in scores}
    journal.write("dev", progress, values | {"asked": len(answers), "took_s": round(took_s, 1)})
    _show(answers, journal, progress)
    journal.pause()


def _show(answers: Sequence[Answer], journal: Journal, progress: Progress) -> None:
    """Write some replies beside what was expected."""
    chosen = random.Random(progress.step).sample(list(answers), min(_SAMPLES, len(answers)))
    for answer in chosen:
        question = answer.question
        reply, reference = answer.reply[:160], question.reference[:160]
        log.info("  %s: %r, expected %r", question.task, reply, reference)
        sample = {"task": question.task, "reply": answer.reply, "reference": question.reference}
        journal.write("sample", progress, sample)


def _tensorboard(run: Path) -> Any:
    """Return a TensorBoard writer, or None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(run / "tensorboard")


def _memory_gb(device: torch.device) -> float:
    return torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0
