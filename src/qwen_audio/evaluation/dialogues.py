"""Written dialogues over dev clips: what the user says, and what each reply must say."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from qwen_audio.data.manifest import Record
from qwen_audio.errors import DataError
from qwen_audio.evaluation.checks import Check, check_from_json
from qwen_audio.evaluation.clips import DevClip

_FILE = "dialogues.jsonl"


@dataclass(frozen=True, kw_only=True)
class UserTurn:
    """What the user says, with the clips that come with it, and how the reply is checked."""

    say: str
    clips: tuple[int, ...]
    check: Check
    expect: str


@dataclass(frozen=True, kw_only=True)
class ClipName:
    """Names a dev clip; `events` are those that the dialogue was written for."""

    dataset: str
    source: str
    events: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Dialogue:
    """A conversation about some clips; it is right when each of its turns is."""

    name: str
    kind: str
    clips: tuple[ClipName, ...]
    turns: tuple[UserTurn, ...]


def written_dialogues() -> tuple[Dialogue, ...]:
    """Return the dialogues that come with the package."""
    text = resources.files(__package__).joinpath(_FILE).read_text(encoding="utf-8")
    return tuple(dialogue_from_json(json.loads(line)) for line in text.splitlines() if line)


def dialogue_from_json(row: Mapping[str, Any]) -> Dialogue:
    """Return the dialogue in a JSON object.

    Raises:
        DataError: a key is missing or unknown, or a turn names a clip that is not listed.
    """
    try:
        clips = tuple(
            ClipName(**clip | {"events": tuple(clip.get("events", ()))})
            for clip in row.get("clips", [])
        )
        turns = tuple(_turn(turn, len(clips)) for turn in row["turns"])
        return Dialogue(name=row["name"], kind=row["kind"], clips=clips, turns=turns)
    except (KeyError, TypeError) as error:
        raise DataError(
            f"a dialogue cannot be read ({error!r}); it needs 'name', 'kind' and 'turns', each "
            "with 'say' and 'expect'"
        ) from error


def _turn(row: Mapping[str, Any], num_clips: int) -> UserTurn:
    clips = tuple(row.get("clips", ()))
    if any(place not in range(num_clips) for place in clips):
        raise DataError(f"a turn asks for clip {max(clips)} of {num_clips}; they count from 0")
    return UserTurn(
        say=row["say"],
        clips=clips,
        check=check_from_json(row["expect"]),
        expect=json.dumps(row["expect"], ensure_ascii=False),
    )


def find_clips(dialogues: Sequence[Dialogue], clips: Sequence[DevClip]) -> dict[ClipName, Record]:
    """Return the clip behind every name in the dialogues.

    Raises:
        DataError: a clip is not there, or is not the one that the dialogue was written for.
    """
    known = {(clip.record.dataset, clip.record.source): clip.record for clip in clips}
    found: dict[ClipName, Record] = {}
    missing: list[ClipName] = []
    for name in {name: None for dialogue in dialogues for name in dialogue.clips}:
        record = known.get((name.dataset, name.source))
        if record is None:
            missing.append(name)
            continue
        events = tuple(event.label for event in record.labels.events)
        if name.events and events != name.events:
            raise DataError(
                f"the clip {name.source!r} of {name.dataset} has the events {events}, but the "
                f"dialogues were written for {name.events}; make the set again as it was"
            )
        found[name] = record
    if missing:
        first = missing[0]
        raise DataError(
            f"{len(missing)} clips of the dialogues are missing, such as {first.source!r} of "
            f"{first.dataset}; give the folder that has them with --extra"
        )
    return found
