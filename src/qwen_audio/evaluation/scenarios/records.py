"""Scenarios as data: the clips that they need, and what is said about them turn by turn."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from qwen_audio.errors import DataError, unknown_name
from qwen_audio.evaluation.checks import Check, check_from_json
from qwen_audio.evaluation.scenarios.shapes import Shape, shape_from_table

_PACKAGE = "qwen_audio.evaluation"
_FILE = "scenarios.toml"


@dataclass(frozen=True, kw_only=True)
class NeededClip:
    """A clip of a scenario, and what may be heard in its place.

    Attributes:
        name: what the scenarios call it; also the name of a user's file, without its ending.
        original: the original's own file, by its name without the ending.
        what: what is to be heard, for who records one.
        says: the words, where a local voice can speak them instead.
        stand_in: the packaged example that is heard where there is nothing better.
    """

    name: str
    original: str
    what: str
    stand_in: str
    says: str | None = None


@dataclass(frozen=True, kw_only=True)
class ScenarioTurn:
    """What the user says, or has edited, and how the reply is checked.

    Attributes:
        say: the question, or the instruction of an edit.
        clips: what comes with it.
        shape: what every reply must look like.
        full: what a right reply has; None where nothing more is to be said.
        is_edit: whether the latest clip is edited as told, with the model as the ear.
    """

    say: str
    clips: tuple[str, ...]
    shape: Shape
    full: Check | None = None
    is_edit: bool = False


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A dialogue of the tutorial or of the demo page."""

    name: str
    source: str
    turns: tuple[ScenarioTurn, ...]


@dataclass(frozen=True, kw_only=True)
class Suite:
    """All scenarios and the clips that they need, by name."""

    scenarios: tuple[Scenario, ...]
    clips: Mapping[str, NeededClip]

    def only(self, names: list[str]) -> "Suite":
        """Return some of the scenarios; without names, all of them.

        Raises:
            DataError: an unknown name.
        """
        known = {scenario.name: scenario for scenario in self.scenarios}
        for name in names:
            if name not in known:
                raise DataError(unknown_name("scenario", name, known))
        chosen = tuple(known[name] for name in names) if names else self.scenarios
        return Suite(scenarios=chosen, clips=self.clips)


def packaged_suite() -> Suite:
    """Return the scenarios that come with the package."""
    text = resources.files(_PACKAGE).joinpath(_FILE).read_text(encoding="utf-8")
    return suite_from_toml(text)


def suite_from_toml(text: str) -> Suite:
    """Return the scenarios in a TOML text.

    Raises:
        DataError: it is no TOML, a key is missing or unknown, or a turn names an unknown clip.
    """
    try:
        table = tomllib.loads(text)
        clips = {row["name"]: NeededClip(**row) for row in table["clips"]}
        scenarios = tuple(_scenario(row, clips) for row in table["scenarios"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise DataError(
            f"the scenarios cannot be read ({error!r}); each needs 'name', 'source' and 'turns', "
            "each turn 'say' or 'edit'"
        ) from error
    return Suite(scenarios=scenarios, clips=clips)


def _scenario(row: Mapping[str, Any], clips: Mapping[str, NeededClip]) -> Scenario:
    turns = tuple(_turn(turn, clips) for turn in row["turns"])
    return Scenario(name=row["name"], source=row["source"], turns=turns)


def _turn(row: Mapping[str, Any], clips: Mapping[str, NeededClip]) -> ScenarioTurn:
    for name in row.get("clips", ()):
        if name not in clips:
            raise DataError(unknown_name("clip", name, clips))
    is_edit = "edit" in row
    return ScenarioTurn(
        say=row["edit" if is_edit else "say"],
        clips=tuple(row.get("clips", ())),
        shape=shape_from_table(row.get("shape", {})),
        full=check_from_json(row["full"]) if "full" in row else None,
        is_edit=is_edit,
    )
