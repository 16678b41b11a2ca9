"""A reply while it is written: times become numbers, and a stop text ends it and is left out."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qwen_audio.text.stream import TextStream
from qwen_audio.text.tokenizers import fast_backend
from qwen_audio.text.vocab import is_timestamp, token_seconds

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class StopCutter:
    """Hands text on up to the first stop text; what could become one is held back.

    >>> cutter = StopCutter(["END"])
    >>> [cutter.push(piece) for piece in ("a E", "N", "d E", "NDx")], cutter.is_over
    (['a ', '', 'ENd ', ''], True)
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.stops = [stop for stop in stops if stop]
        self.is_over = False
        self._held = ""

    def push(self, text: str) -> str:
        """Return what may be handed on now."""
        if self.is_over:
            return ""
        self._held += text
        found = [place for stop in self.stops if (place := self._held.find(stop)) >= 0]
        if found:
            self.is_over = True
            given, self._held = self._held[: min(found)], ""
            return given
        keep = max((_overlap(self._held, stop) for stop in self.stops), default=0)
        cut = len(self._held) - keep
        given, self._held = self._held[:cut], self._held[cut:]
        return given

    def finish(self) -> str:
        """Return what was held back, when no more text comes."""
        given, self._held = self._held, ""
        return given


class ReplyWriter:
    """Turns a reply's tokens into text as they come.

    Args:
        tokenizer: of the model.
        stops: texts that end the reply.
        on_text: called with each new piece.
        start_s: what times count from.
    """

    def __init__(
        self,
        tokenizer: "PreTrainedTokenizerFast",
        *,
        stops: Sequence[str] = (),
        on_text: Callable[[str], None],
        start_s: float = 0.0,
    ) -> None:
        self._spelling = fast_backend(tokenizer).id_to_token
        self._stream = TextStream(tokenizer, skip_special=True)
        self._cutter = StopCutter(stops)
        self._on_text, self._start_s = on_text, start_s
        self._written: list[str] = []

    @property
    def is_over(self) -> bool:
        """Whether a stop text has come."""
        return self._cutter.is_over

    @property
    def text(self) -> str:
        """All that was written so far, without blanks at its ends."""
        return "".join(self._written).strip()

    def push(self, token: int) -> None:
        """Take the next token of the reply."""
        spelling = self._spelling(token) or ""
        if is_timestamp(spelling):
            self._give(self._cutter.push(f"{token_seconds(spelling) + self._start_s:.2f}"))
        else:
            self._give(self._cutter.push(self._stream.push(token)))

    def finish(self) -> None:
        """Take note that no more tokens come."""
        self._give(self._cutter.push(self._stream.finish()) + self._cutter.finish())

    def _give(self, text: str) -> None:
        text = text if self._written else text.lstrip()
        if text:
            self._written.append(text)
            self._on_text(text)


def _overlap(text: str, stop: str) -> int:
    """Return how many characters at the end of `text` begin `stop`."""
    longest = min(len(text), len(stop) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(stop[:size])), 0)
