"""Holds the scenarios with a model, each as one conversation, and checks every reply."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from qwen_audio.audio.edits import Edits
from qwen_audio.audio.sound import load_sound
from qwen_audio.errors import QwenAudioError
from qwen_audio.evaluation.scenarios.records import Scenario, ScenarioTurn, Suite
from qwen_audio.evaluation.scenarios.sounds import ORIGINAL, SPOKEN, HeardClip, Speak
from qwen_audio.inference.conversation import Conversation
from qwen_audio.inference.generation import Generation
from qwen_audio.inference.instructed import edit_as_told, spans_of, words_of

SETTINGS = Generation(max_new_tokens=160)
OnTurn = Callable[["TurnResult"], None]


@dataclass(frozen=True, kw_only=True)
class TurnResult:
    """What came of one turn.

    Attributes:
        scenario: its dialogue.
        source: where the dialogue is from.
        number: of the turn, from 1.
        say: what the user said.
        heard: the clips that came with it, and whether each was the one that is meant.
        reply: what was answered, time stamps included, or what was done in an edit.
        seconds: how long it took.
        faults: what is wrong with the shape; nothing if it is right.
        is_full: whether the answer is right; None where that was not checked.
    """

    scenario: str
    source: str
    number: int
    say: str
    heard: tuple[str, ...]
    reply: str
    seconds: float
    faults: tuple[str, ...]
    is_full: bool | None

    @property
    def has_shape(self) -> bool:
        """Whether the reply looks as it must."""
        return not self.faults


@dataclass
class _Stage:
    """A scenario while it is held."""

    conversation: Conversation
    sounds: Mapping[str, HeardClip]
    speak: Speak | None
    heard: list[HeardClip] = field(default_factory=list)
    edits: Edits | None = None

    def answer(self, turn: ScenarioTurn) -> str:
        """Return the reply to a turn, time stamps included, or what an edit did."""
        new = [self.sounds[name] for name in turn.clips]
        self.heard += new
        if turn.is_edit:
            return self._edit(turn.say, is_new=bool(new))
        clips = [each.clip for each in new]
        self.conversation.ask(turn.say, clips=clips)
        return "".join(part.text for part in self.conversation.turns[-1].answer)

    def _edit(self, instruction: str, *, is_new: bool) -> str:
        """Edit the latest clip, with what was done to it before, and say what was done."""
        if self.edits is None or is_new:
            self.edits = Edits(load_sound(self.heard[-1].clip))
        model = self.conversation.model
        done = edit_as_told(
            self.edits,
            instruction,
            hear_words=words_of(model),
            ground=spans_of(model) if hasattr(model, "ask") else None,
            speak=self.speak,
        )
        steps = ", ".join(f"{e.kind} {e.start_s:.2f} to {e.end_s:.2f} s" for e in done)
        return f"edited: {steps}; {self.edits.sound.duration_s:.2f} s"

    def can_be_right(self, turn: ScenarioTurn) -> bool:
        """Return whether the clips so far are such that the right answer is known."""
        needs_original = turn.full is not None and turn.full.time is not None
        enough = (ORIGINAL,) if needs_original else (ORIGINAL, SPOKEN)
        return all(each.kind in enough for each in self.heard)


def hold_suite(
    model: Any,
    suite: Suite,
    sounds: Mapping[str, HeardClip],
    *,
    settings: Generation = SETTINGS,
    speak: Speak | None = None,
    on_turn: OnTurn | None = None,
) -> list[TurnResult]:
    """Return one result a turn.

    Args:
        model: anything that can converse.
        suite: the scenarios.
        sounds: what is heard for each clip.
        settings: how replies are made.
        speak: a local voice for words that an edit puts in, if there is one.
        on_turn: called with each result as it comes.
    """
    results: list[TurnResult] = []
    for scenario in suite.scenarios:
        stage = _Stage(Conversation(model, settings=settings), sounds, speak)
        for number, turn in enumerate(scenario.turns, start=1):
            results.append(_hold(stage, scenario, number, turn))
            if on_turn is not None:
                on_turn(results[-1])
    return results


def _hold(stage: _Stage, scenario: Scenario, number: int, turn: ScenarioTurn) -> TurnResult:
    started = time.monotonic()
    error: QwenAudioError | None = None
    reply = ""
    try:
        reply = stage.answer(turn)
        faults = turn.shape.faults(reply)
    except QwenAudioError as found:  # the other turns can still be held
        error, faults = found, (f"error: {found}",)
    is_full = None
    if turn.full is not None and stage.can_be_right(turn):
        is_full = error is None and turn.full.passes(reply)
    return TurnResult(
        scenario=scenario.name,
        source=scenario.source,
        number=number,
        say=turn.say,
        heard=tuple(f"{stage.sounds[name].kind}: {name}" for name in turn.clips),
        reply=reply,
        seconds=round(time.monotonic() - started, 2),
        faults=faults,
        is_full=is_full,
    )
