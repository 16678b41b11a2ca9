"""`qwen-audio tasks`: what a model can be asked by tags, from the registry."""

from typing import Annotated

import typer

from qwen_audio.cli.options import AsJson
from qwen_audio.cli.output import print_json
from qwen_audio.errors import DataError, unknown_name

EXAMPLE = "qwen-audio tasks --group sound"


def tasks(
    *,
    group: Annotated[
        str | None, typer.Option(help="Only the tasks of one group: speech, sound or music.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the tasks by group, with an example of the tags that ask for each."""
    from qwen_audio.tasks.documentation import example_of
    from qwen_audio.tasks.registry import TASKS

    groups = {task.group for task in TASKS.values()}
    if group is not None and group not in groups:
        raise DataError(unknown_name("group of tasks", group, groups))
    shown = None
    for task in TASKS.values():
        if group not in (None, task.group):
            continue
        labels = example_of(task)
        if as_json:
            row = {"name": task.name, "group": task.group, "title": task.title}
            examples = {"tags": task.tags(labels), "target": task.render(labels)}
            print_json(row | examples | {"metrics": task.metrics, "wordings": len(task.prompts)})
            continue
        if task.group != shown:
            shown = task.group
            print(f"{shown}:")
        print(f"  {task.name:<18}{task.title}; scored by {', '.join(task.metrics)}")
