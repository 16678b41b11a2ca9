"""Each corpus is read as its authors ship it: tiny imitations of the layouts."""

import json
from pathlib import Path

import pytest

from qwen_audio.data.manifest import AudioReference, Record, write_manifest
from qwen_audio.errors import EvaluationError
from qwen_audio.evaluation.benchmarks import mmau
from qwen_audio.evaluation.benchmarks.opening import samples_of, version_of, with_audio
from qwen_audio.evaluation.benchmarks.records import Sample
from qwen_audio.evaluation.benchmarks.registry import BENCHMARKS, find_benchmarks
from qwen_audio.tasks.labels import Labels, Question, Word

from .conftest import row, write_shard

NOWHERE = AudioReference(path=Path("a.wav"))


def put(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def read(name, folder):
    """Return the samples of a benchmark, whose audio has to be where the reader looks."""
    samples = samples_of(BENCHMARKS[name], folder)
    assert with_audio(BENCHMARKS[name], samples, is_partial=False) == (samples, [])
    return samples


def brief(samples):
    return [(s.audio.path.name, s.references, s.language) for s in samples]


def test_librispeech(tmp_path):
    chapter = tmp_path / "LibriSpeech" / "dev-other" / "116" / "288045"
    put(chapter / "116-288045.trans.txt", "116-288045-0000 AS I APPROACHED\n")
    put(chapter / "116-288045-0000.flac")

    found = read("librispeech-dev-other", tmp_path)

    assert brief(found) == [("116-288045-0000.flac", ("AS I APPROACHED",), "en")]


def test_aishell1(tmp_path):
    home = tmp_path / "data_aishell"
    lines = "BAC009S0002W0122 而 对\nBAC009S0764W0121 甚至 出现\n"
    put(home / "transcript" / "aishell_transcript_v0.8.txt", lines)
    put(home / "wav" / "test" / "S0764" / "BAC009S0764W0121.wav")

    assert brief(read("aishell1-test", tmp_path)) == [
        ("BAC009S0764W0121.wav", ("甚至 出现",), "zh")
    ]


def test_aishell2(tmp_path):
    folder = tmp_path / "AISHELL-DEV-TEST-SET" / "iOS" / "test"
    put(folder / "wav.scp", "IT0011W0001\twav/T0011/IT0011W0001.wav\n")
    put(folder / "trans.txt", "IT0011W0001\t换一首歌\n")
    put(folder / "wav" / "T0011" / "IT0011W0001.wav")

    assert brief(read("aishell2-ios", tmp_path)) == [("IT0011W0001.wav", ("换一首歌",), "zh")]


def test_covost2(tmp_path):
    home = tmp_path / "covost2"
    head = "path\tsentence\ttranslation\tclient_id\n"
    put(home / "covost_v2.zh-CN_en.test.tsv", f'{head}a.mp3\t你好\tHello "you\tx\n')
    put(home / "clips" / "a.mp3")

    (sample,) = read("covost2-zh-en", tmp_path)

    assert (sample.language, sample.target) == ("zh", "en")
    assert sample.references == ('Hello "you',)
    assert "<|zh|><|translate|><|en|>" in BENCHMARKS["covost2-zh-en"].tags(sample)


def test_common_voice_and_fleurs(tmp_path):
    put(tmp_path / "cv" / "de" / "test.tsv", "client_id\tpath\tsentence\nx\ta.mp3\tGuten Tag.\n")
    put(tmp_path / "cv" / "de" / "clips" / "a.mp3")
    line = "1\t123.wav\tGuten Tag.\tguten tag\tg u\t100\tMALE\n"
    put(tmp_path / "fleurs" / "de_de" / "test.tsv", line)
    put(tmp_path / "fleurs" / "de_de" / "audio" / "test" / "123.wav")

    assert brief(read("common-voice-de", tmp_path / "cv")) == [("a.mp3", ("Guten Tag.",), "de")]
    assert brief(read("fleurs-de", tmp_path)) == [("123.wav", ("guten tag",), "de")]


def test_meld(tmp_path):
    home = tmp_path / "MELD.Raw"
    head = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"
    put(home / "test_sent_emo.csv", f'{head}1,"Why, you",Mark,surprise,positive,0,1\n')
    put(home / "output_repeated_splits_test" / "dia0_utt1.mp4")

    assert brief(read("meld", tmp_path)) == [("dia0_utt1.mp4", ("surprise",), "en")]


def test_melds_second_cut_of_a_clip_is_the_right_one(tmp_path):
    home = tmp_path / "MELD.Raw"
    put(home / "test_sent_emo.csv", "Emotion,Dialogue_ID,Utterance_ID\njoy,93,6\n")
    for name in ("dia93_utt6", "final_videos_testdia93_utt6", "._dia93_utt6"):
        put(home / "test" / "output_repeated_splits_test" / f"{name}.mp4")

    assert brief(read("meld", tmp_path)) == [("final_videos_testdia93_utt6.mp4", ("joy",), "en")]


def test_clotho(tmp_path):
    captions = [f"Caption number {number}" for number in range(5)]
    head = "file_name," + ",".join(f"caption_{number}" for number in range(1, 6))
    put(
        tmp_path / "clotho" / "clotho_captions_evaluation.csv",
        f"{head}\na b.wav,{','.join(captions)}\n",
    )
    put(tmp_path / "clotho" / "evaluation" / "a b.wav")

    assert brief(read("clotho", tmp_path)) == [("a b.wav", tuple(captions), None)]


def test_clotho_as_aac_datasets_unpacks_it(tmp_path):
    home = tmp_path / "CLOTHO_v2.1"
    head = "file_name," + ",".join(f"caption_{number}" for number in range(1, 6))
    put(home / "clotho_csv_files" / "clotho_captions_evaluation.csv", f"{head}\na.wav,a,b,c,d,e\n")
    put(home / "clotho_audio_files" / "evaluation" / "a.wav")

    assert brief(read("clotho", tmp_path)) == [("a.wav", ("a", "b", "c", "d", "e"), None)]


def test_clotho_aqa_has_a_sample_for_each_annotators_answer(tmp_path):
    lines = "file_name,QuestionText,answer,confidence\n" + "a.wav,Is it raining?,yes,yes\n" * 2
    put(tmp_path / "clotho_aqa" / "clotho_aqa_test.csv", lines)
    put(tmp_path / "clotho_aqa" / "audio_files" / "a.wav")

    samples = read("clotho-aqa", tmp_path)

    assert [s.key for s in samples] == ["a.wav/Is it raining?", "a.wav/Is it raining?#2"]
    tags = BENCHMARKS["clotho-aqa"].tags(samples[0])
    assert tags == "<|startofanalysis|><|en|><|question|>Is it raining?<|answer|>"


def test_scenes(tmp_path):
    for name in ("SubwayStation_user1_001.wav", "._SubwayStation_user1_001.wav"):
        put(tmp_path / "CochlScene" / "Test" / "SubwayStation" / name)
    tut = tmp_path / "TUT-acoustic-scenes-2017-evaluation"
    put(tut / "meta.txt", "audio/1.wav\tcafe/restaurant\n")
    put(tut / "audio" / "1.wav")

    cochl = brief(read("cochlscene", tmp_path))
    assert cochl == [("SubwayStation_user1_001.wav", ("SubwayStation",), None)]
    assert brief(read("tut2017", tmp_path)) == [("1.wav", ("cafe/restaurant",), None)]


def test_vocalsound(tmp_path):
    home = tmp_path / "vs_release_16k"
    rows = {"data": [{"wav": "/data/audio_16k/f0003_0_throatclearing.wav", "labels": "/m/x"}]}
    put(home / "datafiles" / "te.json", json.dumps(rows))
    put(home / "audio_16k" / "f0003_0_throatclearing.wav")

    assert brief(read("vocalsound", tmp_path)) == [
        ("f0003_0_throatclearing.wav", ("throat clearing",), "en")
    ]


def test_nsynth(tmp_path):
    example = {
        "pitch": 60,
        "velocity": 100,
        "instrument_family_str": "organ",
        "qualities_str": ["bright", "nonlinear_env"],
    }
    put(tmp_path / "nsynth-test" / "examples.json", json.dumps({"organ_001-060-100": example}))
    put(tmp_path / "nsynth-test" / "audio" / "organ_001-060-100.wav")

    (sample,) = read("nsynth", tmp_path)

    assert sample.references == (
        "<|pitch|><|midi_pitch_60|><|velocity|><|midi_velocity_100|><|instrument|>organ"
        "<|sonic|>bright, nonlinear env",
    )


def test_esc50(tmp_path):
    put(tmp_path / "ESC-50" / "meta" / "esc50.csv", "filename,fold,category\na.wav,3,crying_baby\n")
    put(tmp_path / "ESC-50" / "audio" / "a.wav")

    (sample,) = read("esc50", tmp_path)

    assert (sample.references, sample.part) == (("crying baby",), "fold 3")


def test_air_bench(tmp_path):
    meta = {"path": "a.wav", "task_name": "Audio_Grounding", "dataset_name": "X", "uniq_id": 7}
    meta |= {"question": "When?", "choice_a": "now", "choice_b": "later", "answer_gt": "later"}
    put(tmp_path / "Foundation" / "Foundation_meta.json", json.dumps([meta]))
    put(tmp_path / "Foundation" / "Audio_Grounding_X" / "a.flac")

    (sample,) = read("air-bench-foundation", tmp_path)

    assert sample.key == "Audio_Grounding/X/7"
    assert (sample.choices, sample.references) == (("now", "later"), ("later",))
    asked = BENCHMARKS["air-bench-foundation"].natural(sample)
    assert asked.endswith("When?\nA. now\nB. later")


def test_air_bench_chat(tmp_path):
    meta = {"path": "a.wav", "task_name": "speech_and_music_QA", "dataset_name": "X"}
    meta |= {"uniq_id": 7, "question": "Why?", "answer_gt": "So.", "meta_info": "A man speaks."}
    put(tmp_path / "AIR-Bench" / "Chat" / "Chat_meta.json", json.dumps([meta]))
    put(tmp_path / "AIR-Bench" / "Chat" / "speech_and_music_QA_X" / "a.wav")

    (sample,) = read("air-bench-chat", tmp_path)

    assert (sample.part, sample.description) == ("speech and music", "A man speaks.")
    assert BENCHMARKS["air-bench-chat"].natural(sample) == "Why?"


def test_a_list_without_what_it_should_have_is_named(tmp_path):
    put(tmp_path / "Chat" / "Chat_meta.json", json.dumps([{"task_name": "sound_QA"}]))

    with pytest.raises(EvaluationError, match=r"air-bench-chat: a row .* has no 'dataset_name'"):
        samples_of(BENCHMARKS["air-bench-chat"], tmp_path)


def test_mmau_says_which_of_its_releases_it_is(tmp_path, monkeypatch):
    item = {"id": "x", "audio_id": "x.wav", "question": "What?", "choices": ["rain"]}
    item |= {"answer": "rain", "task": "sound"}
    put(tmp_path / "mmau-test-mini.json", json.dumps([item]))
    unknown = version_of(BENCHMARKS["mmau-mini"], tmp_path)
    digest = unknown.removeprefix("no release of its repository (sha256 ").removesuffix(")")
    monkeypatch.setitem(mmau._RELEASES, digest, ("v9", "2030-01-01"))

    assert len(digest) == 12
    assert version_of(BENCHMARKS["mmau-mini"], tmp_path) == "v9, file of 2030-01-01"


def test_mmau(tmp_path):
    item = {"id": "x", "audio_id": "./test-mini-audios/x.wav", "question": "What?"}
    item |= {"choices": ["rain", "wind"], "answer": "wind", "task": "sound"}
    put(tmp_path / "MMAU" / "mmau-test-mini.json", json.dumps([item]))
    put(tmp_path / "MMAU" / "test-mini-audios" / "x.wav")

    (sample,) = read("mmau-mini", tmp_path)

    assert (sample.part, sample.choices) == ("sound", ("rain", "wind"))


def test_a_list_that_names_a_file_outside_its_folder_is_refused(tmp_path):
    item = {"id": "x", "audio_id": "../../secret.wav", "question": "", "choices": [], "answer": ""}
    put(tmp_path / "MMAU" / "mmau-test-mini.json", json.dumps([item | {"task": "sound"}]))

    with pytest.raises(EvaluationError, match="outside"):
        samples_of(BENCHMARKS["mmau-mini"], tmp_path)


def test_dev_shards_are_the_mini_benchmarks(tmp_path):
    write_shard(
        tmp_path / "esc10-dev-000.tar", [row("esc10", sound="dog bark"), row("esc10", text="x")]
    )

    samples = read("mini-esc10", tmp_path)

    assert [(s.key, s.references) for s in samples] == [("esc10/000", ("dog barking",))]


def test_a_manifest_of_ours_stands_for_any_corpus(tmp_path):
    audio = AudioReference(path=put(tmp_path / "a.wav"))
    words = (Word("one", 0.1, 0.4),)
    asked = (Question("Is it?", "yes"), Question("How many?", "two"))
    labels = Labels(language="en", text="one", words=words, qa=asked)
    record = Record(key="k", audio=audio, duration_s=1.0, labels=labels, dataset="mine")
    manifest = tmp_path / "mine.jsonl"
    write_manifest(manifest, [record])
    write_manifest(tmp_path / "srwt.jsonl", [record])

    assert read("librispeech-test-clean", manifest)[0].references == ("one",)
    assert read("srwt", tmp_path)[0].references == ("<|0.00|><|sil|><|0.10|>one<|0.40|>",)
    assert [s.question for s in read("clotho-aqa", manifest)] == ["Is it?", "How many?"]
    with pytest.raises(EvaluationError, match="labels that ASC needs"):
        read("cochlscene", manifest)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(EvaluationError, match=r"no folder .*CochlScene"):
        samples_of(BENCHMARKS["cochlscene"], tmp_path / "none")
    put(tmp_path / "ESC-50" / "meta" / "esc50.csv", "filename,fold\na.wav,3\n")
    with pytest.raises(EvaluationError, match="a row without 'category'"):
        samples_of(BENCHMARKS["esc50"], tmp_path)
    with pytest.raises(EvaluationError, match=r"no file .*clotho_captions_evaluation\.csv"):
        samples_of(BENCHMARKS["clotho"], tmp_path)


def test_benchmarks_are_found_by_name_by_family_and_all_of_the_paper():
    assert [b.name for b in find_benchmarks(["aishell1"])] == ["aishell1-dev", "aishell1-test"]
    assert len(find_benchmarks(["covost2"])) == 7
    assert {b.family for b in find_benchmarks(["paper"])} == {
        *("librispeech", "aishell1", "aishell2", "covost2", "clotho", "srwt", "cochlscene"),
        *("tut2017", "meld", "clotho-aqa", "vocalsound", "nsynth"),
    }
    with pytest.raises(EvaluationError, match="did you mean 'clotho'"):
        find_benchmarks(["cloto"])


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("librispeech-test-clean", "startoftranscript en transcribe en notimestamps wo_itn"),
        ("aishell1-test", "startoftranscript zh transcribe zh notimestamps wo_itn"),
        ("covost2-de-en", "startoftranscript de translate en notimestamps itn"),
        ("clotho", "startofanalysis unknown caption en notimestamps caption_clotho"),
        ("cochlscene", "startofanalysis unknown keyword en notimestamps scene"),
        ("meld", "startofanalysis en keyword en notimestamps emotion_recognition"),
        ("vocalsound", "startofanalysis en keyword en notimestamps vocal_classification"),
        ("nsynth", "startofanalysis unknown keyword en notimestamps note_analysis"),
        ("srwt", "startoftranscript en transcribe en timestamps 0.00"),
    ],
)
def test_the_tags_are_those_of_the_originals_scripts(name, tags):
    language = "zh" if "aishell" in name else "de" if "covost" in name else "en"
    sample = Sample(key="", audio=NOWHERE, references=("",), language=language, target="en")

    asked = BENCHMARKS[name].tags(sample) + BENCHMARKS[name].opening

    assert asked == "".join(f"<|{tag}|>" for tag in tags.split())


def test_every_benchmark_can_be_asked_in_words_and_by_tags():
    sample = Sample(
        key="", audio=NOWHERE, references=("",), language="de", target="en", question="What?"
    )

    for benchmark in BENCHMARKS.values():
        assert benchmark.tags(sample).startswith("<|startof"), benchmark.name
        words = benchmark.natural(sample)
        assert "<|" not in words, benchmark.name
        assert "{" not in words, benchmark.name
