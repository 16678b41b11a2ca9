"""Numbers that others published, each with its source, from one data file."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from qwen_audio.evaluation.benchmarks.registry import BENCHMARKS

ORIGINAL = "Qwen-Audio"
FILE = "published.toml"


@dataclass(frozen=True, kw_only=True)
class Published:
    """A published number.

    Attributes:
        model: whose it is.
        benchmark: name of the benchmark.
        metric: name of the metric.
        value: as published.
        source: where it is from.
        is_baseline: whether the paper compares itself with it.
        by_others: whether somebody else than the authors measured it.
    """

    model: str
    benchmark: str
    metric: str
    value: float
    source: str
    is_baseline: bool = False
    by_others: bool = False


@lru_cache(maxsize=1)
def published() -> tuple[Published, ...]:
    """Return every published number, in the order of the file."""
    text = (files("qwen_audio.evaluation") / FILE).read_text(encoding="utf-8")
    content = tomllib.loads(text)
    found = []
    for model in content["model"]:
        for place, value in model["values"].items():
            name, _, metric = place.partition(".")
            found.append(
                Published(
                    model=model["name"],
                    benchmark=name,
                    metric=metric or BENCHMARKS[name].metrics[0],
                    value=float(value),
                    source=content["sources"][model["source"]],
                    is_baseline=model.get("baseline", False),
                    by_others=model.get("others", False),
                )
            )
    return tuple(found)


def published_for(benchmark: str, metric: str) -> tuple[Published, ...]:
    """Return what is published for a metric of a benchmark."""
    return tuple(p for p in published() if (p.benchmark, p.metric) == (benchmark, metric))
