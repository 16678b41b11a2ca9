"""`qwen-audio data`: check data sets, prepare public corpora, make labelled audio."""

from pathlib import Path
from typing import Annotated

import typer

from qwen_audio.cli.options import AsJson
from qwen_audio.cli.output import print_json, waiting
from qwen_audio.errors import DataError

EXAMPLE = "qwen-audio data check data/*.tar"
VERBS = {
    "check": EXAMPLE,
    "prepare": "qwen-audio data prepare librispeech corpora/LibriSpeech manifests",
    "synthesize": "qwen-audio data synthesize notes data --hours 0.5",
}
_SHOWN = 5  # problems of one kind and set, unless all are asked for


def check(
    paths: Annotated[
        list[Path], typer.Argument(help="Shards, manifests, folders, Hugging Face sets.")
    ],
    *,
    show_all: Annotated[bool, typer.Option("--all", help="Name every clip with a fault.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what data sets hold, and which clips are unusable or stand in two splits."""
    from qwen_audio.data.checking import Kinds, check_data

    with waiting(f"reading {len(paths)} files"):
        report = check_data(paths)
    for one in report.sets:
        counts = {kind: one.count(kind) for kind in Kinds}
        if as_json:
            head = {"dataset": one.dataset, "split": one.split, "clips": one.clips}
            rest = {"hours": round(one.hours, 3), "tasks": dict(one.tasks)}
            named = [problem._asdict() for problem in one.problems]
            print_json(head | rest | {"counts": counts, "problems": named})
            continue
        found = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
        print(f"{one.dataset} {one.split}: {one.clips} clips, {one.hours:.2f} h; {found or 'fine'}")
        for kind in Kinds:
            wrong = [problem for problem in one.problems if problem.kind == kind]
            for problem in wrong if show_all else wrong[:_SHOWN]:
                print(f"  {kind}: {problem.clip}: {problem.reason}")
    for clips in report.duplicates:
        if as_json:
            print_json({"duplicates": clips})
        else:
            print(f"one and the same sound in several splits: {', '.join(clips)}")
    if not report.is_clean:
        raise typer.Exit(1)


def prepare(
    name: Annotated[str, typer.Argument(help="The corpus; `list` names those that are known.")],
    folder: Annotated[Path, typer.Argument(help="What its archive unpacks to.")] = Path(),
    out: Annotated[Path, typer.Argument(help="Folder for the manifests.")] = Path("manifests"),
    *,
    max_missing: Annotated[
        float, typer.Option(min=0, max=1, help="Share of clips that may be missing.")
    ] = 0.05,
    as_json: AsJson = False,
) -> None:
    """Read a public corpus as its authors ship it; write one manifest a split."""
    from qwen_audio.data.corpora import prepare as corpora

    if name == "list":
        for corpus in corpora.CORPORA.values():
            print(f"{corpus.name:<14}{corpus.title}; {corpus.licence or 'its own licence'}")
        return
    with waiting(f"reading {folder}"):
        made = corpora.prepare(name, folder, out, max_missing_share=max_missing)
    for one in made:
        if as_json:
            row = {"path": str(one.path), "split": one.split, "clips": one.clips}
            print_json(row | {"hours": round(one.hours, 3), "left_out": one.left_out})
        else:
            more = f", {len(one.left_out)} left out" if one.left_out else ""
            print(f"{one.path}: {one.clips} clips, {one.hours:.2f} h{more}")


def synthesize(
    kind: Annotated[str, typer.Argument(help="speech, copies, scenes, notes or music.")],
    out: Annotated[Path, typer.Argument(help="Folder for the shards.")],
    *,
    hours: Annotated[float, typer.Option(min=0, help="How much to make.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Another seed makes other clips.")] = 0,
    split: Annotated[
        str, typer.Option(help="Part of the shards' names: train, dev, ...")
    ] = "train",
    sources: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            help="scenes: shards of labelled sounds to compose; copies: of speech. Repeatable.",
        ),
    ] = None,
    side_labels: Annotated[
        list[Path] | None,
        typer.Option(help="copies: JSONL files of further labels. Repeatable."),
    ] = None,
    text: Annotated[
        Path | None, typer.Option(help="speech: a file with one sentence a line.")
    ] = None,
    language: Annotated[str, typer.Option(help="speech: of the sentences and voices.")] = "en",
    engine: Annotated[
        str | None, typer.Option(help="speech: espeak, flite, festival or piper; else all there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make audio whose labels are known exactly: read or varied speech, scenes, notes, music."""
    from qwen_audio.data.synthesis.producing import Order, produce

    if kind == "speech" and text is None:
        raise DataError("speech needs --text, a file with one sentence a line")
    if kind == "scenes" and not sources:
        raise DataError("scenes need --from, shards of labelled sounds such as esc10")
    if kind == "copies" and not sources:
        raise DataError("copies need --from, shards of speech with its words")
    order = Order(
        hours=hours,
        seed=seed,
        split=split,
        sources=tuple(sources or ()),
        side_labels=tuple(side_labels or ()),
        text=text,
        language=language,
        engine=engine,
    )
    with waiting(f"making {hours:g} h of {kind}"):
        made = produce(kind, out, order)
    row = {"shards": [str(path) for path in made.shards], "clips": made.clips}
    if as_json:
        print_json(row | {"hours": round(made.hours, 4), "refused": made.refused})
    else:
        print(f"{made.clips} clips, {made.hours:.2f} h in {len(made.shards)} shards below {out}")
        for reason, count in made.refused.items():
            print(f"  {count} refused: {reason}")
