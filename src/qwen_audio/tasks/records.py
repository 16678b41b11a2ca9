"""What a task is: the tags that ask for it, the text that answers, and people's words for both."""

from collections.abc import Callable
from dataclasses import dataclass

from qwen_audio.tasks.labels import Labels
from qwen_audio.text.vocab import AUDIO_SLOT

Labelled = Callable[[Labels], str | None]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One thing to do with a clip.

    `render` and `parse` are inverses: `parse(target)`, joined with what the tags before it say (the
    languages), renders as `target` again.

    Attributes:
        name: The paper's short name, such as "ASR".
        group: "speech", "sound" or "music".
        title: The name in words.
        tags: Gives the tags after the audio, for labels that `render` accepts.
        render: Gives the target text, or `None` where the labels do not allow the task.
        parse: Gives the labels that a target, or a model's reply, states.
        say: Gives what stands for `{answer}` in a sentence.
        prompts: Ways to ask in a chat; empty for tasks that have no place there.
        answers: Ways to answer in a chat, each with `{answer}`.
        metrics: How replies are scored.
    """

    name: str
    group: str
    title: str
    tags: Callable[[Labels], str]
    render: Labelled
    parse: Callable[[str], Labels]
    say: Labelled
    prompts: tuple[str, ...] = ()
    answers: tuple[str, ...] = ("{answer}",)
    metrics: tuple[str, ...] = ()

    def applies(self, labels: Labels) -> bool:
        """Return whether the labels allow this task."""
        return self.render(labels) is not None

    def prompt(self, labels: Labels) -> str:
        """Return the tagged prompt of a clip: an empty audio span, then the tags."""
        return AUDIO_SLOT + self.tags(labels)


def attribute_task(
    name: str, group: str, title: str, *, field: str, tags: Callable[[Labels], str], **words: object
) -> Task:
    """Return a task whose target is one label, as it is.

    Args:
        name: The task's short name.
        group: "speech", "sound" or "music".
        title: The name in words.
        field: The label's name in `Labels`.
        tags: Gives the tags.
        **words: `say`, `prompts`, `answers` and `metrics`, as in `Task`.
    """

    def render(labels: Labels) -> str | None:
        value = getattr(labels, field)
        return None if value is None else str(value)

    def parse(text: str) -> Labels:
        return Labels(**{field: text.strip() or None})

    words = {"say": render, "metrics": ("accuracy",)} | words
    return Task(name=name, group=group, title=title, tags=tags, render=render, parse=parse, **words)


def list_task(
    name: str, group: str, title: str, *, field: str, tags: Callable[[Labels], str], **words: object
) -> Task:
    """Return a task whose target is a list of names, separated by commas."""

    def render(labels: Labels) -> str | None:
        return ", ".join(getattr(labels, field)) or None

    def parse(text: str) -> Labels:
        return Labels(**{field: split_list(text)})

    words = {
        "say": lambda labels: spoken_list(getattr(labels, field)) or None,
        "metrics": ("accuracy", "mean average precision"),
    } | words
    return Task(name=name, group=group, title=title, tags=tags, render=render, parse=parse, **words)


def split_list(text: str) -> tuple[str, ...]:
    """Return the names in a list separated by commas.

    >>> split_list("rain, dog barking")
    ('rain', 'dog barking')
    """
    return tuple(name.strip() for name in text.split(",") if name.strip())


def spoken_list(names: tuple[str, ...]) -> str:
    """Return names as they stand in a sentence.

    >>> spoken_list(("rain", "wind", "thunder"))
    'rain, wind and thunder'
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def with_article(name: str) -> str:
    """Return a thing's name with "a" or "an", or alone if it is a plural.

    >>> with_article("oboe"), with_article("double bass"), with_article("sleigh bells")
    ('an oboe', 'a double bass', 'sleigh bells')
    """
    if name.endswith("s") and not name.endswith("ss"):
        return name
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
