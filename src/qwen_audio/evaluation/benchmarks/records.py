"""The records of a benchmark: the benchmark itself, and one sample of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qwen_audio.data.manifest import AudioReference


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One clip, what is asked about it, and what is right.

    Attributes:
        key: names the sample within its benchmark.
        audio: where the clip is.
        references: the right answers; more than one for captions only.
        language: of the speech, as a code; `None` where nobody speaks.
        target: the language of the answer, for a translation.
        question: what is asked about this clip, where each clip has its own question.
        description: what is heard, in words, for a judge who hears nothing.
        choices: what the answer is chosen from, in the order in which it is offered.
        part: the group whose own result is shown, such as a task of a collection.
    """

    key: str
    audio: AudioReference
    references: tuple[str, ...]
    language: str | None = None
    target: str | None = None
    question: str | None = None
    description: str = ""
    choices: tuple[str, ...] = ()
    part: str = ""


Reader = Callable[[Path], list[Sample]]
Prompt = Callable[[Sample], str]


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A benchmark.

    Attributes:
        name: on the command line, such as "librispeech-test-clean".
        title: for people.
        family: the group that can be asked for by one name.
        task: the paper's short name of the task.
        data: the corpus, its version, and where its authors describe it.
        split: which part of it.
        size: how many samples the whole split has; 0 where nobody says it.
        version: of the questions, where several exist.
        read_version: tells the version from the folder, where its name does not.
        places: where the corpus may lie below the data folder; the first that is there is taken.
        read: gives the samples of the corpus in its folder.
        from_labels: the task whose labels a manifest of ours has to give; see `manifests`.
        tags: the prompt by tags, as the original's scripts have it.
        natural: the prompt in words.
        opening: the first tokens of the reply, which the tag prompt gives.
        metrics: names of metrics; the first is the one that is compared.
        max_new_tokens: where a reply is cut.
        is_judged: whether a judge has to rate the replies.
        in_paper: whether the Qwen-Audio paper has it.
        note: what a reader of the table has to know.
    """

    name: str
    title: str
    family: str
    task: str
    data: str
    split: str
    size: int = 0
    version: str = ""
    read_version: Callable[[Path], str] | None = None
    places: tuple[str, ...] = (".",)
    read: Reader
    from_labels: str = ""
    tags: Prompt
    natural: Prompt
    opening: str = ""
    metrics: tuple[str, ...]
    max_new_tokens: int
    is_judged: bool = False
    in_paper: bool = False
    note: str = ""


def numbered(samples: Sequence[Sample]) -> list[Sample]:
    """Return samples with keys that differ: a second "a.wav" becomes "a.wav#2"."""
    seen: dict[str, int] = {}
    unique = []
    for sample in samples:
        seen[sample.key] = count = seen.get(sample.key, 0) + 1
        unique.append(sample if count == 1 else replace(sample, key=f"{sample.key}#{count}"))
    return unique
