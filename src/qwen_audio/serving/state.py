"""What every route of one server needs, and how it waits for an answer."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio
from anyio import to_thread
from fastapi import Request

from qwen_audio.serving.engine import Engine, Job
from qwen_audio.serving.errors import LEFT, ApiError
from qwen_audio.serving.incoming import Reader
from qwen_audio.serving.metrics import Metrics
from qwen_audio.serving.settings import Settings
from qwen_audio.serving.work import Work

DECODERS = 2  # clips decoded at once, beside the model
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class State:
    """The parts of one server."""

    settings: Settings
    engine: Engine
    reader: Reader
    metrics: Metrics
    decoders: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(DECODERS))

    async def in_thread(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Return what a function gives that would hold up the event loop."""
        return await to_thread.run_sync(function, *arguments, limiter=self.decoders)

    def submit(self, work: Work) -> Job:
        """Return a job in the queue."""
        return self.engine.submit(work, timeout_s=self.settings.timeout_s)


def state_of(request: Request) -> State:
    """Return the parts of the server that a request came to."""
    return request.app.state.parts


async def unless_left(request: Request, job: Job, wanted: Awaitable[Result]) -> Result:
    """Return what is awaited; when the client leaves before, so does its job.

    Raises:
        ApiError: the client has left.
    """
    task, gone = asyncio.ensure_future(wanted), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ApiError("the client has left", status=LEFT)
    finally:
        if not task.done():
            job.leave()
        for pending in (task, gone):
            pending.cancel()
            with suppress(asyncio.CancelledError, ApiError):
                await pending


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
