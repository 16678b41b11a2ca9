"""The table of speech tasks about the person: gender, age, emotion, dialect, vocal sounds."""

from qwen_audio.tasks import speech_targets as targets
from qwen_audio.tasks.forms import analysis_tags
from qwen_audio.tasks.labels import Labels
from qwen_audio.tasks.records import Task, attribute_task

EMOTION_PROMPTS = (
    "What is the emotion of the speaker?",
    "How does the speaker sound?",
    "How does the person feel?",
    "What's the mood of the person?",
    "What is the mood of the voice?",
    "Which emotion do you hear?",
    "Is the speaker happy, sad, angry or something else?",
    "Describe the emotion in the voice.",
    "What feeling does the voice express?",
    "How is the person feeling?",
    "Tell me the emotional state of the speaker.",
    "In what mood is this said?",
)
EMOTION_ANSWERS = (
    "The speaker sounds {answer}.",
    "The person sounds {answer}.",
    "The mood of the person is {answer}.",
    "Based on the voice, the mood of the person is {answer}.",
    "The emotion is {answer}.",
    "The voice sounds {answer}.",
    "I would say {answer}.",
    "{answer}.",
)


def say_gender(labels: Labels) -> str | None:
    """Return the speaker as a word: "man", "woman", or "boy", "girl" for a child."""
    if labels.gender is None:
        return None
    if labels.age_group == "child":
        return {"male": "boy", "female": "girl"}[labels.gender]
    return {"male": "man", "female": "woman"}[labels.gender]


def say_age_group(labels: Labels) -> str | None:
    """Return the age group with its article."""
    return labels.age_group and f"a {labels.age_group}"


TASKS: tuple[Task, ...] = (
    attribute_task(
        "SGC",
        "speech",
        "speaker gender recognition (biological)",
        field="gender",
        tags=analysis_tags("keyword", "speaker_meta", field="gender"),
        say=say_gender,
        prompts=(
            "Is the speaker a man or a woman?",
            "Is it a man or a woman speaking?",
            "Is this a male or a female voice?",
            "What is the gender of the speaker?",
            "Who is speaking, a man or a woman?",
            "Can you tell whether the voice is male or female?",
            "Do you hear a man or a woman?",
            "Tell me the speaker's gender.",
            "Does this voice belong to a man or a woman?",
            "Who is talking?",
            "Is the person male or female?",
        ),
        answers=(
            "The speaker is a {answer}.",
            "It is a {answer}.",
            "A {answer} is speaking.",
            "I hear a {answer}.",
            "This is the voice of a {answer}.",
            "The voice belongs to a {answer}.",
            "A {answer}.",
        ),
    ),
    attribute_task(
        "SAP",
        "speech",
        "speaker age prediction, group",
        field="age_group",
        tags=analysis_tags("keyword", "speaker_meta", field="age group"),
        say=say_age_group,
        prompts=(
            "Is the speaker a child or an adult?",
            "Which age group is the speaker in?",
            "Is this person young or old?",
            "Does a child or an adult speak?",
            "Do you hear a child, a teenager or an adult?",
            "What can you say about the speaker's age?",
            "Is it an adult who speaks?",
            "Guess the age group of this voice.",
        ),
        answers=(
            "The speaker is {answer}.",
            "It is {answer}.",
            "The voice sounds like {answer}.",
            "This is probably {answer}.",
            "I hear {answer}.",
        ),
    ),
    Task(
        name="SAP-years",
        group="speech",
        title="speaker age prediction, years",
        tags=analysis_tags("keyword", "speaker_meta", field="age"),
        render=targets.years_target,
        parse=targets.parse_years,
        say=targets.years_target,
        prompts=(
            "How old is the speaker?",
            "What is the age of the speaker?",
            "Guess how old this person is.",
            "How old does the voice sound?",
            "Estimate the speaker's age in years.",
            "What age would you give this voice?",
            "How many years old is the person, about?",
            "Can you guess the age of the person?",
        ),
        answers=(
            "The speaker is about {answer} years old.",
            "I would guess {answer} years.",
            "About {answer} years old.",
            "The person sounds about {answer} years old.",
            "Around {answer}.",
        ),
        metrics=("mean absolute error",),
    ),
    Task(
        name="ER",
        group="speech",
        title="emotion recognition",
        tags=analysis_tags("keyword", "emotion_recognition"),
        render=targets.emotion_of("speech"),
        parse=targets.parse_emotion_of("speech"),
        say=targets.emotion_of("speech"),
        prompts=EMOTION_PROMPTS,
        answers=EMOTION_ANSWERS,
        metrics=("accuracy",),
    ),
    attribute_task(
        "DID",
        "speech",
        "dialect identification",
        field="dialect",
        tags=analysis_tags("keyword", "speaker_meta", field="dialect"),
        prompts=("Which dialect is spoken?", "What is the dialect of the speaker?"),
        answers=("The dialect is {answer}.", "It is {answer}."),
    ),
    attribute_task(
        "VSC",
        "speech",
        "vocal sound classification",
        field="vocal_sound",
        tags=analysis_tags("keyword", "vocal_classification"),
        prompts=(
            "Which sound does the person make?",
            "What sound does the voice make?",
            "Which human sound is this?",
            "Is it laughing, crying, coughing, sneezing or sighing?",
            "Classify the vocal sound.",
            "What is the person doing, by the sound of it?",
        ),
        answers=(
            "The sound is {answer}.",
            "This is {answer}.",
            "I hear {answer}.",
            "It is {answer}.",
            "{answer}.",
        ),
    ),
)
