"""The program's frame: help, exit codes and one-line errors."""

import subprocess
import sys
from collections.abc import Callable

import pytest

import qwen_audio
from qwen_audio.cli.main import VERBS
from qwen_audio.errors import CheckpointError


@pytest.mark.parametrize("argv", [["--help"], *([verb, "--help"] for verb in VERBS)])
def test_no_help_imports_torch(argv: list[str]) -> None:
    program = (
        "import sys; from qwen_audio.cli.main import main; code = main(sys.argv[1:]); "
        "heavy = {'torch', 'transformers', 'soundfile', 'av'} & set(sys.modules); "
        "sys.exit(code or ' '.join(heavy) or None)"
    )

    done = subprocess.run([sys.executable, "-c", program, *argv], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    assert "Example:\n" in done.stdout
    assert "qwen-audio " in done.stdout.split("Example:\n")[1]


@pytest.mark.parametrize("argv", [(), ("--help",), ("-h",), ("help",)])
def test_the_overview_names_every_verb(run: Callable, argv: tuple) -> None:
    result = run(*argv)

    assert result.code == 0
    assert all(f"\n  {verb} " in result.out for verb in VERBS)


def test_the_version_is_a_number(run: Callable) -> None:
    assert run("--version").out[0].isdigit()


def test_an_unknown_verb_is_wrong_usage(run: Callable) -> None:
    result = run("transcibe", "a.wav")

    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("qwen-audio: unknown command 'transcibe'; did you mean 'transcri")


def test_an_unknown_option_is_wrong_usage(run: Callable) -> None:
    result = run("transcribe", "a.wav", "--loud")

    assert result.code == 2
    assert "--loud" in result.err


def test_an_error_of_ours_is_one_line(run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> None:
        raise CheckpointError("no model\nin /tmp/x; pass its folder")

    monkeypatch.setitem(vars(qwen_audio), "load", load)

    result = run("transcribe", "a.wav", "--model", "/tmp/x")

    assert (result.code, result.out) == (1, "")
    assert result.err == "qwen-audio transcribe: no model in /tmp/x; pass its folder\n"


def test_what_is_no_error_of_ours_keeps_its_traceback(
    run: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setitem(vars(qwen_audio), "load", load)

    with pytest.raises(ZeroDivisionError, match="a bug"):
        run("transcribe", "a.wav")
