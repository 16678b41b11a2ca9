"""Readers of corpora of speech, each as its authors ship it."""

from pathlib import Path

from qwen_audio.errors import EvaluationError
from qwen_audio.evaluation.benchmarks.files import clip, column, first_file, rows, split_lines
from qwen_audio.evaluation.benchmarks.records import Reader, Sample

_MEDIA = (".wav", ".flac", ".mp4")
_MELD_AGAIN = "final_videos_test"
_MELD_FOLDERS = (
    "output_repeated_splits_test",
    "test/output_repeated_splits_test",
    "test",
    "audio/test",
    "audio",
)
_FLEURS_FILE, _FLEURS_TEXT = 1, 3  # columns of a table without a head


def librispeech(split: str) -> Reader:
    """Return what reads a split: `SPLIT/SPEAKER/CHAPTER/S-C.trans.txt` beside `S-C-NNNN.flac`."""

    def read(home: Path) -> list[Sample]:
        return [
            Sample(
                key=key,
                audio=clip(transcript.parent / f"{key}.flac"),
                references=(text,),
                language="en",
                part=split,
            )
            for transcript in sorted((home / split).glob("*/*/*.trans.txt"))
            for key, text in split_lines(transcript)
        ]

    return read


def aishell1(split: str) -> Reader:
    """Return what reads a split: `wav/SPLIT/SPEAKER/KEY.wav`, and one transcript for all."""

    def read(home: Path) -> list[Sample]:
        speakers = home / "wav" / split
        names = {path.name for path in speakers.iterdir()} if speakers.is_dir() else set()
        samples = []
        for key, text in split_lines(home / "transcript" / "aishell_transcript_v0.8.txt"):
            # BAC009S0724W0121: the speaker is S0724
            speaker = key[6:11]
            if speaker in names:
                audio = clip(speakers / speaker / f"{key}.wav")
                samples.append(
                    Sample(key=key, audio=audio, references=(text,), language="zh", part=split)
                )
        return samples

    return read


def aishell2(device: str) -> Reader:
    """Return what reads the test set of a device: `DEVICE/test/wav.scp` and `trans.txt`."""

    def read(home: Path) -> list[Sample]:
        folder = home / device / "test"
        texts = dict(split_lines(folder / "trans.txt"))
        return [
            Sample(
                key=key,
                audio=clip(folder / path),
                references=(texts[key],),
                language="zh",
                part=device,
            )
            for key, path in split_lines(folder / "wav.scp")
            if key in texts
        ]

    return read


def covost2(source: str, target: str) -> Reader:
    """Return what reads a direction's test split.

    The table is what CoVoST's own script makes, `covost_v2.SRC_TGT.test.tsv`; the clips are those
    of Common Voice 4, in `clips/` beside it or in a folder of the language.
    """
    code, other = (_common_voice_code(language) for language in (source, target))

    def read(home: Path) -> list[Sample]:
        name = f"covost_v2.{code}_{other}.test.tsv"
        table = first_file(home, (name, f"{code}/{name}", f"{code}_{other}/{name}"))
        near = (table.parent / "clips", home / code / "clips", home / "clips")
        clips = next((folder for folder in near if folder.is_dir()), near[0])
        return [
            Sample(
                key=row["path"],
                audio=clip(clips / row["path"]),
                references=(column(row, "translation", path=table),),
                language=source,
                target=target,
                part=f"{source}-{target}",
            )
            for row in rows(table, delimiter="\t")
        ]

    return read


def common_voice(language: str) -> Reader:
    """Return what reads a language's test split: `LANGUAGE/test.tsv` and `LANGUAGE/clips/`."""
    code = _common_voice_code(language)

    def read(home: Path) -> list[Sample]:
        folder = home / code if (home / code).is_dir() else home
        table = folder / "test.tsv"
        return [
            Sample(
                key=row["path"],
                audio=clip(folder / "clips" / row["path"]),
                references=(column(row, "sentence", path=table),),
                language=language,
                part=language,
            )
            for row in rows(table, delimiter="\t")
        ]

    return read


def fleurs(language: str, folder_name: str) -> Reader:
    """Return what reads a language's test split: `NAME/test.tsv` and `NAME/audio/test/`."""

    def read(home: Path) -> list[Sample]:
        folder = home / folder_name if (home / folder_name).is_dir() else home
        table = first_file(folder, ("test.tsv",))
        samples = []
        for line in table.read_text(encoding="utf-8").splitlines():
            cells = line.split("\t")
            if len(cells) <= _FLEURS_TEXT:
                raise EvaluationError(
                    f"{table} has a line of {len(cells)} columns; give the file as FLEURS ships it"
                )
            name = cells[_FLEURS_FILE]
            samples.append(
                Sample(
                    key=name,
                    audio=clip(folder / "audio" / "test" / name),
                    references=(cells[_FLEURS_TEXT],),
                    language=language,
                    part=language,
                )
            )
        return samples

    return read


def meld(home: Path) -> list[Sample]:
    """Return the test split: `test_sent_emo.csv`, and a video or its sound for each utterance.

    The archive of the test split has 132 clips twice. `final_videos_testdia3_utt0.mp4` is what the
    table speaks of; `dia3_utt0.mp4` beside it is another scene.
    """
    table = first_file(home, ("test_sent_emo.csv", "test/test_sent_emo.csv"))
    folders = [home / name for name in _MELD_FOLDERS]
    media = next((folder for folder in folders if folder.is_dir()), folders[0])
    samples = []
    for row in rows(table):
        key = f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"
        names = (f"{start}{key}{end}" for start in (_MELD_AGAIN, "") for end in _MEDIA)
        path = next((media / n for n in names if (media / n).is_file()), media / f"{key}.mp4")
        emotion = column(row, "Emotion", path=table)
        samples.append(
            Sample(key=key, audio=clip(path), references=(emotion,), language="en", part="test")
        )
    return samples


def _common_voice_code(language: str) -> str:
    return "zh-CN" if language == "zh" else language
