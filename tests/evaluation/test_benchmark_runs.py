"""The whole path of a run: a corpus in, questions asked, answers kept, results out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qwen_audio.errors import EvaluationError
from qwen_audio.evaluation.benchmarks.registry import find_benchmarks
from qwen_audio.evaluation.peers.judge import Judge
from qwen_audio.evaluation.peers.records import Said
from qwen_audio.evaluation.report.writing import write_report
from qwen_audio.evaluation.running.log import ANSWERS, read_answers
from qwen_audio.evaluation.running.plan import make_plan
from qwen_audio.evaluation.running.results import RESULTS
from qwen_audio.evaluation.running.run import run

from .benchmarking import Rule, evaluate, right, write_clip, write_corpora

FILES = (ANSWERS, RESULTS, "run.json")


@pytest.fixture
def corpora(tmp_path, _small):
    return write_corpora(tmp_path / "corpora")


def results(folder):
    rows = json.loads((folder / RESULTS).read_text("utf-8"))
    return {(row["benchmark"], row["metric"]): row for row in rows}


def half_right(asked):
    return right(asked) if asked.sample.key.endswith(("0", "2", "0.wav")) else "nothing here"


def test_results_are_those_worked_out_by_hand(corpora, tmp_path):
    said = {"ONE TWO THREE FOUR": "one two three", "SEVEN": "<|en|>seven of nine"}
    listener = Rule(lambda a: said.get(right(a), right(a)).replace("crow", "dog"))

    assert evaluate(listener, corpora, tmp_path / "run") is True

    found = results(tmp_path / "run")
    # one word missing, two added, of eleven
    assert found["librispeech-test-clean", "wer-paper"]["value"] == pytest.approx(300 / 11)
    assert found["librispeech-test-clean", "wer-paper"]["samples"] == 5
    assert found["esc50", "accuracy"]["value"] == 0.75
    assert found["esc50", "accuracy"]["parts"] == {"fold 1": [1.0, 2], "fold 2": [0.5, 2]}
    assert found["esc50", "accuracy"]["low"] <= 0.75 <= found["esc50", "accuracy"]["high"]


def test_every_answer_is_kept_with_prompt_reply_and_score(corpora, tmp_path):
    evaluate(Rule(lambda _asked: "one"), corpora, tmp_path / "run")

    lines = (tmp_path / "run" / ANSWERS).read_text("utf-8").splitlines()
    first = json.loads(lines[0])
    assert len(lines) == 9
    assert first["key"] == "61-70968-0000"
    assert first["prompt"].endswith("<|en|><|notimestamps|><|wo_itn|>")
    assert (first["references"], first["reply"]) == (["ONE TWO THREE FOUR"], "one")
    assert first["score"]["wer-paper"] == [3.0, 4.0]
    assert first["audio"] == {"path": "LibriSpeech/test-clean/61/70968/61-70968-0000.flac"}


def test_clips_of_similar_length_are_heard_together(corpora, tmp_path):
    listener = Rule(right)

    evaluate(listener, corpora, tmp_path / "run", names=["librispeech-test-clean"])

    assert listener.heard == [[3200, 4800], [6400, 8000], [9600]]


def test_a_run_that_breaks_off_goes_on_and_ends_with_the_same_bytes(corpora, tmp_path):
    evaluate(Rule(half_right), corpora, tmp_path / "whole")
    calls = []

    def breaks(asked):
        calls.append(asked)
        if len(calls) > 5:
            raise KeyboardInterrupt
        return half_right(asked)

    with pytest.raises(KeyboardInterrupt):
        evaluate(Rule(breaks), corpora, tmp_path / "half")
    with (tmp_path / "half" / "answers-0.part.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"benchmark": "esc50", "key": "1-')
    again = Rule(half_right)
    evaluate(again, corpora, tmp_path / "half")

    assert len(again.heard) == 2
    for name in FILES:
        assert (tmp_path / "half" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not list((tmp_path / "half").glob("*.part*"))


def test_a_batch_of_which_one_answer_is_lost_is_asked_again_as_a_whole(corpora, tmp_path):
    evaluate(Rule(right), corpora, tmp_path / "run", names=["esc50"])
    whole = (tmp_path / "run" / ANSWERS).read_text("utf-8").splitlines(keepends=True)
    (tmp_path / "run" / ANSWERS).write_text("".join(whole[1:]))
    again = Rule(right)

    evaluate(again, corpora, tmp_path / "run", names=["esc50"])

    assert [len(group) for group in again.heard] == [2]
    assert (tmp_path / "run" / ANSWERS).read_text("utf-8") == "".join(whole)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import benchmarking
from benchmarking import Rule, evaluate, right

calls = []

def dies(asked):
    calls.append(asked)
    if len(calls) > 5:
        with open(sys.argv[2] + "/answers-0.part.jsonl", "a") as file:
            file.write('{{"benchmark": "esc')
        os.kill(os.getpid(), signal.SIGKILL)
    return right(asked) if asked.sample.key.endswith(("0", "2", "0.wav")) else "nothing here"

evaluate(Rule(dies), Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_kill_9_in_the_middle_and_resume_gives_the_same_report(corpora, tmp_path):
    script = KILLED.format(tests=str(Path(__file__).parent))
    arguments = [sys.executable, "-c", script, str(corpora), str(tmp_path / "a" / "run")]
    done = subprocess.run(arguments, capture_output=True, timeout=300, check=False)
    assert done.returncode == -9, done.stderr.decode()

    evaluate(Rule(half_right), corpora, tmp_path / "a" / "run")
    evaluate(Rule(half_right), corpora, tmp_path / "b" / "run")

    one = write_report([tmp_path / "a" / "run"], tmp_path / "a" / "report")
    other = write_report([tmp_path / "b" / "run"], tmp_path / "b" / "report")
    for file, same in zip(one, other, strict=True):
        assert file.read_bytes() == same.read_bytes(), file.name


LAUNCHED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from benchmarking import Rule, write_corpora
from qwen_audio.cli import evaluate, main
from qwen_audio.evaluation.benchmarks import registry
from dataclasses import replace

for name in ("esc50", "librispeech-test-clean"):
    registry.BENCHMARKS[name] = replace(registry.BENCHMARKS[name], size=0)
out = Path(sys.argv[2])

def say(asked):
    with open(out.parent / f"heard-{{os.environ['RANK']}}", "a") as file:
        file.write(asked.sample.key + chr(10))
    return asked.sample.references[0] if asked.sample.key.endswith(("0", "0.wav")) else "dog"

evaluate._listeners = lambda *_given, **_options: [Rule(say)]
asked = ["evaluate", "any", "--on", "esc50,librispeech-test-clean", "--batch", "2"]
sys.exit(main.main([*asked, "--data", sys.argv[1], "--output", str(out)]))
"""


@pytest.mark.slow
def test_torchrun_shares_the_work_between_two_processes(corpora, tmp_path):
    script = tmp_path / "launched.py"
    script.write_text(LAUNCHED.format(tests=str(Path(__file__).parent)))
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    two = [*launcher, "--nproc_per_node", "2", str(script), str(corpora), str(tmp_path / "two")]
    one = [sys.executable, str(script), str(corpora), str(tmp_path / "one")]

    subprocess.run(two, check=True, capture_output=True, timeout=900)
    subprocess.run(
        one, check=True, capture_output=True, timeout=900, env=os.environ | {"RANK": "0"}
    )

    heard = [set((tmp_path / f"heard-{rank}").read_text().split()) for rank in (0, 1)]
    assert len(heard[1]) in (4, 5)
    assert len(heard[0] | heard[1]) == 9
    (shared,), (alone,) = (list((tmp_path / name).iterdir()) for name in ("two", "one"))
    assert shared.name == alone.name
    assert sorted(path.name for path in shared.iterdir()) == sorted(FILES)
    for name in FILES:
        assert (shared / name).read_bytes() == (alone / name).read_bytes()


def test_processes_share_the_work_and_the_last_one_writes_the_results(corpora, tmp_path):
    evaluate(Rule(half_right), corpora, tmp_path / "one")
    listeners = [Rule(half_right) for _ in range(3)]

    ends = [
        evaluate(listener, corpora, tmp_path / "three", shard=(rank, 3))
        for rank, listener in enumerate(listeners)
    ]

    assert ends == [False, False, True]
    assert sum(len(group) for each in listeners for group in each.heard) == 9
    for name in FILES:
        assert (tmp_path / "three" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_a_folder_of_another_run_is_refused(corpora, tmp_path):
    evaluate(Rule(right), corpora, tmp_path / "run")

    with pytest.raises(EvaluationError, match=r"another run .*name"):
        evaluate(Rule(right, name="other"), corpora, tmp_path / "run")


def test_an_unfinished_run_has_no_report(corpora, tmp_path):
    evaluate(Rule(right), corpora, tmp_path / "run", shard=(0, 2))

    with pytest.raises(EvaluationError, match="not finished"):
        read_answers(tmp_path / "run")


def test_missing_audio_is_named_and_a_partial_score_refused(corpora, tmp_path):
    (corpora / "ESC-50" / "audio" / "1-1-A-0.wav").unlink()

    with pytest.raises(EvaluationError, match=r"1 of 4 clips are missing .*1-1-A-0\.wav"):
        evaluate(Rule(right), corpora, tmp_path / "run", names=["esc50"])
    evaluate(Rule(right), corpora, tmp_path / "run", names=["esc50"], is_partial=True)

    assert results(tmp_path / "run")["esc50", "accuracy"]["samples"] == 3
    report = write_report([tmp_path / "run"], tmp_path / "report")[0].read_text("utf-8")
    assert "partial on esc50: 1 of 4 clips were missing" in report
    missing = (tmp_path / "run" / "missing.txt").read_text("utf-8")
    assert missing == f"esc50\t{corpora}/ESC-50/audio/1-1-A-0.wav\n"


def test_a_folder_without_all_of_a_split_is_refused_too(tmp_path):
    corpora = write_corpora(tmp_path / "corpora")
    whole = find_benchmarks(["librispeech-test-clean"])

    with pytest.raises(EvaluationError, match=r"has 5 of the 2620 samples of test-clean; fetch"):
        make_plan(whole, corpora, listener=Rule(right))
    plan = make_plan(whole, corpora, listener=Rule(right), is_partial=True)

    assert plan.settings["benchmarks"]["librispeech-test-clean"]["missing"] == 2615


def test_a_limit_is_spread_over_the_benchmark(corpora):
    plan = make_plan(find_benchmarks(["esc50"]), corpora, listener=Rule(right), limit=2)

    assert [asked.sample.key for asked in plan.asked] == ["1-0-A-0.wav", "1-2-A-0.wav"]


def test_what_a_listener_cannot_do_is_said_and_not_run(corpora):
    plan = make_plan(find_benchmarks(["esc50", "nsynth"]), corpora, listener=Rule(right))

    assert plan.refused == {"nsynth": "it knows no notes"}
    assert {asked.benchmark.name for asked in plan.asked} == {"esc50"}
    with pytest.raises(EvaluationError, match="can be asked nothing"):
        make_plan(find_benchmarks(["nsynth"]), corpora, listener=Rule(right))


class Judging(Judge):
    """Rates by rule."""

    def rate(self, _asked, said):
        return [("9 4", "4 9") if one.text == "So." else ("9 2", "so so") for one in said]


def test_open_answers_are_rated_and_not_run_without_a_judge(tmp_path):
    home = tmp_path / "Chat"
    rows = [
        {"path": f"{n}.wav", "task_name": "sound_QA", "dataset_name": "X", "uniq_id": n}
        | {"question": "Why?", "answer_gt": "So.", "meta_info": "rain"}
        for n in range(3)
    ]
    for n in range(3):
        write_clip(home / "sound_QA_X" / f"{n}.wav")
    (home / "Chat_meta.json").write_text(json.dumps(rows))
    chat = find_benchmarks(["air-bench-chat"])
    listener = Rule(lambda asked: "So." if asked.sample.key.endswith("0") else "Who knows?")

    with pytest.raises(EvaluationError, match="--judge"):
        make_plan(chat, tmp_path, listener=listener)
    plan = make_plan(chat, tmp_path, listener=listener, judge=Judging(None, "judge", "http://x"))
    run(plan, listener, output=tmp_path / "run")

    found = results(tmp_path / "run")
    # 4 and 4, then twice 2: the unread half of a rating counts for nobody
    assert found["air-bench-chat", "judge"]["value"] == 3
    assert found["air-bench-chat", "judge-reference"]["value"] == 9
    assert found["air-bench-chat", "judge-read"]["value"] == pytest.approx(4 / 6)
    assert read_answers(tmp_path / "run")[1].ratings == ("9 2", "so so")
    report = write_report([tmp_path / "run"], tmp_path / "report")[0].read_text("utf-8")
    assert "rated by judge at http://x" in report
    assert "Qwen2-Audio 6.93" in report


def test_malformed_answers_are_wrong_and_all_are_counted(corpora, tmp_path):
    bad = ["", "<|", "<|en|><|", "你好", "ha " * 500, "\x00\n", "dog rain crow"]
    listener = Rule(lambda asked: bad[len(asked.sample.key) % len(bad)])

    evaluate(listener, corpora, tmp_path / "run")

    found = results(tmp_path / "run")
    assert found["librispeech-test-clean", "wer-paper"]["value"] >= 100
    assert found["librispeech-test-clean", "wer-paper"]["samples"] == 5
    assert found["esc50", "accuracy"]["value"] == 0
    assert found["esc50", "accuracy-any-wording"]["samples"] == 4


def test_a_transcript_cut_in_a_loop_counts_the_loop_once_and_the_log_keeps_it_whole(
    corpora, tmp_path
):
    loop = "one two " * 20
    listener = Rule(lambda _asked: Said(text=f"<|en|>{loop}o", is_cut=True))

    evaluate(listener, corpora, tmp_path / "run")

    answers = {a.place: a for a in read_answers(tmp_path / "run")}
    spoken = answers["librispeech-test-clean", "61-70968-0001"]
    assert spoken.reply == f"<|en|>{loop}o"
    assert spoken.counted == "<|en|>one two "
    assert spoken.score["wer-paper"] == (0, 2)
    # only transcripts can loop: "ha ha ha ha" may be the name of a sound
    assert answers["esc50", "1-0-A-0.wav"].counted is None
    report = write_report([tmp_path / "run"], tmp_path / "report")[0].read_text("utf-8")
    assert "5 of 5 answers of librispeech-test-clean were cut at their limit, 5 of them" in report
    # 41 words each time, of which two are right twice, against 11 in all
    assert "counted in full, WER, paper normalisation is 1827.27 %" in report
    assert json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))["replies"].startswith(
        "a transcript is cut after 16 + 12 tokens a second"
    )


def test_a_reply_that_ended_by_itself_is_never_touched(corpora, tmp_path):
    evaluate(Rule(lambda _asked: "no no no no no no"), corpora, tmp_path / "run")

    assert all(a.counted is None and not a.is_cut for a in read_answers(tmp_path / "run"))


def test_a_listener_that_drops_an_answer_is_refused(corpora, tmp_path):
    listener = Rule(right)
    listener.answer = lambda _asked, _clips: []
    plan = make_plan(find_benchmarks(["esc50"]), corpora, listener=listener)

    with pytest.raises(EvaluationError, match="0 answers to 2 questions"):
        run(plan, listener, output=tmp_path / "run", batch=2)
