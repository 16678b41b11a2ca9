"""The `qwen-audio` program: a table of verbs, each in its own file that is imported when asked for.

Exit codes: 0 done, 1 an error of ours in one line, 2 wrong usage.
"""

import importlib
import importlib.metadata
import sys
from collections.abc import Sequence

import typer

from qwen_audio.cli.output import print_error
from qwen_audio.errors import QwenAudioError, unknown_name

VERBS = {
    "ask": "answer a question about one or more clips",
    "transcribe": "write down what is said in clips, with the time of each word if wanted",
    "chat": "talk about clips in the terminal",
    "edit": "cut, mute or mend a recording by what is said in it",
    "serve": "answer HTTP requests as OpenAI's API does, and show a web page",
    "web": "open the web page of a model",
    "tasks": "list the tasks, with their tags and how they are scored",
    "data": "check data sets, prepare public corpora, make labelled audio",
    "train": "train as a recipe says, in stages that resume",
    "finetune": "teach a model your own conversations about clips",
    "scenarios": "hold the tutorial's and the demo page's dialogues with a model",
    "abilities": "measure what a model can do on labelled dev clips",
    "evaluate": "put benchmarks to a model, or to other people's beside it",
    "report": "lay runs side by side with published numbers, as tables and one page",
    "info": "tell what a model is: its sizes, vocabulary, languages, licence",
    "init": "build a new model from a Whisper encoder and an LLM",
    "convert": "write a checkpoint in another layout or number type",
}

EXAMPLE = 'qwen-audio ask clip.flac "What does the person say?"'


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the program's exit code."""
    verb, *arguments = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if verb in ("--help", "-h", "help"):
        print(overview())
        return 0
    if verb == "--version":
        print(importlib.metadata.version("qwen-audio"))
        return 0
    if verb not in VERBS:
        print_error(unknown_name("command", verb, VERBS))
        return 2
    try:
        return _run(verb, arguments)
    except QwenAudioError as error:
        print_error(error, verb=verb)
        return 1


def overview() -> str:
    """Return the text of `qwen-audio --help`."""
    rows = [f"  {verb:<12}{summary}" for verb, summary in VERBS.items()]
    return "\n".join(
        [
            "Usage: qwen-audio COMMAND ...",
            "",
            "Speech, sounds, music and text in, text out.",
            "",
            "Commands:",
            *rows,
            "",
            "`qwen-audio COMMAND --help` tells more. Example:",
            "",
            f"  {EXAMPLE}",
        ]
    )


def _run(verb: str, arguments: Sequence[str]) -> int:
    """Import a verb's file and run its function of the same name under typer."""
    module = importlib.import_module(f"qwen_audio.cli.{verb}")
    app = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        epilog=_epilog(module.EXAMPLE),
    )
    # A verb with verbs of its own lists them, each with its example.
    parts = getattr(module, "VERBS", {verb: module.EXAMPLE})
    for name, example in parts.items():
        app.command(epilog=_epilog(example))(getattr(module, name))
    try:
        app(list(arguments), prog_name=f"qwen-audio {verb}")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0
    return 0


def _epilog(example: str) -> str:
    return f"\b\nExample:\n  {example}"  # \b keeps the lines of an example apart


if __name__ == "__main__":  # for `accelerate launch -m qwen_audio.cli.main`
    sys.exit(main())
