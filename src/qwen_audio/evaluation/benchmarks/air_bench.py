"""AIR-Bench: questions with options about nineteen tasks, and open questions that a judge rates."""

from pathlib import Path

from qwen_audio.errors import EvaluationError, unknown_name
from qwen_audio.evaluation.benchmarks.files import first_file, inside, json_rows
from qwen_audio.evaluation.benchmarks.records import Sample

FOUNDATION = {
    "speech": (
        "Speech_Grounding",
        "Spoken_Language_Identification",
        "Speaker_Gender_Recognition",
        "Speaker_Emotion_Recontion",
        "Speaker_Age_Prediction",
        "Speech_Entity_Reconition",
        "Speaker_Intent_Classification",
        "Speaker_Number_Verification",
        "Synthesized_Voice_Detection",
    ),
    "sound": (
        "Audio_Grounding",
        "vocal_sound_classification",
        "Acoustic_Scene_Classification",
        "Sound_AQA",
    ),
    "music": (
        "Music_Instruments_Classfication",
        "Music_Genre_Recognition",
        "Music_Midi_Pitch_Analysis",
        "Music_Midi_Velocity_Analysis",
        "Music_AQA",
        "Music_Mood_Recognition",
    ),
}
"""The tasks of each domain, spelled as the corpus does."""

CHAT = {
    "speech": ("speech",),
    "sound": ("sound",),
    "music": ("music",),
    "mixed": ("speech and sound", "speech and music"),
}
"""The groups of the open questions in each column of the published table."""

_CHAT_GROUPS = {
    "speech_QA": "speech",
    "speech_dialogue_QA": "speech",
    "sound_QA": "sound",
    "sound_generation_QA": "sound",
    "music_QA": "music",
    "music_generation_analysis_QA": "music",
    "speech_and_sound_QA": "speech and sound",
    "speech_and_music_QA": "speech and music",
}
_TASKS = {task for tasks in FOUNDATION.values() for task in tasks}


def foundation(home: Path) -> list[Sample]:
    """Return the questions with options: `Foundation_meta.json`, clips in `TASK_DATASET/`."""
    samples = []
    for row in json_rows(first_file(home, ("Foundation_meta.json",))):
        task = row["task_name"]
        _check(task, _TASKS)
        name = f"{task}_{row['dataset_name']}/{row['path']}"
        if task == "Audio_Grounding":  # listed as .wav, shipped as .flac
            name = str(Path(name).with_suffix(".flac"))
        options = (row.get(f"choice_{letter}") for letter in "abcd")
        samples.append(
            Sample(
                key=f"{task}/{row['dataset_name']}/{row['uniq_id']}",
                audio=inside(home, name),
                references=(row["answer_gt"],),
                question=row["question"],
                choices=tuple(str(option) for option in options if option is not None),
                part=task,
            )
        )
    return samples


def chat(home: Path) -> list[Sample]:
    """Return the open questions: `Chat_meta.json`, clips in `TASK_DATASET/`."""
    samples = []
    for row in json_rows(first_file(home, ("Chat_meta.json",))):
        task = row["task_name"]
        _check(task, _CHAT_GROUPS)
        samples.append(
            Sample(
                key=f"{task}/{row['dataset_name']}/{row['uniq_id']}",
                audio=inside(home, f"{task}_{row['dataset_name']}/{row['path']}"),
                references=(row["answer_gt"],),
                question=row["question"],
                description=str(row["meta_info"]),
                part=_CHAT_GROUPS[task],
            )
        )
    return samples


def _check(task: str, known: set[str] | dict[str, str]) -> None:
    if task not in known:
        raise EvaluationError(unknown_name("task of AIR-Bench", task, known))
