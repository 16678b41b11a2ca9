"""Metrics against cases worked out by hand and against the libraries of the field."""

import math
import shutil
import warnings

import jiwer
import numpy as np
import pytest
import sacrebleu
from sklearn.metrics import accuracy_score, average_precision_score

from qwen_audio.evaluation.benchmarks.registry import BENCHMARKS
from qwen_audio.evaluation.benchmarks.sets import QUALITIES
from qwen_audio.evaluation.metrics import captions
from qwen_audio.evaluation.metrics.domains import mean_of_domains
from qwen_audio.evaluation.metrics.labels import chosen, is_chosen, is_same_class
from qwen_audio.evaluation.metrics.normalisers import paper, whisper
from qwen_audio.evaluation.metrics.records import Exchange
from qwen_audio.evaluation.metrics.resampling import compare, interval
from qwen_audio.evaluation.metrics.table import METRICS
from qwen_audio.tasks.labels import Labels
from qwen_audio.tasks.music import note_target

SAID = [
    ("the cat sat on the mat", "the cat sat on mat"),
    ("a man walks his dog in the park", "a man is walking the dog in a park"),
    ("it rains", ""),
    ("children are playing outside in the yard", "children are playing outside in the yard"),
]
MALFORMED = [
    "",
    " ",
    "<|",
    "<|0.00|>",
    "<|en|><|",
    "|>",
    "你好",
    "ha " * 400,
    "\x00",
    "(",
    "*\n\n*",
]


def exchanges(pairs, **rest):
    return [Exchange(references=(a,), reply=b, **rest) for a, b in pairs]


def value(name, pairs, **rest):
    metric = METRICS[name]
    return metric.value(metric.counts(exchanges(pairs, **rest)))


@pytest.fixture
def no_java(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    captions._split_once.cache_clear()


def test_paper_normalisation_changes_case_tags_and_spaces_only():
    assert paper("<|zh|>Hello ,  World <|en|> ! 9 o'clock", "en") == "hello, world! 9 o'clock"
    assert paper("今天 天气 A 好 。", "zh") == "今天天气a好。"


def test_whisper_normalisation_makes_numbers_and_spellings_alike():
    assert whisper("Mr. Smith's colours: twenty-five!", "en") == "mister smith is colors 25"
    assert whisper("Straße, 25 €", "de") == "strasse 25" or "25" in whisper("Straße, 25 €", "de")
    assert whisper("今天，天气好。", "zh") == "今天天气好"


def test_word_errors_agree_with_jiwer_and_with_a_count_by_hand():
    references, replies = zip(*SAID, strict=True)

    # 1 missing; 5 wrong or added; 2 missing; 0: of 23 words
    by_hand = 100 * (1 + 4 + 2 + 0) / 23
    assert value("wer-paper", SAID, language="en") == pytest.approx(by_hand)
    assert value("wer-paper", SAID, language="en") == pytest.approx(
        100 * jiwer.wer(list(references), list(replies)), abs=1e-9
    )


def test_chinese_is_counted_in_characters():
    pairs = [("今天天气好", "今天 天汽好")]

    assert value("wer-paper", pairs, language="zh") == pytest.approx(20)
    assert value("wer-paper", pairs, language="zh") == pytest.approx(
        100 * jiwer.cer("今天天气好", "今天天汽好")
    )


@pytest.mark.parametrize(("name", "tokenizer"), [("bleu", "13a"), ("bleu-zh", "zh")])
def test_added_bleu_counts_give_the_corpus_score(name, tokenizer):
    references, replies = zip(*SAID, strict=True)

    whole = sacrebleu.corpus_bleu(list(replies), [list(references)], tokenize=tokenizer).score

    assert value(name, SAID) == pytest.approx(whole, abs=1e-6)


def test_times_are_added_over_words_in_common():
    right = "<|0.00|><|sil|><|0.50|>one<|1.00|>two<|1.50|>three<|2.00|>"
    said = "<|0.00|><|sil|><|0.60|>one<|1.00|>too<|1.50|>three<|1.90|>"

    # one: 100 + 0 ms, three: 0 + 100 ms
    assert value("aas", [(right, said)], language="en") == pytest.approx(100)
    assert value("border-error", [(right, said)], language="en") == pytest.approx(50)
    assert value("words-found", [(right, said)], language="en") == pytest.approx(2 / 3)
    assert math.isnan(value("aas", [(right, "no times")], language="en"))
    assert value("words-found", [(right, "no times")], language="en") == 0


def test_exact_accuracy_is_the_originals_and_any_wording_is_not():
    pairs = [("laughter", "laughter"), ("laughter", "Laughter."), ("sigh", "a sigh"), ("sigh", "")]

    assert value("accuracy", pairs) == 0.25
    assert value("accuracy-any-wording", pairs) == 0.75


def test_a_reply_that_names_two_classes_is_wrong():
    classes = ["Subway", "SubwayStation", "Bus"]

    assert is_same_class("SubwayStation", "a subway station", classes)
    assert not is_same_class("Subway", "a subway station", classes)
    assert not is_same_class("Bus", "bus or subway", classes)
    assert not is_same_class("Bus", "busy", classes)


def test_yes_or_no_is_counted_apart():
    pairs = [("yes", "yes"), ("no", "yes"), ("three", "three")]

    assert value("accuracy-binary", pairs) == 0.5
    assert value("accuracy", pairs) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("reply", "place"),
    [
        ("B", 1),
        ("(B) a cat", 1),
        ("b: a cat", 1),
        ("The answer is B.", 1),
        ("A dog barks", 0),
        ("a cat", 1),
        ("it is a cat", 1),
        ("D", None),
        ("A, B", None),
        ("", None),
        ("neither", None),
    ],
)
def test_an_option_is_taken_by_letter_or_by_its_text(reply, place):
    assert chosen(reply, ("a dog barks", "a cat")) == place


def test_a_letter_counts_for_its_option_only():
    assert is_chosen("wind", "B", ("rain", "wind"))
    assert not is_chosen("rain", "B", ("rain", "wind"))


def test_air_benchs_mean_counts_each_task_and_each_domain_alike():
    metric = METRICS["choice-by-domain"]
    tasks = ["Speech_Grounding"] * 3 + ["Speaker_Age_Prediction", "Sound_AQA"]
    replies = ["A", "A", "A", "B", "B"]
    asked = [
        Exchange(references=("rain",), reply=reply, choices=("rain", "wind"), part=task)
        for task, reply in zip(tasks, replies, strict=True)
    ]

    # speech: (1 + 0) / 2, sound: 0, no music
    assert metric.value(metric.counts(asked)) == 0.25
    assert METRICS["choice"].value(METRICS["choice"].counts(asked)) == 0.6


def test_air_benchs_published_means_follow_from_its_published_tasks():
    tasks = {
        "speech": (56.1, 92.8, 67.2, 43.2, 36.0, 71.2, 77.8, 35.3, 48.3),
        "sound": (23.9, 84.9, 67.5, 64.6),
        "music": (59.1, 71.2, 28.6, 25.4, 48.2, 36.1),
    }
    means = {name: tuple(map(str, values)) for name, values in tasks.items()}
    shares = [value for values in tasks.values() for value in values]
    sums = np.array([*shares, *[1.0] * len(shares)])

    assert mean_of_domains(sums, domains=means) == pytest.approx(54.5, abs=0.06)


def test_a_judges_two_scores_are_of_whom_they_are_for():
    rated = ("9 7", "5 8")  # the right answer first, then the reply first
    asked = [
        Exchange(references=("a",), reply="b", part="speech", ratings=rated),
        Exchange(references=("a",), reply="b", part="speech and music", ratings=("4 2", "no.")),
        Exchange(references=("a",), reply="b", part="speech and sound", ratings=("6 4", "4 6")),
    ]
    found = {n: METRICS[n].value(METRICS[n].counts(asked)) for n in METRICS if n.startswith("jud")}

    # the reply: speech 6; mixed: (2 + 4) / 2
    assert found == {
        "judge": pytest.approx(4.5),
        "judge-reference": pytest.approx((8.5 + 5) / 2),
        "judge-read": pytest.approx(5 / 6),
    }


def test_accuracy_is_scikit_learns():
    pairs = [("dog", "dog"), ("dog", "cat"), ("cat", "cat"), ("cow", "")]
    references, replies = zip(*pairs, strict=True)

    assert value("accuracy", pairs) == pytest.approx(accuracy_score(references, replies), abs=1e-9)


def note(pitch, *qualities, instrument="organ", velocity=100):
    return note_target(
        Labels(pitch=pitch, velocity=velocity, instrument=(instrument,), qualities=qualities)
    )


def test_notes_are_read_from_tags_and_from_words():
    right = note(60, "bright", "percussive")
    words = "pitch: 72; velocity: 100; instrument: organ; qualities: percussive, bright"

    found = {
        name: value(name, [(right, words)])
        for name in ("pitch", "chroma", "velocity", "instrument")
    }

    assert found == {"pitch": 0, "chroma": 1, "velocity": 1, "instrument": 1}
    assert value("qualities-map", [(right, words)]) == 1
    assert value("pitch", [(right, right)]) == 1


def test_mean_average_precision_is_scikit_learns():
    rng = np.random.default_rng(0)
    there, said = rng.random((2, 40, len(QUALITIES))) < 0.4
    names = np.array(QUALITIES)
    pairs = [(note(60, *names[a]), note(60, *names[b])) for a, b in zip(there, said, strict=True)]

    expected = average_precision_score(there, said.astype(float), average="macro")

    assert value("qualities-map", pairs) == pytest.approx(expected, abs=1e-9)


@pytest.mark.usefixtures("no_java")
def test_captions_agree_with_the_coco_tools():
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    references = [(a, f"{a} again") for a, _ in SAID]
    asked = [Exchange(references=r, reply=b) for r, (_, b) in zip(references, SAID, strict=True)]
    found, said = dict(enumerate(map(list, references))), {i: [b] for i, (_, b) in enumerate(SAID)}

    ours = {n: METRICS[n].value(METRICS[n].counts(asked)) for n in ("cider", "rouge-l", "bleu-4")}

    assert ours["cider"] == pytest.approx(Cider().compute_score(found, said)[0], abs=1e-6)
    assert ours["rouge-l"] == pytest.approx(Rouge().compute_score(found, said)[0], abs=1e-6)
    theirs = Bleu(4).compute_score(found, said, verbose=0)[0][3]
    assert ours["bleu-4"] / 100 == pytest.approx(theirs, abs=1e-6)


@pytest.mark.usefixtures("no_java")
def test_without_java_the_metrics_that_need_it_say_so_and_the_rest_are_given():
    lacking = {name: METRICS[name].lacks() for name in BENCHMARKS["clotho"].metrics}

    assert "Java" in lacking["spice"]
    assert "Java" in lacking["meteor"]
    assert not lacking["cider"]
    assert not lacking["rouge-l"]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("java"), reason="METEOR and the PTB tokenizer need Java")
def test_with_java_captions_are_split_alike_and_meteor_is_given():
    pairs = [("A dog's bark, loud!", "a dog barks"), ("rain (heavy)", "rain")]
    asked = exchanges(pairs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        with_java = captions._words({0: [a for a, _ in pairs]})
        meteor = METRICS["meteor"].value(METRICS["meteor"].counts(asked))

    assert with_java == {0: [captions._treebank()(a) for a, _ in pairs]}
    assert 0 < meteor < 1


@pytest.mark.usefixtures("no_java")
@pytest.mark.parametrize("name", sorted(METRICS))
def test_malformed_replies_are_wrong_and_none_is_dropped(name):
    metric = METRICS[name]
    if metric.lacks():
        pytest.skip(metric.lacks())
    right = {"aas": "<|0.00|>one<|0.50|>two<|1.00|>", "pitch": note(60, "bright")}
    reference = right.get("pitch" if metric.name in _NOTES else name, "a dog barks loudly")
    asked = [
        Exchange(references=(reference,), reply=reply, language="en", choices=("rain", reference))
        for reply in MALFORMED
    ]

    counts = metric.counts(asked)
    found = metric.value(counts)

    assert len(counts) == len(MALFORMED)
    assert np.isfinite(counts).all()
    if metric.unit == "%":
        assert found >= 100
    elif metric.name == "qualities-map":
        assert found <= 1  # the prevalence of a quality that all have
    elif not metric.is_error:
        assert math.isnan(found) or found == pytest.approx(0, abs=1e-6)


_NOTES = ("qualities-map", "instrument", "pitch", "chroma", "velocity")


def test_an_interval_holds_the_value_and_is_the_same_each_time():
    metric = METRICS["accuracy"]
    counts = np.array([[place % 4 > 0, 1] for place in range(200)], dtype=float)

    found = interval(metric, counts)

    assert found == interval(metric, counts)
    # by the normal approximation: 1.96 standard errors, each 0.031, on both sides
    assert found.low == pytest.approx(0.75 - 0.06, abs=0.01)
    assert found.high == pytest.approx(0.75 + 0.06, abs=0.01)


def test_a_paired_test_sees_a_small_steady_difference_and_none_in_equal_runs():
    metric = METRICS["accuracy"]
    first = np.array([[place % 2, 1] for place in range(200)], dtype=float)
    better = first.copy()
    better[:40:2, 0] = 1

    found, same = compare(metric, first, better), compare(metric, first, first)

    assert found.value == pytest.approx(0.1)
    assert found.p < 0.01
    assert found.interval.low > 0
    assert (same.value, same.p) == (0, 1)


def test_every_benchmark_names_metrics_that_exist():
    for benchmark in BENCHMARKS.values():
        assert set(benchmark.metrics) <= METRICS.keys(), benchmark.name
