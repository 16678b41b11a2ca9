"""Training recipes: what a person writes in TOML, as frozen records.

A recipe says which model learns, from what, how fast and for how long. An unknown key is an error
that names the closest known key; `resolved` writes the recipe with every default filled in.
"""

import json
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from qwen_audio.errors import RecipeError, unknown_name

STAGES = ("align", "pretrain", "chat")


@dataclass(frozen=True, kw_only=True)
class DataRecipe:
    """Where the clips come from; paths may hold `*`."""

    shards: tuple[str, ...] = ()
    side_labels: tuple[str, ...] = ()
    store: str = ""  # decoded clips live here; default: the run folder
    most_hours: dict[str, float] = field(default_factory=dict)  # of a set; unnamed ones are whole
    encoded: str = (
        ""  # encoder outputs live here, made once (data/encoded.py); frozen encoders only
    )
    dev_shards: tuple[str, ...] = ()
    dev_side_labels: tuple[str, ...] = ()
    workers: int = 2  # background processes that render examples, and decode shards at the start
    max_unreadable_share: float = 0.05
    on_device: bool = True  # keep the decoded clips in GPU memory when there is a GPU


@dataclass(frozen=True, kw_only=True)
class MixtureRecipe:
    """How often each task and set is drawn; unnamed ones have weight `other` and 1.

    Within a task, a set of n clips is drawn in proportion to n ** `temperature`.
    """

    tasks: dict[str, float] = field(default_factory=dict)
    datasets: dict[str, float] = field(default_factory=dict)
    other: float = 1.0
    temperature: float = 0.5
    dialogue_share: float = 0.0  # of all examples, as ChatML dialogues
    join_share: float = 0.5  # of short clips of speech, joined into longer ones
    join_max_s: float = 28.0


@dataclass(frozen=True, kw_only=True)
class BatchRecipe:
    """How much goes into a step: padded audio seconds, in buckets of similar length."""

    seconds: float = 600.0
    max_rows: int = 512
    chunk: int = 2048  # examples that are drawn together and sorted into buckets
    accumulate: int = 1  # batches a step, shared out among the processes of a run


@dataclass(frozen=True, kw_only=True)
class PartRecipe:
    """How one part learns: rate 0 freezes it; rank 0 learns the weights themselves.

    With a rank and no rate, what an earlier stage put into the adapters works on unchanged.
    """

    rate: float = 0.0
    rank: int = 0
    first_layer: int = 0  # adapters from this layer on; what lies below costs no weight gradients
    alpha: float = 0.0  # adapters' scale is alpha / rank; 0 means alpha = rank
    layer_decay: float = 1.0  # the rate of each layer below the last is this much smaller

    def __post_init__(self) -> None:
        if self.rate < 0 or self.rank < 0:
            raise RecipeError(
                f"a part's rate and rank are 0 or more; got {self.rate} and {self.rank}"
            )


@dataclass(frozen=True, kw_only=True)
class LearnRecipe:
    """The four parts: encoder, projector (with begin/end embeddings), new token rows, decoder."""

    encoder: PartRecipe = field(default_factory=PartRecipe)
    projector: PartRecipe = field(default_factory=PartRecipe)
    rows: PartRecipe = field(default_factory=PartRecipe)
    llm: PartRecipe = field(default_factory=PartRecipe)


@dataclass(frozen=True, kw_only=True)
class LossRecipe:
    """What is minimised: next-token loss, plus `ctc` times the CTC loss on projected frames.

    A target of n tokens weighs n ** (1 - `length_exponent`): 0 is the plain mean over tokens.
    """

    ctc: float = 0.0
    length_exponent: float = 0.0


@dataclass(frozen=True, kw_only=True)
class OptimizerRecipe:
    """AdamW with linear warm-up, then a cosine down to `final_share` of the peak rate."""

    warmup: int = 100
    final_share: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.98
    epsilon: float = 1e-6
    weight_decay: float = 0.01
    clip: float = 1.0


@dataclass(frozen=True, kw_only=True)
class AugmentRecipe:
    """How clips vary: shares are probabilities, drawn per clip."""

    speed_min: float = 0.87
    speed_max: float = 1.15
    noise_share: float = 0.5
    snr_min_db: float = 5.0
    snr_max_db: float = 30.0
    room_share: float = 0.25
    band_share: float = 0.15
    gain_db: float = 8.0
    mask_bins: int = 27  # SpecAugment "LibriSpeech Basic": F 27, T 100, one mask each
    mask_frames: int = 100
    mask_share: float = 0.2  # of a clip's frames, at most
    time_warp: int = 0  # W; moves events, so leave 0 where times are learnt


@dataclass(frozen=True, kw_only=True)
class SaveRecipe:
    """When checkpoints are written, and how many are kept."""

    every: int = 500
    keep: int = 2


@dataclass(frozen=True, kw_only=True)
class DevRecipe:
    """Greedy answers on dev clips: every so many steps, and at the end of a piece."""

    every: int = 0
    seconds: float = 25.0  # stop asking after this long
    clips: int = 50  # a set and task, at most
    tasks: tuple[str, ...] = ()  # empty: every task the labels allow
    max_new_tokens: int = 160
    batch: int = 64


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One stage of training."""

    stage: str
    model: str
    steps: int
    start: str = ""  # run folder, checkpoint or adapters file of the stage before
    seed: int = 0
    precision: str = "bf16"
    gradient_checkpointing: bool = False
    parallel: str = "auto"  # of several processes: "ddp", "fsdp2", or as accelerate was told
    data: DataRecipe = field(default_factory=DataRecipe)
    mixture: MixtureRecipe = field(default_factory=MixtureRecipe)
    batch: BatchRecipe = field(default_factory=BatchRecipe)
    learn: LearnRecipe = field(default_factory=LearnRecipe)
    loss: LossRecipe = field(default_factory=LossRecipe)
    optimizer: OptimizerRecipe = field(default_factory=OptimizerRecipe)
    augment: AugmentRecipe = field(default_factory=AugmentRecipe)
    save: SaveRecipe = field(default_factory=SaveRecipe)
    dev: DevRecipe = field(default_factory=DevRecipe)

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise RecipeError(unknown_name("stage", self.stage, STAGES))
        if self.precision not in ("bf16", "fp32"):
            raise RecipeError(unknown_name("precision", self.precision, ("bf16", "fp32")))
        if self.data.encoded and (self.learn.encoder.rate or self.augment.speed_max != 1.0):
            raise RecipeError(
                "data.encoded needs a frozen encoder and clips as they are: set learn.encoder.rate "
                "to 0 and augment.speed_min and speed_max to 1"
            )
        if self.steps < 1:
            raise RecipeError(f"steps is {self.steps}; give at least 1")


def load_recipe(path: Path, *, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Return the recipe in a TOML file, with some keys changed (`{"batch.seconds": 300}`).

    Raises:
        RecipeError: the file is missing, is not TOML, or holds an unknown key or a wrong type.
    """
    return recipe_from(changed(read_toml(path), changes or {}))


def read_toml(path: Path) -> dict[str, Any]:
    """Return the table in a TOML file.

    Raises:
        RecipeError: the file is missing, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"no recipe at {path}; the shipped ones are in recipes/") from None
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path} is not TOML: {error}") from None


def changed(table: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with some keys changed, each named with its parents ("batch.seconds")."""
    for dotted, value in changes.items():
        *parents, key = dotted.split(".")
        inner = table
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[key] = value
    return table


def parse_change(text: str) -> tuple[str, Any]:
    """Return the key and value in `KEY=VALUE`; what is no TOML value is text.

    >>> parse_change("batch.seconds=300"), parse_change("model=runs/base")
    (('batch.seconds', 300), ('model', 'runs/base'))

    Raises:
        RecipeError: there is no `=`.
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise RecipeError(f"--set takes KEY=VALUE; got {text!r}")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def recipe_from(table: Mapping[str, Any]) -> Recipe:
    """Return the recipe that a parsed TOML table describes.

    >>> recipe_from({"stage": "align", "model": "m", "steps": 10}).batch.seconds
    600.0
    """
    return record_from(Recipe, table)


def resolved(recipe: Any) -> str:
    """Return the whole recipe as TOML, every default written out."""
    lines: list[str] = []
    _write(recipe, name="", lines=lines)
    return "\n".join(lines) + "\n"


def record_from(kind: type, table: Mapping[str, Any], *, where: str = "") -> Any:
    """Return a table as a record of the kind, one level at a time.

    Raises:
        RecipeError: an unknown key, a wrong type, or something missing.
    """
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}
    for key in table:
        if key not in known:
            raise RecipeError(unknown_name("recipe key", f"{where}{key}", _dotted(known, where)))
    values = {k: _value(hints[k], v, where=f"{where}{k}") for k, v in table.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise RecipeError(f"the recipe is incomplete: {error}") from None


def _dotted(known: Mapping[str, Any], where: str) -> list[str]:
    return [f"{where}{key}" for key in known]


def _value(hint: Any, value: Any, *, where: str) -> Any:
    """Return a TOML value as the type that the record asks for."""
    if is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise RecipeError(f"recipe key {where!r} is a table; got {value!r}")
        return record_from(typing.cast("type", hint), value, where=f"{where}.")
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, list):
        return tuple(value)
    if origin is dict and isinstance(value, Mapping):
        return {str(k): float(v) for k, v in value.items()}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, types.GenericAlias) or type(value) is not hint:
        raise RecipeError(f"recipe key {where!r} takes {_type_name(hint)}; got {value!r}")
    return value


def _type_name(hint: Any) -> str:
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return names.get(hint, "a list or table")


def _write(record: Any, *, name: str, lines: list[str]) -> None:
    """Append a record's TOML: its own keys first, then its tables."""
    tables = []
    if name:
        lines.append(f"\n[{name}]")
    for f in fields(record):
        value = getattr(record, f.name)
        if is_dataclass(value):
            tables.append((f.name, value))
        elif isinstance(value, dict):
            inner = ", ".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in value.items())
            lines.append(f"{f.name} = {{ {inner} }}")
        else:
            lines.append(f"{f.name} = {json.dumps(value, ensure_ascii=False)}")
    for key, value in tables:
        _write(value, name=f"{name}.{key}" if name else key, lines=lines)
