"""The table of sound tasks: captions, events, scenes, times, questions."""

from collections.abc import Callable

from qwen_audio.tasks.forms import (
    analysis_tags,
    parse_timed_items,
    parse_times,
    question_of,
    question_tags,
    spoken_spans,
    timed_items,
    times_of,
)
from qwen_audio.tasks.labels import Event, Labels, Question
from qwen_audio.tasks.records import (
    Task,
    attribute_task,
    list_task,
    split_list,
    spoken_list,
    with_article,
)

DESCRIBE_PROMPTS = (
    "Describe this audio.",
    "Describe what you hear.",
    "What do you hear?",
    "What is happening in this audio?",
    "What is going on here?",
    "Please describe the sound.",
    "Can you describe the recording in one sentence?",
    "Give me a caption for this clip.",
    "Tell me what happens in this clip.",
    "Summarize what can be heard.",
    "What is this a recording of?",
    "Listen and tell me what happens.",
)
SOUND_PROMPTS = (
    "What sound is this?",
    "Which sound do you hear?",
    "What is this sound?",
    "What makes this sound?",
    "Which sounds are in this clip?",
    "Can you recognize this sound?",
    "Name the sound.",
    "What am I hearing?",
    "Classify the sound.",
    "Which sound events occur?",
    "What kind of noise is that?",
    "Tell me which sound this is.",
)

# Sounds named by the thing that makes them: in a sentence they take an article.
_THINGS = frozenset(
    {
        "air conditioner",
        "airplane",
        "binaural tone",
        "car horn",
        "chainsaw",
        "clock alarm",
        "construction site",
        "door knock",
        "gunshot",
        "helicopter",
        "jackhammer",
        "laundry room",
        "mouse click",
        "rowing boat",
        "sailboat",
        "singing bowl",
        "siren",
        "slide projector",
        "submarine",
        "subway station",
        "train",
        "train ride",
        "tumble dryer",
        "typewriter",
        "vehicle",
        "washing machine",
        "waterfall",
    }
)


def spoken_sound(name: str) -> str:
    """Return a sound's name as it stands in a sentence.

    >>> spoken_sound("helicopter"), spoken_sound("rain")
    ('a helicopter', 'rain')
    """
    return with_article(name) if name in _THINGS else name


def caption_target(style: str) -> Callable[[Labels], str | None]:
    """Return what renders a caption of one style, for clips that are no music."""

    def render(labels: Labels) -> str | None:
        if labels.caption_style != style or labels.is_music or not labels.captions:
            return None
        return labels.captions[0]

    return render


def parse_caption(style: str) -> Callable[[str], Labels]:
    """Return what reads a caption of one style."""
    return lambda text: Labels(
        captions=(text.strip(),) if text.strip() else (), caption_style=style
    )


def _caption_task(name: str, style: str) -> Task:
    return Task(
        name=name,
        group="sound",
        title=f"automatic audio captioning, {style} style",
        tags=analysis_tags("caption", f"caption_{style}"),
        render=caption_target(style),
        parse=parse_caption(style),
        say=caption_target(style),
        prompts=DESCRIBE_PROMPTS,
        answers=("{answer}", "{answer}", "I hear this: {answer}"),
        metrics=("CIDEr", "SPICE", "SPIDEr"),
    )


def heard_target(labels: Labels) -> str | None:
    """Return every sound that is heard, in order of first time."""
    return None if labels.is_music else ", ".join(labels.heard) or None


def say_heard(labels: Labels) -> str | None:
    """Return every sound that is heard, as a sentence says it."""
    if labels.is_music:
        return None
    return spoken_list(tuple(map(spoken_sound, labels.heard))) or None


def grounding_target(labels: Labels) -> str | None:
    """Return the times at which the phrase asked for is heard."""
    return times_of(labels.events, labels.asked_phrase) if labels.asked_phrase else None


def _parse_grounding(text: str) -> Labels:
    phrase = "the phrase asked for"
    times = parse_times(text)
    return Labels(grounding=phrase, events=tuple(Event(phrase, *time) for time in times))


def question_target(labels: Labels) -> str | None:
    """Return the answer to the clip's first question."""
    return labels.qa[0].answer if labels.qa and not labels.is_music else None


def parse_answer(text: str) -> Labels:
    """Return the answer that a reply is; the question is not in it."""
    return Labels(qa=(Question("", text.strip()),) if text.strip() else ())


TASKS: tuple[Task, ...] = (
    _caption_task("AAC", "plain"),
    _caption_task("AAC-AudioCaps", "audiocaps"),
    _caption_task("AAC-Clotho", "clotho"),
    Task(
        name="SEC",
        group="sound",
        title="sound event classification",
        tags=analysis_tags("keyword", "event"),
        render=heard_target,
        parse=lambda text: Labels(sound=split_list(text)),
        say=say_heard,
        prompts=SOUND_PROMPTS,
        answers=(
            "The sound is {answer}.",
            "This is {answer}.",
            "I hear {answer}.",
            "It is {answer}.",
            "You can hear {answer}.",
            "This is the sound of {answer}.",
            "{answer}.",
        ),
        metrics=("accuracy", "mean average precision"),
    ),
    attribute_task(
        "ASC",
        "sound",
        "acoustic scene classification",
        field="scene",
        tags=analysis_tags("keyword", "scene"),
        prompts=(
            "Where was this recorded?",
            "Which place is this?",
            "In what kind of place was this recorded?",
            "What is the acoustic scene?",
            "Where are we?",
            "What does the background tell you about the place?",
            "Which environment do you hear?",
            "Guess the location from the sound.",
            "What is the setting of this recording?",
            "Classify the scene.",
        ),
        answers=(
            "The scene is: {answer}.",
            "It sounds like this place: {answer}.",
            "The place is: {answer}.",
            "This was recorded here: {answer}.",
            "{answer}.",
        ),
    ),
    Task(
        name="SED",
        group="sound",
        title="sound event detection with timestamps",
        tags=analysis_tags("keyword", "event", timestamps=True),
        render=lambda labels: timed_items(labels.events),
        parse=lambda text: Labels(events=parse_timed_items(text)),
        say=lambda labels: spoken_spans(labels.events),
        prompts=(
            "Which sounds are there, and when?",
            "List the sounds with their times.",
            "When does each sound start and end?",
            "Give the start and end time of each sound.",
            "What happens at which time?",
            "Detect the sound events with timestamps.",
        ),
        answers=("{answer}",),
        metrics=("event F1", "mean time error"),
    ),
    Task(
        name="AQA",
        group="sound",
        title="audio question answering",
        tags=question_tags(question_of),
        render=question_target,
        parse=parse_answer,
        say=lambda _labels: None,
        metrics=("accuracy",),
    ),
    Task(
        name="Audio grounding",
        group="sound",
        title="audio grounding: when is a phrase heard",
        tags=analysis_tags(
            "keyword",
            "audio_grounding",
            timestamps=True,
            field=lambda labels: labels.asked_phrase or "",
        ),
        render=grounding_target,
        parse=_parse_grounding,
        say=lambda _labels: None,
        metrics=("mean time error", "IoU"),
    ),
    list_task(
        "SEC-AudioSet",
        "sound",
        "sound event classification by the AudioSet ontology",
        field="audioset",
        tags=analysis_tags("keyword", "audioset_ontology"),
    ),
)
