"""Readers of sets of sounds, notes and short questions, each as its authors ship it."""

import re
from pathlib import Path

from qwen_audio.errors import EvaluationError
from qwen_audio.evaluation.benchmarks.files import (
    clip,
    column,
    first_file,
    json_file,
    json_rows,
    rows,
    split_lines,
)
from qwen_audio.evaluation.benchmarks.records import Sample
from qwen_audio.tasks.labels import Labels
from qwen_audio.tasks.music import note_target

VOCAL_SOUNDS = {
    "laughter": "laughter",
    "sigh": "sigh",
    "cough": "cough",
    "throatclearing": "throat clearing",
    "sneeze": "sneeze",
    "sniff": "sniff",
}
"""The six classes of VocalSound as its files spell them, and as people do."""

QUALITIES = (
    "bright",
    "dark",
    "distortion",
    "fast decay",
    "long release",
    "multiphonic",
    "nonlinear env",
    "percussive",
    "reverb",
    "tempo-synced",
)
"""The ten sonic qualities of NSynth."""

_CAPTIONS = 5


def clotho(home: Path) -> list[Sample]:
    """Return the evaluation split: five captions a clip, in `clotho_captions_evaluation.csv`."""
    name = "clotho_captions_evaluation.csv"
    table = first_file(home, (name, f"clotho_csv_files/{name}"))
    folder = _first_folder(
        home,
        (
            "evaluation",
            "clotho_audio_files/evaluation",
            "clotho_audio_evaluation/evaluation",
            "clotho_audio_evaluation",
        ),
    )
    return [
        Sample(
            key=row["file_name"],
            audio=clip(folder / row["file_name"]),
            references=tuple(
                column(row, f"caption_{number}", path=table) for number in range(1, _CAPTIONS + 1)
            ),
            part="evaluation",
        )
        for row in rows(table)
    ]


def clotho_aqa(home: Path) -> list[Sample]:
    """Return the test split: every answer of every annotator is a sample, as in the original."""
    table = first_file(home, ("clotho_aqa_test.csv",))
    folder = _first_folder(home, ("audio_files", "audio"))
    samples = []
    for row in rows(table):
        name, asked = row["file_name"], column(row, "QuestionText", path=table)
        samples.append(
            Sample(
                key=f"{name}/{asked}",
                audio=clip(folder / name),
                references=(column(row, "answer", path=table),),
                language="en",
                question=asked,
                part="test",
            )
        )
    return samples


def cochlscene(home: Path) -> list[Sample]:
    """Return the test split: `Test/SCENE/SCENE_*.wav`; the folder is the class."""
    return [
        Sample(key=path.name, audio=clip(path), references=(path.parent.name,), part="test")
        for path in sorted((home / "Test").glob("[!.]*/[!.]*.wav"))
    ]


def tut2017(home: Path) -> list[Sample]:
    """Return the evaluation set: a file and its scene a line, in `meta.txt`."""
    table = first_file(home, ("meta.txt", "evaluation_setup/evaluate.txt"))
    samples = []
    for name, rest in split_lines(table):
        scene = re.split(r"\t", rest)[0].strip()
        if not scene:
            raise EvaluationError(f"{table} names no scene for {name}; take the released key file")
        samples.append(
            Sample(key=name, audio=clip(home / name), references=(scene,), part="evaluation")
        )
    return samples


def vocalsound(home: Path) -> list[Sample]:
    """Return the test split: `datafiles/te.json`, and the clips in `audio_16k/`."""
    folder = _first_folder(home, ("audio_16k", "audio_44k", "data_44k", "audio"))
    table = first_file(home, ("datafiles/te.json", "te.json"))
    samples = []
    for row in json_rows(table, "data"):
        name = Path(row["wav"]).name
        # f0003_0_cough.wav: the class ends the name
        sound = VOCAL_SOUNDS.get(Path(name).stem.rpartition("_")[2])
        if sound is None:
            raise EvaluationError(f"{table} names {name}, whose last part is no class of the set")
        samples.append(
            Sample(
                key=name, audio=clip(folder / name), references=(sound,), language="en", part="test"
            )
        )
    return samples


def nsynth(home: Path) -> list[Sample]:
    """Return the test split: `examples.json`, and the notes in `audio/`."""
    table = first_file(home, ("examples.json",))
    content = json_file(table)
    if not isinstance(content, dict):
        raise EvaluationError(f"{table} is not a JSON object; give the file as NSynth ships it")
    samples = []
    for name, row in sorted(content.items()):
        note = Labels(
            pitch=row["pitch"],
            velocity=row["velocity"],
            instrument=(row["instrument_family_str"],),
            qualities=tuple(quality.replace("_", " ") for quality in row["qualities_str"]),
        )
        samples.append(
            Sample(
                key=name,
                audio=clip(home / "audio" / f"{name}.wav"),
                references=(note_target(note) or "",),
                part=row["instrument_family_str"],
            )
        )
    return samples


def esc50(home: Path) -> list[Sample]:
    """Return all five folds: `meta/esc50.csv` and `audio/`."""
    table = home / "meta" / "esc50.csv"
    return [
        Sample(
            key=row["filename"],
            audio=clip(home / "audio" / row["filename"]),
            references=(column(row, "category", path=table).replace("_", " "),),
            part=f"fold {row['fold']}",
        )
        for row in rows(table)
    ]


def _first_folder(home: Path, names: tuple[str, ...]) -> Path:
    folders = [home / name for name in names]
    return next((folder for folder in folders if folder.is_dir()), folders[0])
