"""How far a long run is, on stderr, with the time that is left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_SECONDS_BETWEEN_LINES = 15


@contextmanager
def answering(total: int) -> Iterator[Callable[[int], None]]:
    """Show how far it is on stderr: a bar for a person, a line now and then for a file."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("answers", total=total)
        yield lambda number: bar.advance(task, number)


class _Lines:
    """Prints a line with the time left, but not too often."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.asked = total, 0, 0
        self.begun = self.last = time.monotonic()

    def __call__(self, number: int) -> None:
        is_first = self.done == 0
        self.done += number
        now = time.monotonic()
        # what is there from a run before comes at once and says nothing about the time
        self.asked += 0 if is_first and now - self.begun < 1 else number
        if now - self.last < _SECONDS_BETWEEN_LINES and self.done < self.total:
            return
        self.last = now
        left_s = (self.total - self.done) * (now - self.begun) / max(self.asked, 1)
        line = f"{self.done} of {self.total} answers, about {left_s / 60:.1f} min left"
        print(line, file=sys.stderr, flush=True)
