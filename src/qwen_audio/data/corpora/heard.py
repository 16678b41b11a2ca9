"""Corpora of sounds and music: events, scenes, captions, questions, notes, genres."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from qwen_audio.data.corpora.found import (
    Corpus,
    Found,
    cell,
    first_there,
    json_object,
    lists,
    pairs,
    table,
)

_CLOTHO = ("development", "validation", "evaluation")
_VOCAL_SOUNDS = {
    "laughter": "laughter",
    "sigh": "sighing",
    "cough": "coughing",
    "throatclearing": "throat clearing",
    "sneeze": "sneezing",
    "sniff": "sniffing",
}
_VOCAL_SPLITS = {"tr": "train", "val": "val", "te": "test"}
_AUDIO = (".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus")


def clotho(folder: Path) -> Iterator[Found]:
    """Yield Clotho: `clotho_captions_SPLIT.csv` with five captions, audio in a folder a split."""
    paths = {split: sorted(folder.rglob(f"clotho_captions_{split}.csv")) for split in _CLOTHO}
    if not any(paths.values()):
        lists(folder, "clotho_captions_*.csv")
    for split, (path, *_) in ((split, found) for split, found in paths.items() if found):
        home = path.parent
        place = first_there((home / split, home / f"clotho_audio_{split}" / split,
                             home / "clotho_audio_files" / split))  # fmt: skip
        for row in table(path):
            name = cell(row, "file_name", path=path)
            captions = [cell(row, f"caption_{n}", path=path) for n in range(1, 6)]
            labels = {"captions": captions, "caption_style": "clotho"}
            yield Found(path=place / name, key=name, split=split, labels=labels)


def clotho_aqa(folder: Path) -> Iterator[Found]:
    """Yield ClothoAQA: `clotho_aqa_SPLIT.csv`, three answers a question; the most common counts."""
    for path in lists(folder, "clotho_aqa_*.csv"):
        asked: dict[str, dict[str, Counter]] = defaultdict(lambda: defaultdict(Counter))
        for row in table(path):
            question = cell(row, "QuestionText", path=path)
            answer = cell(row, "answer", path=path).lower()
            asked[cell(row, "file_name", path=path)][question][answer] += 1
        for name, questions in asked.items():
            qa = [[q, answers.most_common(1)[0][0]] for q, answers in questions.items()]
            place = first_there((path.parent / "audio_files", path.parent))
            split = path.stem.removeprefix("clotho_aqa_")
            yield Found(path=place / name, key=name, split=split, labels={"qa": qa})


def audiocaps(folder: Path) -> Iterator[Found]:
    """Yield AudioCaps: `SPLIT.csv`; the clips, which have to be fetched, by their YouTube id."""
    files = _by_stem(folder)
    for split in ("train", "val", "test"):
        path = folder / f"{split}.csv"
        captions: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in table(path) if path.is_file() else ():
            clip = cell(row, "youtube_id", path=path), cell(row, "start_time", path=path)
            captions[clip].append(cell(row, "caption", path=path))
        for (video, start), texts in captions.items():
            names = (f"{video}_{start}", f"{video}_{start}000", video, f"Y{video}")
            audio = next((files[n] for n in names if n in files), folder / f"{names[0]}.wav")
            labels = {"captions": texts, "caption_style": "audiocaps"}
            yield Found(path=audio, key=f"{video}_{start}", split=split, labels=labels)
    if not (folder / "train.csv").is_file() and not (folder / "test.csv").is_file():
        lists(folder, "train.csv")


def cochlscene(folder: Path) -> Iterator[Found]:
    """Yield CochlScene: `{Train,Val,Test}/Scene/*.wav`."""
    for audio in lists(folder, "*.wav"):
        scene = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", audio.parent.name).replace("_", " ").lower()
        split = audio.parent.parent.name.lower()
        yield Found(path=audio, key=audio.stem, split=split, labels={"scene": scene})


def tut2017(folder: Path) -> Iterator[Found]:
    """Yield TUT Acoustic Scenes 2017: a `meta.txt` in the development and evaluation folders."""
    for path in lists(folder, "meta.txt"):
        split = "evaluation" if "evaluation" in path.parent.name else "development"
        for name, rest in pairs(path):
            scene = rest.split("\t")[0].replace("_", " ").replace("/", " ").strip()
            labels = {"scene": scene}
            yield Found(path=path.parent / name, key=Path(name).stem, split=split, labels=labels)


def vocalsound(folder: Path) -> Iterator[Found]:
    """Yield VocalSound: `audio_16k/SPEAKER_N_SOUND.wav`, splits in `datafiles/{tr,val,te}.json`."""
    for path in lists(folder, "te.json") + lists(folder, "tr.json") + lists(folder, "val.json"):
        place = first_there(path.parent.parent / n for n in ("audio_16k", "audio_44k", "data"))
        for row in json_object(path).get("data", ()):
            name = Path(row["wav"]).name
            speaker, _, sound = Path(name).stem.split("_", 2)
            labels = {
                "sound": [_VOCAL_SOUNDS[sound]],
                "speaker": speaker,
                "gender": {"f": "female", "m": "male"}.get(speaker[:1]),
            }
            split = _VOCAL_SPLITS[path.stem]
            yield Found(path=place / name, key=Path(name).stem, split=split, labels=labels)


def esc50(folder: Path) -> Iterator[Found]:
    """Yield ESC-50: `meta/esc50.csv` and `audio/*.wav`; its five folds are its splits."""
    path = lists(folder, "esc50.csv")[0]
    for row in table(path):
        name = cell(row, "filename", path=path)
        labels = {"sound": [cell(row, "category", path=path).replace("_", " ")]}
        audio, split = path.parent.parent / "audio" / name, f"fold{cell(row, 'fold', path=path)}"
        yield Found(path=audio, key=Path(name).stem, split=split, labels=labels)


def urbansound8k(folder: Path) -> Iterator[Found]:
    """Yield UrbanSound8K: `metadata/UrbanSound8K.csv` and `audio/foldN/*.wav`."""
    path = lists(folder, "UrbanSound8K.csv")[0]
    for row in table(path):
        name, fold = cell(row, "slice_file_name", path=path), f"fold{cell(row, 'fold', path=path)}"
        labels = {"sound": [cell(row, "class", path=path).replace("_", " ")]}
        audio = path.parent.parent / "audio" / fold / name
        yield Found(path=audio, key=Path(name).stem, split=fold, labels=labels)


def nsynth(folder: Path) -> Iterator[Found]:
    """Yield NSynth: `nsynth-SPLIT/examples.json` and `nsynth-SPLIT/audio/*.wav`."""
    for path in lists(folder, "examples.json"):
        split = path.parent.name.removeprefix("nsynth-")
        for key, row in json_object(path).items():
            labels = {
                "domain": "music",
                "pitch": row["pitch"],
                "velocity": row["velocity"],
                "instrument": [row["instrument_family_str"].replace("_", " ")],
                "qualities": row.get("qualities_str", []),
            }
            audio = path.parent / "audio" / f"{key}.wav"
            yield Found(path=audio, key=key, split=split, labels=labels)


def gtzan(folder: Path) -> Iterator[Found]:
    """Yield GTZAN: a folder a genre, `GENRE/GENRE.NNNNN.{au,wav}`."""
    found = sorted(folder.rglob("*.au")) or lists(folder, "*.wav")
    for audio in found:
        genre = audio.parent.name
        if audio.stem.startswith(f"{genre}."):
            labels = {"domain": "music", "genre": {"hiphop": "hip hop"}.get(genre, genre)}
            yield Found(path=audio, key=audio.stem, split="train", labels=labels)


def musiccaps(folder: Path) -> Iterator[Found]:
    """Yield MusicCaps: `musiccaps-public.csv`; clips, which have to be fetched, by YouTube id."""
    path = lists(folder, "musiccaps-public.csv")[0]
    files = _by_stem(folder)
    for row in table(path):
        video, start = cell(row, "ytid", path=path), cell(row, "start_s", path=path)
        end = cell(row, "end_s", path=path)
        names = (f"[{video}]-[{start}-{end}]", f"{video}_{start}_{end}", f"{video}_{start}", video)
        audio = next((files[n] for n in names if n in files), folder / f"{video}.wav")
        labels = {"domain": "music", "captions": [cell(row, "caption", path=path)]}
        is_eval = cell(row, "is_audioset_eval", path=path).lower() == "true"
        split = "eval" if is_eval else "train"
        yield Found(path=audio, key=f"{video}_{start}", split=split, labels=labels)


def _by_stem(folder: Path) -> dict[str, Path]:
    """Return every audio file below a folder by its name without the ending."""
    paths = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in _AUDIO)
    return {path.name.removesuffix(path.suffix): path for path in paths}


CORPORA = (
    Corpus(name="clotho", title="Clotho", read=clotho),
    Corpus(name="clotho-aqa", title="ClothoAQA", read=clotho_aqa, licence="MIT"),
    Corpus(name="audiocaps", title="AudioCaps", read=audiocaps),
    Corpus(name="cochlscene", title="CochlScene", read=cochlscene),
    Corpus(name="tut2017", title="TUT Acoustic Scenes 2017", read=tut2017),
    Corpus(name="vocalsound", title="VocalSound", read=vocalsound, licence="CC-BY-SA-4.0"),
    Corpus(name="esc50", title="ESC-50", read=esc50, licence="CC-BY-NC-3.0"),
    Corpus(name="urbansound8k", title="UrbanSound8K", read=urbansound8k, licence="CC-BY-NC-3.0"),
    Corpus(name="nsynth", title="NSynth", read=nsynth, licence="CC-BY-4.0"),
    Corpus(name="gtzan", title="GTZAN", read=gtzan),
    Corpus(name="musiccaps", title="MusicCaps", read=musiccaps, licence="CC-BY-SA-4.0"),
)
