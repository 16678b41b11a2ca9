"""The table of results: ability | measure | floor | aim | result | clips."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from qwen_audio.evaluation.abilities import Ability
from qwen_audio.evaluation.records import Answer, Measure, value_of

_HEAD = ("ability", "measure", "floor", "aim", "result", "clips")


@dataclass(frozen=True, kw_only=True)
class PartResult:
    """The first measure's value for one part of an ability's clips."""

    part: str
    value: float | None
    clips: int


@dataclass(frozen=True, kw_only=True)
class AbilityResult:
    """How good a model is at one thing.

    Attributes:
        name: of the ability.
        title: of the ability, for people.
        measure: what the value is.
        unit: of value, floor and aim.
        floor: the least that is acceptable.
        aim: what is hoped for.
        value: the result; `None` if there was nothing to measure.
        clips: how many clips (dialogues, questions) it is over.
        is_met: whether the floor is reached; `None` without a floor.
        others: further measures and their values.
        parts: the value for each part.
        note: what a reader has to know.
        shows_parts: whether the parts stand in the short table too.
        peers: what others reach, by name; on how many of the clips they were asked.
    """

    name: str
    title: str
    measure: str
    unit: str
    floor: float | None
    aim: float | None
    value: float | None
    clips: int
    is_met: bool | None
    others: tuple[tuple[str, float | None], ...]
    parts: tuple[PartResult, ...]
    note: str
    shows_parts: bool
    peers: tuple[PartResult, ...] = ()


def result_of(ability: Ability, answers: Sequence[Answer]) -> AbilityResult:
    """Return what the answers say about an ability."""
    first, *others = ability.measures
    value = _value(first, answers)
    groups: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        groups[answer.part].append(answer)
    parts = tuple(
        PartResult(part=part, value=_value(first, group), clips=_count(first, group))
        for part, group in sorted(groups.items())
    )
    return AbilityResult(
        name=ability.name,
        title=ability.title,
        measure=first.name,
        unit=first.unit,
        floor=ability.floor,
        aim=ability.aim,
        value=value,
        clips=_count(first, answers),
        is_met=_is_met(first, value, ability.floor),
        others=tuple((measure.name, _value(measure, answers)) for measure in others),
        parts=parts,
        note=ability.note,
        shows_parts=ability.shows_parts,
    )


def beside(result: AbilityResult, peers: Mapping[str, Sequence[AbilityResult]]) -> AbilityResult:
    """Return a result with those of others, by name, for the same ability."""
    found = [
        PartResult(part=name, value=other.value, clips=other.clips)
        for name, others in peers.items()
        for other in others
        if other.name == result.name
    ]
    return replace(result, peers=tuple(found))


def _value(measure: Measure, answers: Iterable[Answer]) -> float | None:
    value = value_of(dict(answer.scores)[measure.name] for answer in answers)
    if value is None:
        return None
    return round(100 * value if measure.unit == "%" else value, 2)


def _count(measure: Measure, answers: Iterable[Answer]) -> int:
    """Return over how many answers a measure is: turns inside a dialogue have no share in it."""
    if measure.unit != "%":
        return len(list(answers))
    return sum(dict(answer.scores)[measure.name].whole > 0 for answer in answers)


def _is_met(measure: Measure, value: float | None, floor: float | None) -> bool | None:
    if floor is None:
        return None
    if value is None:
        return False
    return value <= floor if measure.is_error else value >= floor


def table(results: Sequence[AbilityResult], *, with_parts: bool = False) -> str:
    """Return the results as a table in Markdown, misses marked, with the notes below.

    Args:
        results: one for each ability.
        with_parts: whether every ability shows its parts; otherwise only those that have to.
    """
    rows = [_HEAD]
    for result in results:
        limits = (_shown(result.floor, result.unit), _shown(result.aim, result.unit))
        rows.append((result.title, result.measure, *limits, _verdict(result), str(result.clips)))
        rows += [("", name, "", "", _shown(other, "%"), "") for name, other in result.others]
        rows += [_aside(f"beside it: {peer.part}", peer, result.unit) for peer in result.peers]
        if with_parts or result.shows_parts:
            rows += [_aside(f"· {part.part}", part, result.unit) for part in result.parts]
    notes = [f"{result.title}: {result.note}." for result in results if result.note]
    return "\n".join([*_aligned(rows), "", *notes])


def _aside(title: str, part: PartResult, unit: str) -> tuple[str, ...]:
    return (title, "", "", "", _shown(part.value, unit), str(part.clips))


def _verdict(result: AbilityResult) -> str:
    """Return the value, or why there is none, and whether the floor is missed."""
    if not result.clips:
        return "not measured"
    mark = " (missed)" if result.is_met is False else ""
    return _shown(result.value, result.unit, missing="none") + mark


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def _shown(value: float | None, unit: str, *, missing: str = "") -> str:
    """Return a value with its unit.

    >>> _shown(15.72, "%"), _shown(60.0, "ms")
    ('15.7 %', '60 ms')
    """
    if value is None:
        return missing
    return f"{value:.1f} %" if unit == "%" else f"{value:.0f} {unit}"


def summary(results: Sequence[AbilityResult], **run: Any) -> dict[str, Any]:
    """Return the results as a JSON object, with what is known of the run before them."""
    return {**run, "abilities": [asdict(result) for result in results]}
