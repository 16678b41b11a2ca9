"""A conversation about sound: turns, their clips, and second thoughts.

Clips are numbered over the whole dialogue ("Audio 1:", "Audio 2:"), so that a later question may
name an earlier clip. What the turns share is computed once (`prefix.py`, `heard.py`).
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from qwen_audio.audio.lengths import MAX_SECONDS
from qwen_audio.audio.sources import Clip, ClipSource, load_clip
from qwen_audio.errors import GenerationError
from qwen_audio.inference.answers import GREEDY, MAX_WINDOW, Reply
from qwen_audio.inference.generation import Generation
from qwen_audio.inference.repliers import Answered, Asked, OnText, replier_for
from qwen_audio.inference.saving import load_turns, save_turns
from qwen_audio.inference.turns import Turn, asked
from qwen_audio.inference.windowed import LONGEST_S, find_long, reply_by_windows
from qwen_audio.text.messages import Message
from qwen_audio.text.prompt import DEFAULT_SYSTEM


class Conversation:
    """Questions and answers about clips, one after another.

    A recording longer than the model hears at once is asked about window by window
    (`windowed.py`); the reply has a line for each, with its times.

    >>> chat = Conversation(qwen_audio.load())  # doctest: +SKIP
    >>> chat.ask("What is this?", clips="dog.wav").text  # doctest: +SKIP
    >>> chat.ask("Is it louder than this?", clips="cat.wav").text  # doctest: +SKIP
    >>> chat.save("talk.json")  # doctest: +SKIP

    Args:
        model: a loaded model.
        system: the system prompt; None for none.
        settings: how replies are made, their longest length among it.
        max_window: tokens of history that the prompt keeps; older turns are left out of it whole.
        max_seconds: the longest that one reply may take; None for as long as it needs.
    """

    def __init__(
        self,
        model: Any,
        *,
        system: str | None = DEFAULT_SYSTEM,
        settings: Generation = GREEDY,
        max_window: int = MAX_WINDOW,
        max_seconds: float | None = None,
    ) -> None:
        self.model = model
        self.system = system
        self.settings = settings
        self.max_seconds = max_seconds
        self._turns: tuple[Turn, ...] = ()
        self._replier = replier_for(model, max_window=max_window)
        self._is_answering = threading.Lock()
        self._is_stopped = threading.Event()

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns so far, oldest first."""
        return self._turns

    @property
    def clips(self) -> tuple[Clip, ...]:
        """All clips so far; the first is "Audio 1" to the model."""
        return tuple(clip for turn in self._turns for clip in turn.clips)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The turns as messages."""
        return tuple(message for turn in self._turns for message in turn.messages)

    def ask(
        self,
        question: str,
        *,
        clips: ClipSource | Sequence[ClipSource] | None = None,
        settings: Generation | None = None,
        on_text: OnText | None = None,
        turn: int | None = None,
    ) -> Reply:
        """Return the answer to the next question, and add both to the conversation.

        A reply that was stopped, or ran out of time or tokens, is kept as far as it came; if
        anything fails, the conversation is as it was before.

        Args:
            question: text of the user; never read as a tag.
            clips: what comes with it: one clip, or a list of them.
            settings: how this reply is made, where not as usual.
            on_text: called with each piece of the reply as it comes.
            turn: ask instead of this turn (0 is the first); it and all later ones are dropped.

        Raises:
            AudioError: a clip that cannot be heard.
            GenerationError: it is still answering, there is no such turn, or a second recording
                is longer than the model hears at once.
        """
        heard = self._load(clips)
        with self._alone():
            before = self._before(turn)
            return self._answer(before, question, heard, settings or self.settings, on_text)

    def stream(self, question: str, **options: Any) -> Iterator[str]:
        """Yield the reply piece by piece; `turns[-1].reply` has it whole afterwards.

        Closing the iterator early stops the reply; what came is kept.

        Args:
            question: text of the user.
            **options: as for `ask`.
        """
        pieces: SimpleQueue[str | Exception | None] = SimpleQueue()
        is_closed = threading.Event()

        def take(piece: str) -> None:
            if is_closed.is_set():  # perhaps before the reply began, when stop() was too early
                self.stop()
            pieces.put(piece)

        def work() -> None:
            try:
                self.ask(question, on_text=take, **options)
                pieces.put(None)
            except Exception as error:  # noqa: BLE001 - raised again where the pieces are read
                pieces.put(error)

        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        try:
            while (piece := pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        except (GeneratorExit, KeyboardInterrupt):
            is_closed.set()
            self.stop()
            raise
        finally:
            worker.join()

    def edit(self, turn: int, question: str, **options: Any) -> Reply:
        """Ask a turn's question anew in other words, about the same clips unless told otherwise.

        Later turns are dropped.

        Args:
            turn: which turn; 0 is the first, -1 the last.
            question: the new question.
            **options: as for `ask`.
        """
        place = self._place(turn)
        same = {"clips": list(self._turns[place].clips)}
        return self.ask(question, turn=place, **(same | options))

    def regenerate(self, **options: Any) -> Reply:
        """Answer the last question again; with a temperature above 0 it may come out otherwise.

        Args:
            **options: `settings` and `on_text`, as for `ask`.
        """
        return self.edit(-1, self._turns[self._place(-1)].question, **options)

    def undo(self) -> Turn:
        """Take the last turn back and return it.

        Raises:
            GenerationError: it is still answering, or there is no turn.
        """
        with self._alone():
            last = self._turns[self._place(-1)]
            self._turns = self._turns[:-1]
        return last

    def clear(self) -> None:
        """Forget everything that was said and heard.

        Raises:
            GenerationError: it is still answering.
        """
        with self._alone():
            self._turns = ()
            self._replier.forget()

    def stop(self) -> None:
        """End the reply that is being made, from another thread or from `on_text`."""
        self._is_stopped.set()

    def save(self, path: str | Path) -> None:
        """Write the conversation as JSON, and its clips by content into a folder beside it."""
        save_turns(Path(path), self._turns, system=self.system)

    @classmethod
    def load(cls, path: str | Path, model: Any, **options: Any) -> "Conversation":
        """Return a saved conversation, ready to go on with a model.

        Args:
            path: the JSON file; its clips lie in the folder beside it.
            model: a loaded model; another than before will do.
            **options: as for a new conversation.

        Raises:
            DataError: no such file, a clip that is missing or another, or another kind of file.
        """
        turns, system = load_turns(Path(path))
        conversation = cls(model, **({"system": system} | options))
        conversation._turns = turns
        return conversation

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Change the turns, while nobody else does."""
        if not self._is_answering.acquire(blocking=False):
            raise GenerationError(
                "the conversation is still answering; wait for the reply or call stop()"
            )
        try:
            yield
        finally:
            self._is_answering.release()

    def _answer(
        self,
        before: tuple[Turn, ...],
        question: str,
        clips: tuple[Clip, ...],
        settings: Generation,
        on_text: OnText | None,
    ) -> Reply:
        self._is_stopped.clear()
        deadline = None if self.max_seconds is None else time.monotonic() + self.max_seconds
        causes: list[str] = []

        def should_stop() -> bool:
            if self._is_stopped.is_set():
                causes.append("user")
            elif deadline is not None and time.monotonic() >= deadline:
                causes.append("time")
            return bool(causes)

        history = tuple(message for turn in before for message in turn.messages)
        wanted = Asked(
            messages=(*history, asked(question, clips)),
            system=self.system,
            settings=settings,
            on_text=on_text,
            should_stop=should_stop,
        )
        answered = _with_cause(self._reply(wanted), causes)
        turn = Turn(question=question, clips=clips, reply=answered.reply, answer=answered.answer)
        self._turns = (*before, turn)
        return answered.reply

    def _reply(self, wanted: Asked) -> Answered:
        max_seconds = getattr(self.model, "max_seconds", MAX_SECONDS)
        long = find_long(wanted.messages, max_seconds=max_seconds)
        if long is None:
            return self._replier.reply(wanted)
        return reply_by_windows(self._replier.reply, wanted, long, max_seconds=max_seconds)

    def _load(self, clips: ClipSource | Sequence[ClipSource] | None) -> tuple[Clip, ...]:
        sources = [] if clips is None else clips if isinstance(clips, list) else [clips]
        return tuple(load_clip(source, max_seconds=LONGEST_S) for source in sources)

    def _before(self, turn: int | None) -> tuple[Turn, ...]:
        return self._turns if turn is None else self._turns[: self._place(turn)]

    def _place(self, turn: int) -> int:
        count = len(self._turns)
        if not -count <= turn < count:
            raise GenerationError(
                f"the conversation has {count} turns, and {turn} is none of them; ask first, or "
                "count from 0"
            )
        return turn % count


def _with_cause(answered: Answered, causes: Sequence[str]) -> Answered:
    if not causes:
        return answered
    return replace(answered, reply=replace(answered.reply, ended_by=causes[0]))
