"""Opens a benchmark: its samples from wherever they are, and a refusal if audio is missing."""

from collections.abc import Sequence
from pathlib import Path

from qwen_audio.errors import EvaluationError
from qwen_audio.evaluation.benchmarks.manifests import read_labelled
from qwen_audio.evaluation.benchmarks.records import Benchmark, Sample, numbered

_SHOWN = 5


def samples_of(benchmark: Benchmark, folder: Path) -> list[Sample]:
    """Return the samples of a benchmark, audio there or not.

    A manifest of ours is read in place of the corpus: `folder` itself if it is a JSONL file, or
    `NAME.jsonl` in it.

    Raises:
        EvaluationError: neither is there, or it cannot be read, or has no samples.
    """
    manifest = _manifest(benchmark, folder)
    if manifest.is_file():
        samples = read_labelled(manifest, benchmark.from_labels, name=benchmark.name)
    else:
        samples = _read(benchmark, _home(benchmark, folder))
    if not samples:
        raise EvaluationError(
            f"{benchmark.name}: {folder} has no samples of {benchmark.data}, {benchmark.split}; "
            "give the folder that its authors' archive unpacks to"
        )
    return numbered(samples)


def absent_samples(
    benchmark: Benchmark, folder: Path, samples: Sequence[Sample], *, is_partial: bool
) -> int:
    """Return how many samples of the whole split the folder does not even name.

    A list of clips names what is missing; folders read file by file do not. A manifest of ours is
    taken as it is.

    Raises:
        EvaluationError: some are, and a partial score was not asked for.
    """
    absent = 0 if _manifest(benchmark, folder).is_file() else benchmark.size - len(samples)
    if absent > 0 and not is_partial:
        raise EvaluationError(
            f"{benchmark.name}: {folder} has {len(samples)} of the {benchmark.size} samples of "
            f"{benchmark.split}; fetch the rest, or give --partial for a score over these, marked "
            "as partial"
        )
    return max(absent, 0)


def version_of(benchmark: Benchmark, folder: Path) -> str:
    """Return the version of a benchmark's questions, as far as it can be told."""
    if benchmark.read_version is None or _manifest(benchmark, folder).is_file():
        return benchmark.version
    return benchmark.read_version(_home(benchmark, folder))


def with_audio(
    benchmark: Benchmark, samples: Sequence[Sample], *, is_partial: bool
) -> tuple[list[Sample], list[str]]:
    """Return the samples whose audio is there, and the names of the files that are missing.

    Raises:
        EvaluationError: some is missing, and a partial score was not asked for; or all is.
    """
    missing = [s for s in samples if not s.audio.path.is_file()]
    if not missing:
        return list(samples), []
    names = [str(s.audio.path) for s in missing]
    if not is_partial or len(missing) == len(samples):
        shown = ", ".join(names[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        raise EvaluationError(
            f"{benchmark.name}: {len(names)} of {len(samples)} clips are missing ({shown}{more}); "
            "fetch them, or give --partial for a score over the rest, marked as partial"
        )
    gone = {s.key for s in missing}
    return [s for s in samples if s.key not in gone], names


def _read(benchmark: Benchmark, home: Path) -> list[Sample]:
    try:
        return benchmark.read(home)
    except KeyError as error:
        raise EvaluationError(
            f"{benchmark.name}: a row of the lists in {home} has no {error}; give the files as "
            "their authors ship them"
        ) from error


def _manifest(benchmark: Benchmark, folder: Path) -> Path:
    return folder if folder.is_file() else folder / f"{benchmark.name}.jsonl"


def _home(benchmark: Benchmark, folder: Path) -> Path:
    places = [folder / place for place in benchmark.places]
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        looked = " or ".join(str(place) for place in places)
        raise EvaluationError(
            f"{benchmark.name}: no folder {looked}; unpack {benchmark.data} there, or give a "
            f"manifest {benchmark.name}.jsonl"
        )
    return found
