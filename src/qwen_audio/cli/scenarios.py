"""`qwen-audio scenarios`: hold the dialogues of the tutorial and the demo page with a model."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qwen_audio.cli.options import AsJson, Device, Dtype, open_model
from qwen_audio.cli.output import print_json
from qwen_audio.cli.progress import answering
from qwen_audio.errors import AudioError

if TYPE_CHECKING:
    from qwen_audio.evaluation.scenarios.sounds import Speak

EXAMPLE = "qwen-audio scenarios default --clips my-clips"


def scenarios(
    model: Annotated[
        str | None, typer.Argument(help="Folder or name; 'default' for the default model.")
    ] = None,
    *,
    clips: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of clips named as the scenarios name them; see --list."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Scenario, or several with commas between.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for JSON and Markdown; by default runs/scenarios.")
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="List scenarios and clips, stop.")] = False,
    as_json: AsJson = False,
    device: Device = None,
    dtype: Dtype = None,
) -> None:
    """Hold dialogues with a model: does every reply look as it must, and is it right.

    Answers are checked only where the clip that is meant is heard, or its words; elsewhere a
    packaged example stands in, and only the shape of the reply counts.
    """
    from qwen_audio.evaluation.scenarios.holding import hold_suite
    from qwen_audio.evaluation.scenarios.records import packaged_suite
    from qwen_audio.evaluation.scenarios.report import table, write_results
    from qwen_audio.evaluation.scenarios.sounds import find_sounds

    suite = packaged_suite().only([n for given in only or () for n in given.split(",") if n])
    if show:
        print(_listed(suite))
        return
    speak = _voice()
    sounds = find_sounds(suite.clips.values(), clips or (), speak=speak)
    name = None if model == "default" else model
    qa = open_model(name, device=device, dtype=dtype)
    num_turns = sum(len(scenario.turns) for scenario in suite.scenarios)
    with answering(num_turns) as on_done:
        results = hold_suite(qa, suite, sounds, speak=speak, on_turn=lambda _: on_done(1))
    folder = output or Path("runs") / "scenarios"
    write_results(folder, results, model=model or "default")
    if as_json:
        for result in results:
            print_json(vars(result))
    else:
        print(table(results))
    print(f"every reply is in {folder}", file=sys.stderr)


def _voice() -> "Speak | None":
    """Return a local voice, if one is installed."""
    from qwen_audio.inference.voice import local_voice

    try:
        return local_voice()
    except AudioError:
        return None


def _listed(suite: Any) -> str:
    rows = [f"{s.name:<20}{s.source}, {len(s.turns)} turns" for s in suite.scenarios]
    files = [f"{c.name:<20}{c.what} ({c.original})" for c in suite.clips.values()]
    return "\n".join([*rows, "", "clips:", *files])
