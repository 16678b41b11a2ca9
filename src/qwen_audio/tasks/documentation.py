"""Writes `docs/tasks.md`: every task with its tags, an example of its target, and its metrics."""

import itertools

from qwen_audio.tasks.labels import Edit, Entity, Event, Labels, Question, Word
from qwen_audio.tasks.records import Task
from qwen_audio.tasks.registry import TASKS
from qwen_audio.text.vocab import (
    ANSWER,
    AUDIO_SLOT,
    START_OF_TRANSCRIPT,
    UNKNOWN_LANGUAGE,
    tag,
)

# Labels that together show every task.
EXAMPLES: tuple[Labels, ...] = (
    Labels(
        language="en",
        text="Mr. Quilter is in London.",
        translation="Herr Quilter ist in London.",
        translation_language="de",
        words=(
            Word("Mr.", 0.54, 0.8),
            Word("Quilter", 0.86, 1.18),
            Word("is", 1.18, 1.38),
            Word("in", 1.38, 1.5),
            Word("London", 1.5, 2.05),
        ),
        overlapped=("good morning", "how are you"),
        same_speaker=False,
        turns=(Event("speaker 1", 0.0, 1.9), Event("speaker 2", 2.1, 4.0)),
        gender="male",
        age=34,
        age_group="young adult",
        emotion="happy",
        entities=(Entity("person", "Quilter"), Entity("place", "London")),
        keyword="hey computer",
        intent="orderDrink",
        slots=(("coffeeDrink", "mocha"), ("size", "large")),
        edit=Edit("London", "Paris"),
    ),
    Labels(
        language="zh",
        text="面条机",
        words=(Word("面条", 0.54, 1.16), Word("机", 1.16, 1.46)),
        dialect="Southwestern Mandarin",
    ),
    Labels(
        sound=("rain",),
        vocal_sound="coughing",
        events=(Event("dog barking", 0.5, 1.2), Event("car horn", 2.0, 3.1)),
        scene="street",
        captions=("A dog barks, then a car horn honks on a street.",),
        qa=(Question("Which sound comes first?", "dog barking", "first"),),
        audioset=("Dog", "Vehicle horn, car horn, honking"),
    ),
    Labels(captions=("A dog is barking in the rain",), caption_style="audiocaps"),
    Labels(captions=("A dog barks while rain falls on a roof.",), caption_style="clotho"),
    Labels(
        voice="song",
        emotion="sad",
        instrument=("piano", "flute"),
        pitch=60,
        velocity=100,
        qualities=("bright", "long release"),
        captions=("A slow waltz in C major played by a piano and a flute.",),
        qa=(Question("Is it fast or slow?", "slow", "tempo"),),
        genre="waltz",
        tempo=80,
        key="C major",
        chord="C major",
        singer="Enrico Caruso",
        title="O sole mio",
    ),
)

_HEAD = f"""\
# Tasks and their tags

*Written by `qwen_audio.tasks.documentation`; do not edit by hand.*

A prompt is a clip's place, `{AUDIO_SLOT}`, and tags in a fixed order: transcription or
analysis, the language of the audio (`{tag(UNKNOWN_LANGUAGE)}` where nobody speaks), the task,
the language of the text, with or without time stamps, and how to write the output. The model then
writes the target and ends the text. Tags share what tasks have in common, and keep apart what
would interfere.

- **Where the language is not known**, a prompt stops after its first tag: what the model writes
  next is the language. After `{START_OF_TRANSCRIPT}` it goes on by itself with the other
  tags and the words (ASR-LD); for any other task, read one tag, then give the prompt with it.
- **Where one instruction serves several tasks** (`{tag("speaker_meta")}`, `{tag("song_meta")}`),
  a word says which, and `{ANSWER}` ends the prompt.
- **Targets and labels are inverses**: `task.parse(task.render(labels))` gives back the labels that
  the task is about.
- **One clip, many examples**: `applicable(labels)` lists the tasks that a clip's labels allow;
  `build_dialogue` makes conversations of the same labels, in many wordings.
"""


def example_of(task: Task) -> Labels:
    """Return the first of the example labels that allow a task."""
    return next(labels for labels in EXAMPLES if task.applies(labels))


def tasks_page() -> str:
    """Return the page."""
    parts = [_HEAD]
    for group, tasks in itertools.groupby(TASKS.values(), key=lambda task: task.group):
        parts.append(f"## {group.capitalize()}\n")
        parts += [_section(task) for task in tasks]
    return "\n".join(parts)


def _section(task: Task) -> str:
    labels = example_of(task)
    wordings = task.prompts and f"{len(task.prompts)} wordings such as: {task.prompts[0]}"
    return (
        f"### {task.name}: {task.title}\n\n"
        f"- tags: `{task.tags(labels)}`\n"
        f"- target: `{task.render(labels)}`\n"
        f"- in a chat: {wordings or 'no question of its own'}\n"
        f"- scored by: {', '.join(task.metrics)}\n"
    )
