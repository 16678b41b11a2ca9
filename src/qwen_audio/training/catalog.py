"""What can be asked about each stored clip: its labels, the tasks they allow, its CTC targets."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from typing import Any

from tokenizers import Tokenizer

from qwen_audio.data.memory import ClipStore, StoredClip
from qwen_audio.tasks.label_files import labels_from_json, note_name
from qwen_audio.tasks.labels import Labels, Word, moved
from qwen_audio.tasks.registry import TASKS, applicable, find_task
from qwen_audio.tasks.transcripts import UNSPACED, plain_transcript
from qwen_audio.text.vocab import LANGUAGES

_CLIPS_AT_ONCE = 1000
# Tasks whose answer changes with the pitch of the voice.
ABOUT_THE_VOICE = frozenset(
    {"SGC", "SAP", "SAP-years", "ER", "SER", "Speech SER", "SV", "SD", "DID"}
)


@dataclass(frozen=True, kw_only=True)
class LabelledClip:
    """A stored clip with what is known about it."""

    stored: StoredClip
    labels: Labels
    tasks: tuple[str, ...]
    name_ids: tuple[int, ...]  # what kind of voice or sound it is, as it reads before the words
    word_ids: tuple[int, ...]

    @property
    def ctc_ids(self) -> tuple[int, ...]:
        """What the clip's frames should read like."""
        return self.name_ids + self.word_ids

    @property
    def voice(self) -> tuple[str, str | None, str | None]:
        """What must agree for two clips to be joined: set, language and speaker."""
        return self.stored.dataset, self.labels.language, self.labels.speaker

    @property
    def is_speech(self) -> bool:
        """Whether the words are what the clip is about, so that other sounds are only noise."""
        return bool(self.labels.text) and not self.labels.heard and not self.labels.is_music


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """How CTC targets are cut: names into whole tokens, words into the first merges' short units.

    In whole words a fifth of what an unseen reader says was hardly ever heard in 17 hours; short
    units all occur often. Names are few, and the LLM knows them best as it meets them.
    """

    names: Tokenizer
    words: Tokenizer


def catalogue(
    store: ClipStore, spelling: Spelling, *, processes: int = 1
) -> tuple[LabelledClip, ...]:
    """Return every clip of a store with its labels read.

    Raises:
        DataError: a label that cannot be read.
    """
    rows = [clip.labels for clip in store.clips]
    chunks = [rows[i : i + _CLIPS_AT_ONCE] for i in range(0, len(rows), _CLIPS_AT_ONCE)]
    read = partial(_read, spelling=spelling)
    if processes > 1 and len(chunks) > 1:
        with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
            known = [one for chunk in pool.map(read, chunks) for one in chunk]
    else:
        known = [one for chunk in map(read, chunks) for one in chunk]
    return tuple(
        LabelledClip(stored=stored, labels=labels, tasks=tasks, name_ids=names, word_ids=words)
        for stored, (labels, tasks, names, words) in zip(store.clips, known, strict=True)
    )


def _read(
    rows: Sequence[Mapping[str, Any]], *, spelling: Spelling
) -> list[tuple[Labels, tuple[str, ...], tuple[int, ...], tuple[int, ...]]]:
    found = []
    for row in rows:
        labels = labels_from_json(row)
        labels = replace(labels, words=close_gaps(labels.words))
        tasks = tuple(task.name for task in applicable(labels))
        found.append((labels, tasks, name_ids(labels, spelling), word_ids(labels, spelling)))
    return found


def name_ids(labels: Labels, spelling: Spelling) -> tuple[int, ...]:
    """Return the tokens that say what kind of voice speaks, or else what is heard, in order.

    The LLM then finds them where it finds the words; a decoder this small hardly learnt to hear a
    voice's gender or a language in a projected vector.
    """
    names = heard_names(labels) or voice_names(labels)
    return _ids(spelling.names, "".join(f" {name}" for name in names))


def word_ids(labels: Labels, spelling: Spelling) -> tuple[int, ...]:
    """Return the tokens of what is said: plain words, each with the space before it."""
    if not labels.text or labels.is_music:
        return ()
    plain = plain_transcript(labels.text, labels.language)
    space = "" if labels.language in UNSPACED else " "
    return _ids(spelling.words, space + plain) if plain else ()


def _ids(tokenizer: Tokenizer, text: str) -> tuple[int, ...]:
    return tuple(tokenizer.encode(text, add_special_tokens=False).ids)


def close_gaps(words: Sequence[Word], under_s: float = 0.08) -> tuple[Word, ...]:
    """Return words whose short gaps are halved between the neighbours, which then share a border.

    Aligners leave gaps of a frame or two that nobody hears; each would cost two tokens.

    >>> close_gaps([Word("a", 0.1, 0.3), Word("b", 0.34, 0.5)])
    (Word(text='a', start_s=0.1, end_s=0.32), Word(text='b', start_s=0.32, end_s=0.5))
    """
    closed = list(words)
    for place, (one, other) in enumerate(pairwise(words)):
        if 0 < other.start_s - one.end_s < under_s:
            border = round((one.end_s + other.start_s) / 2, 2)
            closed[place] = replace(closed[place], end_s=border)
            closed[place + 1] = replace(closed[place + 1], start_s=border)
    return tuple(closed)


def heard_names(labels: Labels) -> tuple[str, ...]:
    """Return the names of what a clip without words has: its events, sounds or note.

    >>> heard_names(Labels(instrument=("flute",), pitch=60))
    ('flute', 'C4')
    """
    if labels.text and not labels.is_music:
        return ()
    if labels.events:
        return tuple(e.label for e in sorted(labels.events, key=lambda e: (e.start_s, e.label)))
    note = () if labels.pitch is None else (note_name(labels.pitch),)
    return (*labels.sound, *labels.instrument, *note)


def voice_names(labels: Labels) -> tuple[str, ...]:
    """Return what is known of the voice: language, gender, emotion.

    >>> voice_names(Labels(language="de", gender="female"))
    ('German', 'female')
    """
    language = LANGUAGES.get(labels.language or "")
    return tuple(name for name in (language, labels.gender, labels.emotion) if name)


def ctc_tokens(clips: Iterable[LabelledClip]) -> tuple[int, ...]:
    """Return the tokens that occur in any transcript, in order."""
    return tuple(sorted({i for clip in clips for i in clip.ctc_ids}))


def joined(clips: Sequence[LabelledClip], gaps_s: Sequence[float]) -> Labels:
    """Return the labels of several clips of one voice, said one after the other.

    Only what stays true is kept: words and their times, language, speaker, gender and age.
    """
    first = clips[0].labels
    space = "" if first.language in UNSPACED else " "
    words: list[Word] = []
    start_s = 0.0
    for clip, gap_s in zip(clips, gaps_s, strict=True):
        start_s += gap_s
        words += moved(clip.labels.words, 1.0, start_s)
        start_s += clip.stored.duration_s
    has_all_times = all(clip.labels.words for clip in clips)
    return Labels(
        language=first.language,
        text=space.join(clip.labels.text or "" for clip in clips),
        words=tuple(words) if has_all_times else (),
        speaker=first.speaker,
        gender=first.gender,
        age=first.age,
    )


def speed_limits(labels: Labels, task: str, fastest: tuple[float, float]) -> tuple[float, float]:
    """Return how slow and fast a clip may be played for a task without making its label wrong.

    Speed moves pitch: notes are left alone, and who speaks and how changes by 5 % at most.
    """
    if labels.is_music or labels.voice == "song":
        return 1.0, 1.0
    if task in ABOUT_THE_VOICE or task not in TASKS:  # a dialogue may ask about the voice
        return max(fastest[0], 0.95), min(fastest[1], 1.05)
    return fastest


def check_tasks(names: Iterable[str]) -> None:
    """Check that a recipe's task names exist.

    Raises:
        DataError: one does not.
    """
    for name in names:
        find_task(name)
