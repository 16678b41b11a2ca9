"""The verbs about models: info, init and convert."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import qwen_audio
from qwen_audio import checkpoints


@dataclass(frozen=True)
class Card:
    """What `describe` might tell."""

    model: str | None
    num_parameters: int = 8_394_302_464
    is_chat: bool = True
    languages: tuple[str, ...] = ("en", "zh")
    encoder: tuple[tuple[str, int], ...] = (("layers", 32),)
    folder: Path = Path("/models/x")
    licence: str | None = None


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list:
    seen = []

    def record(name: str) -> Callable:
        def call(*args: object, **named: object) -> None:
            seen.append((name, args, named))

        return call

    monkeypatch.setitem(vars(qwen_audio), "describe", Card)
    monkeypatch.setitem(vars(qwen_audio), "assemble", record("assemble"))
    monkeypatch.setattr(checkpoints, "convert", record("convert"), raising=False)
    return seen


@pytest.mark.usefixtures("calls")
def test_info_is_two_columns_for_a_person(run: Callable) -> None:
    result = run("info", "some/model")

    assert result.code == 0
    assert result.out.splitlines()[:4] == [
        "model           some/model",
        "num parameters  8,394,302,464",
        "is chat         yes",
        "languages       en, zh",
    ]
    assert result.out.splitlines()[-1] == "licence         unknown"


@pytest.mark.usefixtures("calls")
def test_info_is_one_json_line_for_a_program(run: Callable) -> None:
    result = run("info", "--json")

    assert result.out.count("\n") == 1
    card = json.loads(result.out)
    assert card["num_parameters"] == 8_394_302_464
    assert card["folder"] == "/models/x"
    assert card["model"] is None


def test_init_assembles(run: Callable, calls: list) -> None:
    result = run("init", "enc", "llm", "out", "--pooling", "stack")

    assert result.out.startswith("wrote out")
    assert calls == [("assemble", (Path("enc"), Path("llm"), Path("out")), {"pooling": "stack"})]


def test_init_prints_json(run: Callable, calls: list) -> None:
    result = run("init", "enc", "llm", "out", "--json")

    assert json.loads(result.out) == {"encoder": "enc", "llm": "llm", "output": "out"}
    assert len(calls) == 1


def test_convert_converts(run: Callable, calls: list) -> None:
    result = run("convert", "a/b", "out", "--layout", "qwen_audio", "--dtype", "bfloat16")

    assert result.out == "wrote out in the qwen_audio layout\n"
    named = {"layout": "qwen_audio", "dtype": "bfloat16"}
    assert calls == [("convert", ("a/b", Path("out")), named)]


def test_convert_prints_json(run: Callable, calls: list) -> None:
    result = run("convert", "a", "b", "--json")

    assert json.loads(result.out) == {"source": "a", "target": "b", "layout": "released"}
    assert calls[0][2] == {"layout": "released"}


@pytest.mark.parametrize("argv", [["init", "a", "b"], ["convert", "a"]])
def test_missing_arguments_are_wrong_usage(run: Callable, argv: list[str]) -> None:
    assert run(*argv).code == 2
