"""When a run should save and end: at a time, on SIGTERM, on the first Ctrl-C."""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType


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
