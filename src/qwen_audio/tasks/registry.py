"""Every task by name, and which of them a clip's labels allow."""

import dataclasses
import random
from collections.abc import Mapping
from types import MappingProxyType

from qwen_audio.errors import DataError, unknown_name
from qwen_audio.tasks import music, sound, speakers, speech
from qwen_audio.tasks.labels import Edit, Labels, words_said_once
from qwen_audio.tasks.records import Task

TASKS: Mapping[str, Task] = MappingProxyType(
    {task.name: task for module in (speech, speakers, sound, music) for task in module.TASKS}
)


def find_task(name: str) -> Task:
    """Return a task by name.

    Raises:
        DataError: There is no such task.
    """
    if name not in TASKS:
        raise DataError(unknown_name("task", name, TASKS))
    return TASKS[name]


def applicable(labels: Labels) -> tuple[Task, ...]:
    """Return every task that the labels allow, in the order of the tables.

    >>> [task.name for task in applicable(Labels(language="en", gender="female"))]
    ['LID', 'SGC']
    """
    return tuple(task for task in TASKS.values() if task.applies(labels))


def narrowed(labels: Labels, rng: random.Random) -> Labels:
    """Return labels with one caption, one question, one phrase to ground and one word to edit.

    Tasks read the first of each; a clip with several gives another example every time.
    """
    changes: dict[str, object] = {}
    if len(labels.captions) > 1:
        changes["captions"] = (rng.choice(labels.captions),)
    if len(labels.qa) > 1:
        changes["qa"] = (rng.choice(labels.qa),)
    if labels.events and labels.grounding is None:
        changes["grounding"] = rng.choice(labels.events).label
    once = words_said_once(labels.words)
    if labels.edit is None and len(once) >= 2:
        old, new = rng.sample(once, 2)
        changes["edit"] = Edit(old.text, new.text)
    return dataclasses.replace(labels, **changes)
