"""A model that answers at once and remembers what it was asked."""

import codecs
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

import qwen_audio
from qwen_audio.cli.main import main
from qwen_audio.errors import AudioError
from qwen_audio.text import stream
from qwen_audio.text.timestamps import Span, Word


@dataclass
class FakeModel:
    """Answers every clip, except one that is named bad."""

    processor = SimpleNamespace(tokenizer=None)
    calls: list[tuple] = field(default_factory=list)

    def ask(
        self, clips: Any, question: str, *, on_token: Any = None, **options: Any
    ) -> SimpleNamespace:
        self._hear(clips)
        self.calls.append((clips, question, options))
        if on_token is not None:
            for byte in "a dög".encode():
                on_token(byte)
        spans = (Span(2.33, 3.26, "dog"),) if "when" in question else ()
        return SimpleNamespace(text=f"a dog – {question}", spans=spans)

    def transcribe(self, clip: str, **settings: Any) -> SimpleNamespace:
        self._hear(clip)
        self.calls.append((clip, settings))
        words = (Word("grüß", 0.0, 0.301), Word("dich", 0.301, 0.75))
        return SimpleNamespace(
            text="" if clip.startswith("silent") else "grüß dich",
            language="de",
            words=words if settings["words"] else (),
        )

    def _hear(self, clips: Any) -> None:
        for clip in clips if isinstance(clips, list) else [clips]:
            if "bad" in clip:
                raise AudioError(f"cannot find {clip};\ncheck the path")
            if "worse" in clip:
                raise AudioError("too quiet")


class ByteStream:
    """Takes tokens for bytes, in place of the tokenizer's stream of text."""

    def __init__(self, _tokenizer: None, *, skip_special: bool) -> None:
        assert skip_special
        decoder = codecs.getincrementaldecoder("utf-8")()
        self.push = lambda token: decoder.decode(bytes([token]))
        self.finish = lambda: decoder.decode(b"", final=True)


@dataclass
class Run:
    """What one call of the program gave."""

    code: int
    out: str
    err: str


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    fake = FakeModel()

    def load(name: str | None, **options: str) -> FakeModel:
        fake.calls.append((name, options))
        return fake

    monkeypatch.setitem(vars(qwen_audio), "load", load)
    monkeypatch.setitem(vars(qwen_audio), "Generation", dict)
    monkeypatch.setattr(stream, "TextStream", ByteStream)
    return fake


@pytest.fixture
def run(capsys: pytest.CaptureFixture) -> Callable[..., Run]:
    def call(*argv: str) -> Run:
        code = main(argv)
        captured = capsys.readouterr()
        return Run(code, captured.out, captured.err)

    return call
