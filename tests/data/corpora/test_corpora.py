"""Every public corpus, on a tiny imitation of the layout in which its authors ship it."""

import json

import numpy as np
import pytest
import soundfile

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.data.corpora.prepare import CORPORA, prepare
from qwen_audio.data.manifest import read_manifest
from qwen_audio.errors import DataError
from qwen_audio.tasks.labels import Labels, Question

_TABS = "\t".join
_NOTE = {
    "pitch": 60,
    "velocity": 100,
    "instrument_family_str": "synth_lead",
    "qualities_str": ["bright", "fast_decay"],
}
_MELD_HEAD = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID"
_CV_HEAD = ("client_id", "path", "sentence", "age", "gender", "locale")
_VOCAL = {"data": [{"wav": "/x/audio_16k/f0003_0_cough.wav", "labels": "/m/01b_21"}]}

# corpus -> (text files, audio files, split and labels of its first clip)
LAYOUTS = {
    "librispeech": (
        {
            "LibriSpeech/SPEAKERS.TXT": ";ID |SEX| SUBSET\n84   | F | dev-clean | 8.0 | A\n",
            "LibriSpeech/dev-clean/84/121/84-121.trans.txt": "84-121-0000 GO DO YOU HEAR\n",
        },
        ["LibriSpeech/dev-clean/84/121/84-121-0000.flac"],
        "dev-clean",
        Labels(language="en", text="go do you hear", speaker="84", gender="female"),
    ),
    "aishell1": (
        {"data_aishell/transcript/aishell_transcript_v0.8.txt": "BAC9 而 对 楼市\n"},
        ["data_aishell/wav/test/S0764/BAC9.wav"],
        "test",
        Labels(language="zh", text="而对楼市", speaker="S0764"),
    ),
    "aishell2": (
        {"iOS/test/trans.txt": "IT1\t你好\n", "iOS/test/wav.scp": "IT1\twav/D1/IT1.wav\n"},
        ["iOS/test/wav/D1/IT1.wav"],
        "test-ios",
        Labels(language="zh", text="你好", speaker="D1"),
    ),
    "common-voice": (
        {
            "zh-CN/test.tsv": _TABS(_CV_HEAD)
            + "\n"
            + _TABS(("abc", "common_voice_1.mp3", '你"好', "twenties", "male_masculine", "zh-CN"))
        },
        ["zh-CN/clips/common_voice_1.mp3"],
        "test",
        Labels(language="zh", text='你"好', speaker="abc", gender="male", age_group="young adult"),
    ),
    "covost2": (
        {
            "covost_v2.en_de.tsv": "path\ttranslation\tsplit\ncv1.mp3\tHallo\ttest\n",
            "validated.tsv": "path\tsentence\ncv1.mp3\tHello\n",
        },
        ["clips/cv1.mp3"],
        "en_de-test",
        Labels(language="en", text="Hello", translation="Hallo", translation_language="de"),
    ),
    "fleurs": (
        {"fr_fr/test.tsv": _TABS(("1", "12.wav", "Bonjour !", "bonjour", "b|o", "9", "FEMALE"))},
        ["fr_fr/audio/test/12.wav"],
        "test",
        Labels(language="fr", text="Bonjour !", gender="female"),
    ),
    "meld": (
        {
            f"{split}_sent_emo.csv": f'{_MELD_HEAD}\n1,"Oh, no!",Joey,joy,positive,0,3\n'
            for split in ("train", "dev", "test")
        },
        [
            "train_splits/dia0_utt3.mp4",
            "dev_splits_complete/dia0_utt3.mp4",
            "output_repeated_splits_test/dia0_utt3.mp4",
        ],
        "train",
        Labels(language="en", text="Oh, no!", speaker="Joey", emotion="happy"),
    ),
    "crema-d": (
        {"VideoDemographics.csv": "ActorID,Age,Sex,Race\n1001,51,Male,Caucasian\n"},
        ["AudioWAV/1001_DFA_ANG_XX.wav"],
        "train",
        Labels(
            language="en",
            text="Don't forget a jacket.",
            speaker="1001",
            gender="male",
            age=51,
            age_group="middle-aged adult",
            emotion="angry",
        ),
    ),
    "ravdess": (
        {},
        ["Actor_12/03-02-06-01-02-01-12.wav"],
        "train",
        Labels(language="en", speaker="12", gender="female", emotion="fearful", voice="song"),
    ),
    "voxceleb": (
        {"vox1_meta.csv": "VoxCeleb1 ID\tVGGFace1 ID\tGender\tSet\nid1\tA\tm\tdev"},
        ["wav/id1/1zcIwhmdeo4/00001.wav"],
        "dev",
        Labels(speaker="id1", gender="male"),
    ),
    "clotho": (
        {
            "clotho_captions_evaluation.csv": "file_name,caption_1,caption_2,caption_3,caption_4,"
            'caption_5\na.wav,"One, two",2,3,4,5\n'
        },
        ["evaluation/a.wav"],
        "evaluation",
        Labels(captions=("One, two", "2", "3", "4", "5"), caption_style="clotho"),
    ),
    "clotho-aqa": (
        {
            "clotho_aqa_test.csv": "file_name,QuestionText,answer,confidence\n"
            "a.wav,Is it loud?,no,yes\na.wav,Is it loud?,Yes,yes\na.wav,Is it loud?,yes,yes\n"
        },
        ["audio_files/a.wav"],
        "test",
        Labels(qa=(Question("Is it loud?", "yes"),)),
    ),
    "audiocaps": (
        {
            "test.csv": "audiocap_id,youtube_id,start_time,caption\n"
            "1,-abc,30,A dog barks\n2,-abc,30,Barking\n"
        },
        ["audio/-abc_30.wav"],
        "test",
        Labels(captions=("A dog barks", "Barking"), caption_style="audiocaps"),
    ),
    "cochlscene": (
        {},
        ["Test/CrowdedIndoor/CrowdedIndoor_user0001_1.wav"],
        "test",
        Labels(scene="crowded indoor"),
    ),
    "tut2017": (
        {"TUT-acoustic-scenes-2017-evaluation/meta.txt": "audio/1.wav\tgrocery_store\tb1\n"},
        ["TUT-acoustic-scenes-2017-evaluation/audio/1.wav"],
        "evaluation",
        Labels(scene="grocery store"),
    ),
    "vocalsound": (
        {f"datafiles/{part}.json": json.dumps(_VOCAL) for part in ("tr", "val", "te")},
        ["audio_16k/f0003_0_cough.wav"],
        "test",
        Labels(speaker="f0003", gender="female", sound=("coughing",), vocal_sound="coughing"),
    ),
    "esc50": (
        {"meta/esc50.csv": "filename,fold,target,category\n1-100032-A-0.wav,1,0,dog\n"},
        ["audio/1-100032-A-0.wav"],
        "fold1",
        Labels(sound=("dog barking",)),
    ),
    "urbansound8k": (
        {"metadata/UrbanSound8K.csv": "slice_file_name,fold,class\n1.wav,5,dog_bark\n"},
        ["audio/fold5/1.wav"],
        "fold5",
        Labels(sound=("dog barking",)),
    ),
    "nsynth": (
        {"nsynth-test/examples.json": json.dumps({"synth_000-060-100": _NOTE})},
        ["nsynth-test/audio/synth_000-060-100.wav"],
        "test",
        Labels(
            domain="music",
            instrument=("synth lead",),
            pitch=60,
            velocity=100,
            qualities=("bright", "fast decay"),
        ),
    ),
    "gtzan": (
        {},
        ["genres/hiphop/hiphop.00000.au"],
        "train",
        Labels(domain="music", genre="hip hop"),
    ),
    "musiccaps": (
        {
            "musiccaps-public.csv": "ytid,start_s,end_s,aspect_list,caption,is_audioset_eval\n"
            '-0Gj,30,40,"[\'slow\']","A slow, sad song.",True\n'
        },
        ["clips/[-0Gj]-[30-40].wav"],
        "eval",
        Labels(domain="music", captions=("A slow, sad song.",)),
    ),
}


def _build(folder, name):
    """Write a corpus of one clip of a quarter of a second."""
    texts, clips, *_ = LAYOUTS[name]
    for place, text in texts.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8")
    for place in clips:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        # mp4 and mp3 are read by their content: what is in them does not matter here
        kind = {".flac": "FLAC", ".mp3": "MP3", ".au": "AU"}.get((folder / place).suffix, "WAV")
        samples = np.zeros(SAMPLE_RATE // 4, np.float32)
        soundfile.write(str(folder / place), samples, SAMPLE_RATE, format=kind)


def test_every_corpus_has_an_imitation():
    assert set(LAYOUTS) == set(CORPORA)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_corpus_becomes_manifests(name, tmp_path):
    _build(tmp_path / "corpus", name)
    _, clips, split, labels = LAYOUTS[name]

    made = prepare(name, tmp_path / "corpus", tmp_path / "out")

    first = next(one for one in made if one.split == split)
    (record,) = read_manifest(first.path)
    assert record.labels == labels
    assert (record.dataset, record.split, record.licence) == (name, split, CORPORA[name].licence)
    assert record.duration_s == pytest.approx(0.25, abs=0.1)  # mp3 is padded
    assert record.audio.path.resolve() in {(tmp_path / "corpus" / c).resolve() for c in clips}
    assert record.audio.load().duration_s == pytest.approx(record.duration_s, abs=0.01)


@pytest.mark.parametrize("name", LAYOUTS)
def test_another_folder_is_refused_in_one_sentence(name, tmp_path):
    with pytest.raises(DataError, match="archive"):
        prepare(name, tmp_path, tmp_path / "out")


def test_a_few_missing_clips_are_left_out_and_told_of(tmp_path):
    _build(tmp_path, "esc50")
    listed = tmp_path / "meta/esc50.csv"
    listed.write_text(listed.read_text() + "2-1-A-0.wav,1,0,rain\n")

    (made,) = prepare("esc50", tmp_path, tmp_path / "out", max_missing_share=0.5)

    assert made.clips == 1
    assert made.left_out[0].startswith("2-1-A-0: no file")
    with pytest.raises(DataError, match="1 of 2 clips of ESC-50, fold1, are missing"):
        prepare("esc50", tmp_path, tmp_path / "out")


def test_what_is_no_audio_is_left_out(tmp_path):
    _build(tmp_path, "esc50")
    (tmp_path / LAYOUTS["esc50"][1][0]).write_bytes(b"not a sound")

    with pytest.raises(DataError, match="is no audio"):
        prepare("esc50", tmp_path, tmp_path / "out")


def test_an_unknown_corpus_names_the_closest(tmp_path):
    with pytest.raises(DataError, match="did you mean 'librispeech'"):
        prepare("librispech", tmp_path, tmp_path)
