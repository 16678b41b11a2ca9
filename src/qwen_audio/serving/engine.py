"""The engine: one thread that has the model, and a queue in front of it.

Requests live in the event loop, the model in the thread. A job carries what is wanted one way and
pieces of text, the answer or an error the other way. Transcriptions that wait are done together.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any

from qwen_audio.serving.errors import ApiError, from_error
from qwen_audio.serving.metrics import Metrics
from qwen_audio.serving.voice import Voice
from qwen_audio.serving.work import Answer, Piece, SpeechWork, Work


class Job:
    """A request on its way: what is wanted, until when, and what has come of it.

    It is made in the event loop that waits for it.
    """

    def __init__(self, work: Work, *, timeout_s: float | int) -> None:
        self.work = work
        self.created = time.monotonic()
        self.deadline = self.created + timeout_s
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Piece | Answer | ApiError] = asyncio.Queue()
        self._left = threading.Event()

    async def next(self) -> Piece | Answer:
        """Return the next piece of text, or at last the answer.

        Raises:
            ApiError: the work failed, or it is too late.
        """
        try:
            async with asyncio.timeout(max(0.0, self.deadline - time.monotonic())):
                event = await self._events.get()
        except TimeoutError:
            self.leave()
            raise _too_late() from None
        if isinstance(event, ApiError):
            raise event
        return event

    async def events(self, first: Piece | Answer | None = None) -> AsyncIterator[Piece | Answer]:
        """Yield pieces of text, and at last the answer."""
        event = await self.next() if first is None else first
        while isinstance(event, Piece):
            yield event
            event = await self.next()
        yield event

    async def answer(self) -> Answer:
        """Return the answer; pieces before it are passed over."""
        while isinstance(event := await self.next(), Piece):
            pass
        return event

    def leave(self) -> None:
        """Say that nobody waits any more."""
        self._left.set()

    @property
    def is_unwanted(self) -> bool:
        """Whether the client has left or its time is over."""
        return self._left.is_set() or time.monotonic() > self.deadline

    def tell(self, event: Piece | Answer | ApiError) -> None:
        """Send something to who waits; called from the engine's thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)


class Engine:
    """Does jobs in the order they came, in a thread of its own.

    Args:
        voice: the model.
        max_batch: how many transcriptions to do together.
        metrics: where to count.
    """

    def __init__(self, voice: Voice, *, max_batch: int, metrics: Metrics) -> None:
        self.voice, self.max_batch, self.metrics = voice, max_batch, metrics
        self._jobs: deque[Job] = deque()
        self._running: list[Job] = []
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        metrics.watch_queue(lambda: len(self._jobs), lambda: len(self._running))

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether jobs are being done."""
        return self._thread.is_alive() and not self._is_closing

    def submit(self, work: Work, *, timeout_s: float | int) -> Job:
        """Return a job that waits for its turn.

        Raises:
            ApiError: the server is going down.
        """
        job = Job(work, timeout_s=timeout_s)
        with self._changed:
            if not self.is_alive:
                raise _closing()
            self._jobs.append(job)
            self._changed.notify()
        return job

    def stop(self, *, grace_s: float | int = 10) -> None:
        """Turn waiting jobs away, end the one that runs, and wait for the thread."""
        with self._changed:
            self._is_closing = True
            waiting = [*self._jobs]
            self._jobs.clear()
            for job in self._running:
                job.leave()
            self._changed.notify()
        for job in waiting:
            job.tell(_closing())
        if self._thread.is_alive():
            self._thread.join(grace_s)

    def _work(self) -> None:
        while batch := self._take():
            for job in batch:
                self.metrics.waited(time.monotonic() - job.created)
            self._do(batch)
            with self._changed:
                self._running = []

    def _take(self) -> list[Job]:
        """Return the next jobs to do together, once there is one; nothing when all is over."""
        with self._changed:
            while True:
                self._jobs = deque(job for job in self._jobs if not job.is_unwanted)
                if self._jobs or self._is_closing:
                    break
                self._changed.wait()
            if not self._jobs:
                return []
            first = self._jobs.popleft()
            self._running = [first, *self._companions(first)]
            return self._running

    def _companions(self, first: Job) -> list[Job]:
        """Take the waiting jobs that can be done together with the first out of the queue."""
        key = first.work.batch_key
        if key is None:
            return []
        alike = [job for job in self._jobs if job.work.batch_key == key][: self.max_batch - 1]
        taken = set(map(id, alike))
        self._jobs = deque(job for job in self._jobs if id(job) not in taken)
        return alike

    def _do(self, batch: Sequence[Job]) -> None:
        try:
            answers = self._ask(batch)
        except Exception as error:  # noqa: BLE001 - every failure reaches who waits, and no other
            if len(batch) > 1:  # one bad clip must not spoil the others
                for job in batch:
                    self._do([job])
                return
            batch[0].tell(from_error(error))
            return
        for job, answer in zip(batch, answers, strict=True):
            self.metrics.answered(answer, audio_s=job.work.audio_s)
            job.tell(answer)

    def _ask(self, batch: Sequence[Job]) -> Sequence[Answer]:
        first = batch[0]
        listener: dict[str, Any] = {
            "on_piece": _teller(first),
            "should_stop": lambda: all(job.is_unwanted for job in batch),
        }
        self.metrics.batched(len(batch))
        works = [job.work for job in batch]
        if isinstance(first.work, SpeechWork):
            return self.voice.speak(works, **listener)
        return [self.voice.chat(first.work, **listener)]


def _teller(job: Job) -> Any:
    """Return what hands pieces on, for those who want them."""
    return job.tell if job.work.is_streamed else _forget


def _forget(_: Piece) -> None:
    pass


def _too_late() -> ApiError:
    return ApiError("the answer took longer than the server allows; ask for less", status=504)


def _closing() -> ApiError:
    return ApiError("the server is going down; try again in a while", status=503)
