"""Corpora of words as they are spoken: transcripts, translations, speakers, emotions."""

import re
from collections.abc import Iterator
from pathlib import Path

from qwen_audio.data.corpora.found import Corpus, Found, cell, lists, pairs, table
from qwen_audio.text.vocab import LANGUAGES

_SPLITS = ("train", "dev", "test")
_AGES = {
    "teens": "teenager",
    "twenties": "young adult",
    "thirties": "young adult",
    "fourties": "middle-aged adult",
    "forties": "middle-aged adult",
    "fifties": "middle-aged adult",
    "sixties": "senior",
    "seventies": "senior",
    "eighties": "senior",
    "nineties": "senior",
}
_CREMA_SENTENCES = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
_CREMA_EMOTIONS = {
    "ANG": "angry",
    "DIS": "disgusted",
    "FEA": "fearful",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
_RAVDESS_EMOTIONS = (
    *("neutral", "calm", "happy", "sad", "angry", "fearful", "disgusted", "surprised"),
)
_RAVDESS_SENTENCES = ("Kids are talking by the door.", "Dogs are sitting by the door.")
_RAVDESS_PARTS = 7  # numbers in a file's name
_MELD_FOLDERS = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}


def librispeech(folder: Path) -> Iterator[Found]:
    """Yield LibriSpeech: `SUBSET/SPEAKER/CHAPTER/ID.flac`, texts in `*.trans.txt`."""
    genders = {}
    for path in sorted(folder.rglob("SPEAKERS.TXT"))[:1]:
        for line in path.read_text(encoding="utf-8").splitlines():
            parts = [part.strip() for part in line.split("|")]
            if not line.startswith(";") and len(parts) > 1:
                genders[parts[0]] = parts[1]
    for path in lists(folder, "*.trans.txt"):
        speaker = path.parent.parent.name
        gender = {"gender": genders[speaker]} if speaker in genders else {}
        for key, text in pairs(path):
            labels = {"language": "en", "text": text.lower(), "speaker": speaker} | gender
            audio, split = path.parent / f"{key}.flac", path.parent.parent.parent.name
            yield Found(path=audio, key=key, split=split, labels=labels)


def aishell1(folder: Path) -> Iterator[Found]:
    """Yield AISHELL-1: `wav/SPLIT/SPEAKER/ID.wav`, texts in `transcript/*.txt`."""
    listed = lists(folder, "aishell_transcript_v*.txt")[0]
    texts = {key: text.replace(" ", "") for key, text in pairs(listed)}
    for audio in lists(listed.parent.parent / "wav", "*.wav"):
        if audio.stem in texts:  # a few clips have no text
            labels = {"language": "zh", "text": texts[audio.stem], "speaker": audio.parent.name}
            split = audio.parent.parent.name
            yield Found(path=audio, key=audio.stem, split=split, labels=labels)


def aishell2(folder: Path) -> Iterator[Found]:
    """Yield AISHELL-2: lists `wav.scp` and `trans.txt` side by side, one folder a device."""
    for listed in lists(folder, "trans.txt"):
        texts = dict(pairs(listed))
        place = listed.parent
        parts = [part.lower() for part in place.relative_to(folder).parts]
        part = next((name for name in ("dev", "test") if name in parts), "train")
        device = next((d for d in ("ios", "android", "mic") if d in parts), "")
        for key, wav in pairs(place / "wav.scp"):
            if key in texts:
                audio = place / wav
                labels = {"language": "zh", "text": texts[key], "speaker": audio.parent.name}
                split = "-".join(filter(None, (part, device)))
                yield Found(path=audio, key=f"{split}/{key}", split=split, labels=labels)


def common_voice(folder: Path) -> Iterator[Found]:
    """Yield Common Voice: `LANGUAGE/{train,dev,test}.tsv` and `LANGUAGE/clips/*.mp3`."""
    paths = [path for split in _SPLITS for path in sorted(folder.rglob(f"{split}.tsv"))]
    for path in paths or lists(folder, "train.tsv"):
        for row in table(path, tabs=True):
            name = cell(row, "path", path=path)
            labels = {
                "language": language_of(row.get("locale") or path.parent.name),
                "text": cell(row, "sentence", path=path),
                "speaker": row.get("client_id", "")[:16],
                "gender": _gender(row.get("gender", "")),
                "age_group": _AGES.get(row.get("age", "")),
            }
            audio = path.parent / "clips" / (name if "." in name else f"{name}.mp3")
            yield Found(path=audio, key=Path(name).stem, split=path.stem, labels=labels)


def covost2(folder: Path) -> Iterator[Found]:
    """Yield CoVoST 2: `covost_v2.SOURCE_TARGET[.SPLIT].tsv` beside Common Voice's `clips`.

    The lists as shipped hold translations and splits only; the sentences are in `validated.tsv`.
    """
    for path in lists(folder, "covost_v2.*.tsv"):
        source, target = path.name.split(".")[1].split("_", 1)
        split = path.name.split(".")[2] if path.name.count(".") > 2 else ""
        sentences = _validated(path.parent / "validated.tsv")
        for row in table(path, tabs=True):
            name = cell(row, "path", path=path)
            labels = {
                "language": language_of(source),
                "text": row.get("sentence") or sentences.get(name, ""),
                "translation": cell(row, "translation", path=path),
                "translation_language": language_of(target),
            }
            audio = path.parent / "clips" / (name if "." in name else f"{name}.mp3")
            key = f"{source}_{target}/{Path(name).stem}"
            part = split or cell(row, "split", path=path)
            yield Found(path=audio, key=key, split=f"{source}_{target}-{part}", labels=labels)


def fleurs(folder: Path) -> Iterator[Found]:
    """Yield FLEURS: `LANGUAGE/SPLIT.tsv` without a head, audio in `LANGUAGE/audio/SPLIT`."""
    head = ("id", "file", "raw", "text", "characters", "samples", "gender")
    paths = [path for split in _SPLITS for path in sorted(folder.rglob(f"{split}.tsv"))]
    for path in paths or lists(folder, "train.tsv"):
        place = path.parent
        for row in table(path, tabs=True, head=head):
            labels = {
                "language": language_of(place.name),
                "text": row["raw"],
                "gender": _gender(row["gender"]),
            }
            audio, key = place / "audio" / path.stem / row["file"], f"{place.name}/{row['file']}"
            yield Found(path=audio, key=Path(key).with_suffix("").as_posix(), split=path.stem,
                        labels=labels)  # fmt: skip


def meld(folder: Path) -> Iterator[Found]:
    """Yield MELD: `SPLIT_sent_emo.csv`, the videos of a split in a folder of its own."""
    for split, place in _MELD_FOLDERS.items():
        path = lists(folder, f"{split}_sent_emo.csv")[0]
        videos = next(iter(sorted(folder.rglob(place))), folder / place)
        for row in table(path):
            key = "dia{}_utt{}".format(
                cell(row, "Dialogue_ID", path=path), cell(row, "Utterance_ID", path=path)
            )
            labels = {
                "language": "en",
                "text": cell(row, "Utterance", path=path).replace("\x92", "'"),
                "emotion": cell(row, "Emotion", path=path),
                "speaker": cell(row, "Speaker", path=path),
            }
            yield Found(path=videos / f"{key}.mp4", key=key, split=split, labels=labels)


def crema_d(folder: Path) -> Iterator[Found]:
    """Yield CREMA-D: `AudioWAV/ACTOR_SENTENCE_EMOTION_LEVEL.wav`, actors in a table."""
    listed = lists(folder, "VideoDemographics.csv")[0]
    actors = {row["ActorID"]: row for row in table(listed)}
    for audio in lists(listed.parent / "AudioWAV", "*.wav"):
        actor, sentence, emotion, _ = audio.stem.split("_")
        labels = {
            "language": "en",
            "text": _CREMA_SENTENCES[sentence],
            "emotion": _CREMA_EMOTIONS[emotion],
            "speaker": actor,
        }
        if actor in actors:
            labels |= {"gender": _gender(actors[actor]["Sex"]), "age": actors[actor]["Age"]}
        yield Found(path=audio, key=audio.stem, split="train", labels=labels)


def ravdess(folder: Path) -> Iterator[Found]:
    """Yield RAVDESS: `Actor_NN/MODALITY-VOICE-EMOTION-…-STATEMENT-…-ACTOR.wav`."""
    for audio in lists(folder, "*.wav"):
        numbers = [int(part) for part in re.findall(r"\d+", audio.stem)]
        if len(numbers) != _RAVDESS_PARTS:
            continue
        _, voice, emotion, _, statement, _, actor = numbers
        labels = {
            "dataset": "ravdess",
            "language": "en",
            "voice": "song" if voice == 2 else "speech",
            "emotion": _RAVDESS_EMOTIONS[emotion - 1],
            "text": _RAVDESS_SENTENCES[statement - 1],
            "speaker": f"{actor:02d}",
            "gender": "male" if actor % 2 else "female",
        }
        yield Found(path=audio, key=audio.stem, split="train", labels=labels)


def voxceleb(folder: Path) -> Iterator[Found]:
    """Yield VoxCeleb 1 or 2: `…/idNNNNN/VIDEO/NNNNN.{wav,m4a}`, people in `vox*_meta.csv`."""
    people = {}
    for path in sorted(folder.rglob("vox*_meta.csv")):
        for row in table(path, tabs=True):
            named = [value for name, value in row.items() if name.endswith("ID")]
            gender = next((value for name, value in row.items() if name.startswith("Gender")), "")
            people |= {one.strip(): gender.strip() for one in named if one.startswith("id")}
    found = [p for suffix in ("*.wav", "*.m4a", "*.aac") for p in sorted(folder.rglob(suffix))]
    for audio in found or lists(folder, "*.wav"):
        speaker, video = audio.parent.parent.name, audio.parent.name
        labels = {"speaker": speaker, "gender": _gender(people.get(speaker, ""))}
        split = next((p for p in audio.parts[::-1] if p in ("dev", "test")), "dev")
        key = f"{speaker}/{video}/{audio.stem}"
        yield Found(path=audio, key=key, split=split, labels=labels)


def language_of(code: str) -> str:
    """Return the vocabulary's code of a language, or the code itself where it has none.

    >>> language_of("zh-CN"), language_of("cmn_hans_cn"), language_of("en_us"), language_of("pl")
    ('zh', 'zh', 'en', 'pl')
    """
    first = re.split(r"[-_]", code.strip())[0].lower()
    first = {"cmn": "zh"}.get(first, first)
    return first if first in LANGUAGES else code


def _gender(text: str) -> str | None:
    """Return "male" or "female", or nothing for any other word."""
    first = text.strip().lower().partition("_")[0]
    names = {"m": "male", "male": "male", "f": "female", "female": "female"}
    return names.get(first)


def _validated(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    return {row["path"]: row["sentence"] for row in table(path, tabs=True)}


CORPORA = (
    Corpus(name="librispeech", title="LibriSpeech", read=librispeech, licence="CC-BY-4.0"),
    Corpus(name="aishell1", title="AISHELL-1", read=aishell1, licence="Apache-2.0"),
    Corpus(name="aishell2", title="AISHELL-2", read=aishell2),
    Corpus(name="common-voice", title="Common Voice", read=common_voice, licence="CC0-1.0"),
    Corpus(name="covost2", title="CoVoST 2", read=covost2, licence="CC0-1.0"),
    Corpus(name="fleurs", title="FLEURS", read=fleurs, licence="CC-BY-4.0"),
    Corpus(name="meld", title="MELD", read=meld, licence="GPL-3.0"),
    Corpus(name="crema-d", title="CREMA-D", read=crema_d, licence="ODbL-1.0"),
    Corpus(name="ravdess", title="RAVDESS", read=ravdess, licence="CC-BY-NC-SA-4.0"),
    Corpus(name="voxceleb", title="VoxCeleb 1 and 2", read=voxceleb, licence="CC-BY-4.0"),
)
