"""The table of benchmarks of speech: recognition, words with times, translation, emotion."""

from qwen_audio.evaluation.benchmarks import corpora, prompts
from qwen_audio.evaluation.benchmarks.records import Benchmark, Reader, Sample
from qwen_audio.text.timestamps import FIRST_STAMP
from qwen_audio.text.vocab import LANGUAGES

MELD_EMOTIONS = ("neutral", "joy", "surprise", "anger", "sadness", "disgust", "fear")

COVOST_DIRECTIONS = ("en-de", "de-en", "en-zh", "zh-en", "es-en", "fr-en", "it-en")
_FLEURS = {
    "en": "en_us",
    "zh": "cmn_hans_cn",
    "de": "de_de",
    "es": "es_419",
    "ko": "ko_kr",
    "fr": "fr_fr",
    "ja": "ja_jp",
    "it": "it_it",
}
_TRANSCRIBE_WORDS = (
    "Write down what is said in the audio in {language}, word for word and nothing else."
)
_TRANSLATE_WORDS = (
    "Translate what is said in the audio into {target}. Answer with the translation and nothing "
    "else."
)
_TIMES_WORDS = (
    "Write down what is said in the audio with the start and end time of each word in seconds."
)
_CUT = "clips over 30 s are cut there, as in the original"


def _recognition(
    name: str, title: str, *, data: str, split: str, read: Reader, **rest: object
) -> Benchmark:
    """Return a benchmark of speech recognition, scored under both normalisations."""
    return Benchmark(
        name=name,
        title=title,
        data=data,
        split=split,
        read=read,
        task="ASR",
        from_labels="ASR",
        tags=prompts.transcribe,
        natural=prompts.said(_TRANSCRIBE_WORDS),
        metrics=("wer-paper", "wer-whisper"),
        max_new_tokens=256,
        **rest,
    )


_LIBRISPEECH = {"dev-clean": 2703, "dev-other": 2864, "test-clean": 2620, "test-other": 2939}
_AISHELL1 = {"dev": 14326, "test": 7176}


def _librispeech(split: str) -> Benchmark:
    return _recognition(
        f"librispeech-{split}",
        f"LibriSpeech {split}",
        family="librispeech",
        data="LibriSpeech (OpenSLR 12)",
        split=split,
        places=("LibriSpeech", "."),
        read=corpora.librispeech(split),
        size=_LIBRISPEECH[split],
        in_paper=True,
        note=_CUT,
    )


def _aishell1(split: str) -> Benchmark:
    return _recognition(
        f"aishell1-{split}",
        f"AISHELL-1 {split}",
        family="aishell1",
        data="AISHELL-1 (OpenSLR 33)",
        split=split,
        places=("data_aishell", "."),
        read=corpora.aishell1(split),
        size=_AISHELL1[split],
        in_paper=True,
        note="errors are counted in characters",
    )


def _aishell2(device: str) -> Benchmark:
    return _recognition(
        f"aishell2-{device.lower()}",
        f"AISHELL-2 {device}",
        family="aishell2",
        data="AISHELL-2 test sets (aishelltech.com)",
        split=f"test, {device}",
        places=("AISHELL-DEV-TEST-SET", "AISHELL-2/AISHELL-DEV-TEST-SET", "AISHELL-2", "."),
        read=corpora.aishell2(device),
        size=5000,
        in_paper=True,
        note="errors are counted in characters",
    )


def _covost2(direction: str) -> Benchmark:
    source, target = direction.split("-")
    tokenizer = "zh" if target == "zh" else "13a"
    return Benchmark(
        name=f"covost2-{direction}",
        title=f"CoVoST 2 {direction}",
        family="covost2",
        task="S2TT",
        data="CoVoST 2 (github.com/facebookresearch/covost), clips of Common Voice 4",
        split="test",
        version="2",
        places=("covost2", "CoVoST2", "."),
        read=corpora.covost2(source, target),
        from_labels="S2TT",
        tags=prompts.translate,
        natural=prompts.said(_TRANSLATE_WORDS),
        metrics=("bleu-zh" if target == "zh" else "bleu",),
        max_new_tokens=256,
        in_paper=True,
        note=f"sacreBLEU, tokenizer {tokenizer}",
    )


def _fleurs(language: str) -> Benchmark:
    return _recognition(
        f"fleurs-{language}",
        f"FLEURS {LANGUAGES[language]}",
        family="fleurs",
        data="FLEURS (huggingface.co/datasets/google/fleurs)",
        split="test",
        places=("fleurs", "fleurs/data", "data", "."),
        read=corpora.fleurs(language, _FLEURS[language]),
    )


def _common_voice(language: str) -> Benchmark:
    return _recognition(
        f"common-voice-{language}",
        f"Common Voice {LANGUAGES[language]}",
        family="common-voice",
        data="Common Voice (commonvoice.mozilla.org)",
        split="test",
        version="that of the folder: releases differ, name yours",
        places=("common_voice", "cv-corpus", "."),
        read=corpora.common_voice(language),
    )


def _no_layout(home: object) -> list[Sample]:  # noqa: ARG001 - the shape of a reader
    return []


SRWT = Benchmark(
    name="srwt",
    title="Words with times",
    family="srwt",
    task="SRWT",
    data="any manifest whose labels have words with times (the paper's industrial set is closed)",
    split="test",
    read=_no_layout,
    from_labels="SRWT",
    tags=prompts.words_with_times,
    natural=prompts.said(_TIMES_WORDS),
    opening=FIRST_STAMP,
    metrics=("aas", "border-error", "words-found", "wer-paper"),
    max_new_tokens=1024,
    in_paper=True,
    note="AAS is over the words that the reply has too; `words found` tells their share",
)

MELD = Benchmark(
    name="meld",
    title="MELD emotion",
    family="meld",
    task="SER",
    data="MELD (github.com/declare-lab/MELD), sound of the videos",
    split="test",
    places=("MELD.Raw", "MELD", "."),
    read=corpora.meld,
    size=2610,
    from_labels="SER",
    tags=prompts.analysis("emotion_recognition", language="en"),
    natural=prompts.one_of("Which emotion does the speaker show?", MELD_EMOTIONS),
    metrics=("accuracy", "accuracy-any-wording"),
    max_new_tokens=8,
    in_paper=True,
)

BENCHMARKS: tuple[Benchmark, ...] = (
    *map(_librispeech, _LIBRISPEECH),
    *map(_aishell1, _AISHELL1),
    *map(_aishell2, ("Mic", "iOS", "Android")),
    *map(_covost2, COVOST_DIRECTIONS),
    SRWT,
    MELD,
    *map(_fleurs, _FLEURS),
    *map(_common_voice, LANGUAGES),
)
