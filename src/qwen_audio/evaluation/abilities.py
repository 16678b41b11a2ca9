"""The table of abilities: on which clips each is measured, what is asked, what is good enough."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from qwen_audio.evaluation import scoring
from qwen_audio.evaluation.clips import DevClip
from qwen_audio.evaluation.records import TRANSCRIPTS, Measure, Question
from qwen_audio.inference.limits import most_tokens
from qwen_audio.tasks.labels import Labels
from qwen_audio.tasks.registry import find_task
from qwen_audio.tasks.speech_targets import spaced
from qwen_audio.text.timestamps import FIRST_STAMP

CHAT = "chat"
DIALOGUES_RIGHT, TURNS_RIGHT = "dialogues right", "turns right"
Asker = Callable[[str, DevClip], Iterator[Question]]


@dataclass(frozen=True, kw_only=True)
class Ability:
    """One thing that a model can do, and how well it should.

    Attributes:
        name: its name on the command line.
        title: its name in the table.
        measures: what is counted; the first is held against floor and aim.
        floor: the least that is acceptable, in the first measure's unit.
        aim: what is hoped for.
        datasets: the sets whose dev clips are asked about; empty for all.
        ask: gives the questions about a clip.
        note: what a reader of the table has to know.
        shows_parts: whether the result of each part stands in the short table too.
    """

    name: str
    title: str
    measures: tuple[Measure, ...]
    floor: float | None = None
    aim: float | None = None
    datasets: tuple[str, ...] = ()
    ask: Asker
    note: str = ""
    shows_parts: bool = False


def _by_task(
    *names: str,
    part: Callable[[DevClip], str] = lambda clip: clip.record.dataset,
    keep: Callable[[Labels], bool] = lambda _labels: True,
    opening: str = "",
    reference: Callable[[Labels], str | None] | None = None,
    max_new_tokens: int = 32,
) -> Asker:
    """Return what asks for the first of some tasks that the labels allow.

    Args:
        *names: of the tasks.
        part: the group whose own result is shown.
        keep: which labels to ask about at all.
        opening: the first tokens of the reply, which the prompt gives.
        reference: what is right, if not the task's own target.
        max_new_tokens: where a reply is cut; a transcript, where one of its clip's length ends.
    """

    def ask(ability: str, clip: DevClip) -> Iterator[Question]:
        record, labels = clip.record, clip.record.labels
        task = next((t for t in map(find_task, names) if t.applies(labels)), None)
        if task is None or not keep(labels):
            return
        right = (reference or task.render)(labels)
        limit = max_new_tokens
        if task.name in TRANSCRIPTS:
            limit = most_tokens(record.duration_s, labels.language, words=bool(opening))
        if right:
            yield Question(
                ability=ability,
                task=task.name,
                key=f"{record.dataset}/{record.key}",
                dataset=record.dataset,
                part=part(clip),
                audio=record.audio,
                duration_s=record.duration_s,
                tags=task.tags(labels),
                opening=opening,
                reference=right,
                language=labels.language,
                max_new_tokens=limit,
            )

    return ask


def _scene_questions(ability: str, clip: DevClip) -> Iterator[Question]:
    """Yield a question for everything asked about order and number."""
    task, record = find_task("AQA"), clip.record
    for number, asked in enumerate(record.labels.qa):
        if asked.kind not in ("order", "first", "last", "count"):
            continue
        labels = replace(record.labels, qa=(asked,))
        yield Question(
            ability=ability,
            task=task.name,
            key=f"{record.dataset}/{record.key}/{number}",
            dataset=record.dataset,
            part=asked.kind,
            audio=record.audio,
            duration_s=record.duration_s,
            tags=task.tags(labels),
            reference=asked.answer,
        )


def _no_clip(_ability: str, _clip: DevClip) -> Iterator[Question]:
    """Yield nothing: dialogues choose their clips themselves."""
    yield from ()


def _who(clip: DevClip) -> str:
    """Return the set, and whether a child speaks: children's voices hardly tell."""
    is_child = clip.record.labels.age_group in ("child", "teenager")
    return f"{clip.record.dataset}, {'under 18' if is_child else 'adults'}"


def _errors(name: str) -> tuple[Measure, ...]:
    return (Measure(name=name, score=scoring.word_errors, is_error=True),)


def _accuracy(score: Callable[..., scoring.Ratio], name: str = "accuracy") -> tuple[Measure, ...]:
    return (Measure(name=name, score=score),)


_ENGLISH = ("librispeech-test-other100", "librispeech-trainclean251", "en-speechocean762")
_WRITTEN = _by_task("ASR")

ABILITIES: tuple[Ability, ...] = (
    Ability(
        name="english",
        title="English speech",
        measures=_errors("WER"),
        floor=25.0,
        aim=15.7,
        datasets=("librispeech-test-other100",),
        ask=_WRITTEN,
        note="greedy, language given, lower case, no number or title normalisation",
    ),
    Ability(
        name="accented",
        title="accented English",
        measures=_errors("WER"),
        floor=25.0,
        aim=12.0,
        datasets=("en-speechocean762",),
        ask=_WRITTEN,
    ),
    Ability(
        name="german",
        title="German speech",
        measures=_errors("WER"),
        floor=30.0,
        aim=12.0,
        datasets=("de-kerstin",),
        ask=_WRITTEN,
    ),
    Ability(
        name="mandarin",
        title="Mandarin words",
        measures=_errors("CER"),
        floor=30.0,
        aim=10.0,
        datasets=("zh-audio-cmn", "zh-dspspeech20"),
        ask=_by_task("ASR", keep=lambda labels: labels.language == "zh"),
        note="without the English words of zh-dspspeech20",
        shows_parts=True,
    ),
    Ability(
        name="words",
        title="word timestamps",
        measures=(
            Measure(
                name="mean start/end error",
                score=scoring.milliseconds_off,
                unit="ms",
                is_error=True,
            ),
            Measure(name="words found", score=scoring.words_in_common),
        ),
        floor=120.0,
        aim=60.0,
        ask=_by_task(
            "SRWT-en",
            part=lambda clip: f"{clip.record.dataset}, times {clip.words_from}",
            keep=lambda labels: labels.language == "en",
            opening=FIRST_STAMP,
        ),
        note="English; over the words that the reply has too, whose share stands below",
        shows_parts=True,
    ),
    Ability(
        name="language",
        title="spoken language",
        measures=_accuracy(scoring.same_language),
        floor=90.0,
        aim=97.0,
        datasets=(
            *_ENGLISH,
            "de-kerstin",
            "zh-audio-cmn",
            "zh-dspspeech20",
            "ko-emotiontts",
            "picovoice-leopard",
            "precise-community",
        ),
        ask=_by_task(
            "LID",
            part=lambda clip: clip.record.labels.language or "",
            keep=lambda labels: labels.keyword is None or labels.language != "en",
        ),
        note="one-word clips only where they are not English",
        shows_parts=True,
    ),
    Ability(
        name="sounds-esc10",
        title="sound events, ESC-10 fold 4",
        measures=_accuracy(scoring.same_sound),
        floor=85.0,
        aim=97.0,
        datasets=("esc10",),
        ask=_by_task("SEC", part=lambda clip: clip.record.labels.sound[0]),
    ),
    Ability(
        name="sounds-urban",
        title="sound events, UrbanSound",
        measures=_accuracy(scoring.same_sound),
        floor=65.0,
        aim=80.0,
        datasets=("urbansound8k-part",),
        ask=_by_task("SEC", part=lambda clip: clip.record.labels.sound[0]),
    ),
    Ability(
        name="emotion",
        title="emotion, unseen speakers",
        measures=_accuracy(scoring.same_text),
        floor=50.0,
        aim=70.0,
        datasets=("ravdess",),
        ask=_by_task("ER", "SMER", part=lambda clip: clip.record.labels.voice or "speech"),
        shows_parts=True,
    ),
    Ability(
        name="gender",
        title="gender of the speaker",
        measures=_accuracy(scoring.same_text),
        floor=90.0,
        aim=97.0,
        datasets=("ravdess", *_ENGLISH),
        ask=_by_task("SGC", part=_who),
        shows_parts=True,
    ),
    Ability(
        name="instrument",
        title="instrument of a note",
        measures=_accuracy(scoring.same_instruments),
        floor=85.0,
        aim=97.0,
        datasets=("philharmonia",),
        ask=_by_task("MIC", part=lambda clip: clip.record.labels.instrument[0]),
    ),
    Ability(
        name="pitch",
        title="pitch of a note",
        measures=_accuracy(scoring.same_pitch, "exact MIDI number"),
        floor=85.0,
        aim=97.0,
        datasets=("philharmonia",),
        ask=_by_task(
            "MNA",
            part=lambda clip: clip.record.labels.instrument[0],
            keep=lambda labels: labels.pitch is not None,
            max_new_tokens=48,
        ),
        note="without trills, harmonics and slides",
    ),
    Ability(
        name="captions",
        title="composed scenes, caption",
        measures=(
            Measure(name="mentions every event", score=scoring.names_every_sound),
            Measure(name="events mentioned", score=scoring.share_of_sounds),
        ),
        floor=70.0,
        aim=90.0,
        datasets=("scenes",),
        ask=_by_task(
            "AAC",
            part=lambda clip: _how_many(len(clip.record.labels.heard)),
            reference=lambda labels: ", ".join(dict.fromkeys(e.label for e in labels.events)),
            max_new_tokens=96,
        ),
    ),
    Ability(
        name="questions",
        title="composed scenes, order and count",
        measures=_accuracy(scoring.same_answer, "exact answer"),
        floor=70.0,
        aim=90.0,
        datasets=("scenes",),
        ask=_scene_questions,
    ),
    Ability(
        name="intent",
        title="commands, intent",
        measures=_accuracy(scoring.same_text),
        floor=80.0,
        aim=95.0,
        datasets=("picovoice-intent",),
        ask=_by_task("IC", part=lambda clip: spaced(clip.record.labels.intent or "")),
        note="the set has one intent only",
    ),
    Ability(
        name="slots",
        title="commands, details",
        measures=(
            Measure(name="F1", score=scoring.slots_in_common),
            Measure(name="all details right", score=scoring.same_slots),
        ),
        datasets=("picovoice-intent",),
        ask=_by_task("SF", max_new_tokens=96),
    ),
    Ability(
        name=CHAT,
        title="chat, 60 dialogues",
        measures=(
            # the verdicts are those of each turn's own check
            Measure(name=DIALOGUES_RIGHT, score=scoring.same_text),
            Measure(name=TURNS_RIGHT, score=scoring.same_text),
        ),
        floor=80.0,
        aim=95.0,
        ask=_no_clip,
        note="a dialogue is right when every turn is",
    ),
)


def _how_many(sounds: int) -> str:
    return f"{sounds} kind of sound" if sounds == 1 else f"{sounds} kinds of sounds"


def questions_about(ability: Ability, clips: tuple[DevClip, ...]) -> list[Question]:
    """Return everything that an ability asks about the clips, in their order."""
    return [
        question
        for clip in clips
        if not ability.datasets or clip.record.dataset in ability.datasets
        for question in ability.ask(ability.name, clip)
    ]
