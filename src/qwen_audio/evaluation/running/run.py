"""Runs a plan: batches of similar length, every answer kept, several processes if wanted."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from qwen_audio.audio.lengths import MAX_SECONDS
from qwen_audio.audio.sources import Clip
from qwen_audio.data.manifest import AudioReference
from qwen_audio.errors import AudioError, EvaluationError
from qwen_audio.evaluation.peers.limits import counted_text
from qwen_audio.evaluation.peers.records import Asked, Listener, Said
from qwen_audio.evaluation.running.log import RunLog, write_missing
from qwen_audio.evaluation.running.records import Answered, Place, Plan
from qwen_audio.evaluation.running.results import scored, write_results

OnDone = Callable[[int], None]


def run(
    plan: Plan,
    listener: Listener,
    *,
    output: Path,
    batch: int = 8,
    shard: tuple[int, int] = (0, 1),
    on_done: OnDone = lambda _number: None,
) -> bool:
    """Ask what is not answered yet, and return whether all answers of all processes are there.

    The last process to finish writes the scored answers and the results. A run that was killed
    goes on where it was: a batch of which one answer is missing is asked again as a whole, so that
    every answer is made in the same company as without the kill.

    Args:
        plan: what is asked.
        listener: who is asked.
        output: folder of the run.
        batch: how many clips are heard at once.
        shard: the number of this process, and how many there are.
        on_done: called with the number of answers that are new.

    Raises:
        EvaluationError: the folder holds another run, or a clip cannot be heard.
    """
    log = RunLog(output, plan.settings | {"batch": batch}, rank=shard[0])
    write_missing(output, plan.missing)
    known = log.read()
    for group in shares(plan, batch=batch, shard=shard):
        if not all(_is_known(asked, known) for asked in group):
            log.add(_answers(plan, listener, group))
        on_done(len(group))
    known = log.read()
    if not all(_is_known(asked, known) for asked in plan.asked):
        return False
    answers = scored([known[_place(asked)] for asked in plan.asked])
    log.finish(answers)
    write_results(output, answers)
    return True


def shares(plan: Plan, *, batch: int, shard: tuple[int, int]) -> list[list[Asked]]:
    """Return the batches that one process of several asks; `shard` is as in `run`."""
    rank, processes = shard
    return list(batches(plan.asked, batch))[rank::processes]


def batches(asked: Sequence[Asked], size: int) -> Iterator[list[Asked]]:
    """Yield questions of one benchmark about clips of similar size together, short ones first."""
    for name in dict.fromkeys(a.benchmark.name for a in asked):
        group = [a for a in asked if a.benchmark.name == name]
        group.sort(key=lambda a: (_num_bytes(a.sample.audio), a.sample.key))
        for start in range(0, len(group), size):
            yield group[start : start + size]


def _num_bytes(audio: AudioReference) -> int:
    """Return the size of a clip's file, which goes with its length within one corpus."""
    return audio.num_bytes or audio.path.stat().st_size


def _place(asked: Asked) -> Place:
    return asked.benchmark.name, asked.sample.key


def _is_known(asked: Asked, known: dict[Place, Answered]) -> bool:
    answer = known.get(_place(asked))
    return (
        answer is not None
        and answer.prompt == asked.prompt
        and answer.references == asked.sample.references
    )


def _answers(plan: Plan, listener: Listener, group: Sequence[Asked]) -> list[Answered]:
    root = Path(plan.settings["data"])
    clips = [_heard(asked) for asked in group]
    replies = listener.answer(group, clips)
    if len(replies) != len(group):
        raise EvaluationError(
            f"{listener.name} gave {len(replies)} answers to {len(group)} questions; "
            "a listener answers every one, if need be with nothing"
        )
    ratings: list[tuple[str, ...]] = [()] * len(group)
    if plan.judge and group[0].benchmark.is_judged:
        ratings = plan.judge.rate(group, replies)
    return [
        replace(_answered(asked, clip, said, root=root), ratings=rated)
        for asked, clip, said, rated in zip(group, clips, replies, ratings, strict=True)
    ]


def _answered(asked: Asked, clip: Clip, said: Said, *, root: Path) -> Answered:
    counted = counted_text(asked.benchmark, said)
    return Answered(
        benchmark=asked.benchmark.name,
        key=asked.sample.key,
        audio=_written(asked.sample.audio, root=root),
        seconds=round(clip.duration_s, 3),
        language=asked.sample.language,
        part=asked.sample.part,
        references=asked.sample.references,
        choices=asked.sample.choices,
        prompt=asked.prompt,
        reply=said.text,
        is_cut=said.is_cut,
        counted=None if counted == said.text else counted,
    )


def _heard(asked: Asked) -> Clip:
    """Return a clip, cut at the encoder's window as the original's scripts cut it."""
    audio = asked.sample.audio
    duration_s = min(audio.duration_s or MAX_SECONDS, MAX_SECONDS)
    try:
        return replace(audio, duration_s=float(duration_s)).load()
    except AudioError as error:
        raise EvaluationError(
            f"{asked.benchmark.name}: {audio} cannot be heard ({error}); fetch it again"
        ) from error


def _written(audio: AudioReference, *, root: Path) -> dict[str, object]:
    """Return a clip's place as the log has it, below the data folder if it lies there."""
    path = audio.path.resolve()
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    rest = {name: value for name, value in vars(audio).items() if value not in (None, 0.0)}
    return rest | {"path": str(shown)}
