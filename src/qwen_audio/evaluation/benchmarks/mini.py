"""The small benchmarks: dev shards of real clips, enough to see whether a model works at all.

Every shard with labels that can be asked for is here; crying babies and coffee orders, whose labels
are one class, are not.
"""

from pathlib import Path

from qwen_audio.data.shards import read_shard
from qwen_audio.evaluation.benchmarks import prompts
from qwen_audio.evaluation.benchmarks.manifests import samples_from
from qwen_audio.evaluation.benchmarks.records import Benchmark, Prompt, Reader, Sample
from qwen_audio.evaluation.benchmarks.sound import CLASSES
from qwen_audio.evaluation.benchmarks.speech import SRWT
from qwen_audio.tasks.labels import EMOTIONS, Labels
from qwen_audio.tasks.registry import find_task

FAMILY = "mini"
_WER = ("wer-paper", "wer-whisper")
_TRANSCRIBE = prompts.said(
    "Write down what is said in the audio in {language}, word for word and nothing else."
)
_SOUND = prompts.said("What sound is this? Answer with its name only.")


def _shards(dataset: str, task: str) -> Reader:
    def read(home: Path) -> list[Sample]:
        shards = sorted(home.glob(f"{dataset}-dev-*.tar"))
        records = (r for shard in shards for r, _ in read_shard(shard, with_audio=False))
        return list(samples_from(records, task))

    return read


def _mini(
    name: str,
    title: str,
    *,
    task: str,
    prompt: tuple[Prompt, Prompt],
    metrics: tuple[str, ...],
    dataset: str = "",
) -> Benchmark:
    tags, natural = prompt
    return Benchmark(
        name=f"{FAMILY}-{name}",
        title=title,
        family=FAMILY,
        task=task,
        data=f"dev shards of {dataset or name} (NAME-dev-NNN.tar)",
        split="dev",
        read=_shards(dataset or name, task),
        from_labels=task,
        tags=tags,
        natural=natural,
        metrics=metrics,
        opening=SRWT.opening if task == SRWT.task else "",
        max_new_tokens={"ASR": 256, SRWT.task: SRWT.max_new_tokens}.get(task, 48),
        note="a small set, of no use for comparison with published numbers",
    )


def _speech(name: str, title: str, **rest: str) -> Benchmark:
    return _mini(
        name, title, task="ASR", prompt=(prompts.transcribe, _TRANSCRIBE), metrics=_WER, **rest
    )


def _sound(name: str, title: str, **rest: str) -> Benchmark:
    asked = (prompts.analysis("event"), _SOUND)
    return _mini(name, title, task="SEC", prompt=asked, metrics=CLASSES, **rest)


_EMOTION = (
    prompts.analysis("emotion_recognition", language="en"),
    prompts.one_of("Which emotion does the voice show?", EMOTIONS),
)
_GENDER = (
    lambda sample: find_task("SGC").tags(Labels(language=sample.language)),
    prompts.one_of("Is the speaker male or female?", ("male", "female")),
)
_INSTRUMENT = (
    lambda _sample: find_task("MIC").tags(Labels()),
    prompts.said("Which instrument is playing? Answer with its name only."),
)

BENCHMARKS: tuple[Benchmark, ...] = (
    _speech("librispeech", "LibriSpeech, 50 clips", dataset="librispeech-test-other100"),
    _speech("accented", "accented English", dataset="en-speechocean762"),
    _speech("german", "German reading", dataset="de-kerstin"),
    _speech("mandarin", "Mandarin words", dataset="zh-audio-cmn"),
    _speech("korean", "Korean reading", dataset="ko-emotiontts"),
    _speech("digits", "spoken digits", dataset="fsdd"),
    _speech("wakewords", "wake words", dataset="precise-community"),
    _speech("laptops", "Mandarin words, laptops", dataset="zh-dspspeech20"),
    _mini(
        "times",
        "words with times, two clips",
        task="SRWT",
        dataset="picovoice-leopard",
        prompt=(prompts.words_with_times, SRWT.natural),
        metrics=SRWT.metrics,
    ),
    _sound("esc10", "ESC-10, fold 4"),
    _sound("urbansound", "city sounds", dataset="urbansound8k-part"),
    _sound("ambiences", "places and weather", dataset="moodist"),
    _mini(
        "gender",
        "voice of a man or a woman",
        task="SGC",
        dataset="librispeech-trainclean251",
        prompt=_GENDER,
        metrics=CLASSES,
    ),
    _mini(
        "ravdess",
        "acted emotion, two new actors",
        task="SER",
        prompt=_EMOTION,
        metrics=CLASSES,
    ),
    _mini(
        "philharmonia",
        "instrument of a note",
        task="MIC",
        prompt=_INSTRUMENT,
        metrics=CLASSES,
    ),
)
