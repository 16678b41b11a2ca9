"""Two ablations with tiny models: what hierarchical tags avoid, and what word times teach.

    python benchmarks/ablations.py --data data --work runs/ablations [--seeds 3] [--only tags]

A decoder with random weights learns from what Whisper-base's frozen encoder makes of real clips;
all else is the package's own: task registry, mixture, examples, training loop. `tags`: the same
clips and draws with the hierarchical tags, with one tag a task, with none; and each task alone,
for as many examples as it gets in the mixture. `words`: transcripts of spoken digits and questions
about composed scenes, without and with the task of word times, and without for as many steps.
Every run is one line in results.jsonl and is not made again; then come the table and the figure.
"""

import argparse
import json
import logging
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import torch
from ablation_report import write_report
from tiny import write_model
from torch import Tensor

from qwen_audio.checkpoints.default import start_folder
from qwen_audio.data.batches import Batch, Example, PlannedClip, collate
from qwen_audio.data.encoded import gather_encoded
from qwen_audio.data.memory import ClipStore, StoredClip, build_store, open_store
from qwen_audio.data.synthesis.producing import Order, produce
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration
from qwen_audio.tasks.labels import Labels
from qwen_audio.tasks.registry import find_task
from qwen_audio.text import vocab
from qwen_audio.text.prompt import Prompt, render_tagged
from qwen_audio.text.tokenizers import stop_ids
from qwen_audio.training.catalog import LabelledClip
from qwen_audio.training.examples import ExampleMaker
from qwen_audio.training.loop import train
from qwen_audio.training.recipe import Recipe, recipe_from
from qwen_audio.training.scores import error_rate
from qwen_audio.training.session import Session, open_session
from qwen_audio.training.stopping import StopSign
from qwen_audio.training.student import Encoded

log = logging.getLogger(__name__)
TAGS, WORDS = "tags", "words"
SAMPLES, CLIPS = "samples.int16", "clips.jsonl"
TAG_TASKS = ("ASR", "LID", "ER", "SGC", "SEC", "MIC")
WORD_TASKS = ("ASR", "AQA")
TIMES = "SRWT-en"
SETS = {
    TAGS: ("fsdd", "zh-dspspeech20", "ravdess", "esc10", "urbansound8k-part", "philharmonia"),
    WORDS: ("fsdd", "scenes"),
}
HIERARCHICAL, ONE, NONE, ALONE = "hierarchical", "one tag", "no tags", "each task alone"
WITHOUT, WITH, LONGER = "without word times", "with word times", "without, as long"
ANY = "any task of the clip"
ROWS, WIDTH, LAYERS = 24, 64, 2
MOST_CLIPS, MOST_S = 1000, 8.0  # of a set, of a clip
SCENE_HOURS = 2.0
DEV_CLIPS = 100  # of a task and set
STEPS = {TAGS: 700, WORDS: 300}


@dataclass(frozen=True, kw_only=True)
class Made:
    """Clips that were decoded and encoded before, by a training of the default model."""

    store: Path | None
    encoded: Path | None


@dataclass(frozen=True)
class Retagged(ExampleMaker):
    """Makes the same examples with other tags in front of the target."""

    style: str = HIERARCHICAL

    def _prompt(self, name: str, labels: Labels, clip: PlannedClip) -> Prompt | None:
        if self.style == HIERARCHICAL:
            return super()._prompt(name, labels, clip)
        own = super()._prompt(name, labels, clip)
        if own is None:
            return None
        # A tag of its own for each task: pitches are not asked for here, so their tokens are free.
        tag = vocab.midi_velocity_token(TAG_TASKS.index(name)) if self.style == ONE else ""
        target = find_task(name).render(labels)
        prompt = vocab.AUDIO_SLOT + tag
        kwargs = {"tokenizer": self.tokenizer, "pool": self.pool}
        return render_tagged(prompt, own.clips, target=target, **kwargs)


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One run: which tasks, how they are asked for, how long."""

    ablation: str
    name: str
    tasks: tuple[str, ...]
    style: str = HIERARCHICAL
    length: float = 1.0  # of the steps


def arms(ablation: str) -> tuple[Arm, ...]:
    """Return the runs that are compared."""
    if ablation == TAGS:
        mixed = [
            Arm(ablation=TAGS, name=style, tasks=TAG_TASKS, style=style)
            for style in (HIERARCHICAL, ONE, NONE)
        ]
        share = 1 / len(TAG_TASKS)
        alone = [Arm(ablation=TAGS, name=ALONE, tasks=(t,), length=share) for t in TAG_TASKS]
        return (*mixed, *alone)
    longer = 1 + 1 / len(WORD_TASKS)
    return (
        Arm(ablation=WORDS, name=WITHOUT, tasks=WORD_TASKS),
        Arm(ablation=WORDS, name=WITH, tasks=(*WORD_TASKS, TIMES), length=longer),
        Arm(ablation=WORDS, name=LONGER, tasks=WORD_TASKS, length=longer),
    )


def recipe(arm: Arm, *, work: Path, seed: int, steps: int) -> Recipe:
    """Return the recipe of a run."""
    here = work / arm.ablation
    join = {"join_share": 0.0} if arm.ablation == TAGS else {"join_share": 0.5, "join_max_s": 1.5}
    return recipe_from(
        {
            "stage": "pretrain",
            "model": str(here / "model"),
            "steps": max(1, round(steps * arm.length)),
            "seed": seed,
            "precision": "fp32",
            "data": {"store": str(here / "clips"), "encoded": str(here / "encoded"), "workers": 0},
            "mixture": {"tasks": dict.fromkeys(arm.tasks, 1.0), "other": 0.0, **join},
            "batch": {"seconds": 1e6, "max_rows": ROWS, "chunk": ROWS * 20},
            "learn": {part: {"rate": 3e-3} for part in ("projector", "rows", "llm")},
            "optimizer": {"warmup": 20, "final_share": 0.05},
            "augment": {"speed_min": 1.0, "speed_max": 1.0, "mask_frames": 20},
            "save": {"every": 1_000_000, "keep": 1},
        }
    )


def prepare(ablation: str, *, data: Path, made: Made, work: Path) -> None:
    """Write the clips and the model of an ablation into its folder, unless they are there."""
    here = work / ablation
    if (here / "model" / "config.json").is_file():
        return
    store = open_store(made.store) if made.store else _decoded(ablation, data, here)
    folder = here / "clips" / "train"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SAMPLES).unlink(missing_ok=True)
    (folder / SAMPLES).symlink_to(((made.store or here / "all") / SAMPLES).resolve())
    if made.encoded and not (here / "encoded").exists():
        (here / "encoded").symlink_to(made.encoded.resolve())
    chosen = list(_chosen(store, ablation))
    head = {"num_samples": int(store.samples.size), "skipped": []}
    lines = (json.dumps(row, ensure_ascii=False) for row in (head, *map(vars, chosen)))
    (folder / CLIPS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    base = QwenAudioForConditionalGeneration.from_pretrained(start_folder(), dtype=torch.float32)
    texts = [str(value) for clip in chosen for value in clip.labels.values()]
    audio = base.config.audio_config.to_dict()
    write_model(
        here / "model", texts, width=WIDTH, layers=LAYERS, audio=audio, encoder=base.encoder
    )


def _decoded(ablation: str, data: Path, here: Path) -> ClipStore:
    """Return the clips of the training shards, and scenes composed of them where needed."""
    shards = sorted(p for name in SETS[ablation] for p in data.glob(f"{name}-train-*.tar"))
    if ablation == WORDS:
        known = tuple(sorted(data.glob("esc10-train-*.tar")))
        shards += produce("scenes", here, Order(hours=SCENE_HOURS, sources=known)).shards
    return build_store(shards, here / "all", processes=2)


def _chosen(store: ClipStore, ablation: str) -> Iterator[StoredClip]:
    """Yield the clips of an ablation; a spoken digit lasts as long as its clip, which is cut."""
    taken: Counter[str] = Counter()
    clips = list(store.clips)
    Random(0).shuffle(clips)
    for clip in clips:
        name = clip.dataset
        if name not in SETS[ablation] or taken[name] >= MOST_CLIPS or clip.duration_s > MOST_S:
            continue
        taken[name] += 1
        labels = dict(clip.labels)
        if name == "fsdd":
            labels["words"] = [[labels["text"], 0.0, round(clip.duration_s, 2)]]
        yield replace(clip, labels=labels)


def is_held_out(clip: LabelledClip) -> bool:
    """Return whether a clip is for the scores: one in six; its speaker may be known."""
    return zlib.crc32(f"{clip.stored.dataset}/{clip.stored.key}".encode()) % 6 == 0


def run(arm: Arm, *, work: Path, seed: int, steps: int) -> dict[str, dict[str, float]]:
    """Train one arm with one seed; return its scores and its held-out nats a label, by task."""
    name = f"{arm.ablation}-{arm.name}-{'-'.join(arm.tasks)}-{seed}".replace(" ", "_")
    made = recipe(arm, work=work, seed=seed, steps=steps)
    session = open_session(made, work / "runs" / name, device=torch.device("cpu"), resume=False)
    parts = {is_dev: [] for is_dev in (False, True)}
    for clip in session.train.clips:
        parts[is_held_out(clip)].append(clip)
    known = {name: getattr(session.maker, name) for name in ExampleMaker.__dataclass_fields__}
    makers = {
        is_dev: Retagged(**known | {"clips": tuple(clips)}, style=arm.style)
        for is_dev, clips in parts.items()
    }
    train(replace(session, maker=makers[False]), StopSign())
    session.student.eval()
    found = list(_scores(session, makers[True], arm))
    return {
        "scores": {task: score for task, score, _ in found},
        "nats": {task: nats for task, _, nats in found if nats is not None},
    }


def _scores(
    session: Session, dev: ExampleMaker, arm: Arm
) -> Iterator[tuple[str, float, float | None]]:
    """Yield each task's share of right replies (of joined digits, of wrong words) and its nats."""
    some: dict[int, bool] = {}  # clip -> whether the reply is right for any of its tasks
    for task in arm.tasks:
        asked = _asked(dev, task)
        batches = [asked[i : i + 64] for i in range(0, len(asked), 64)]
        rows = [row for group in batches for row in _judged(session, group)]
        right, nats = zip(*rows, strict=True)
        score = sum(right) / len(right)
        if arm.ablation == WORDS and task == "ASR":
            pairs = [p for group in batches for p in _transcripts(session, group)]
            score = error_rate(*zip(*pairs, strict=True))
        yield task, score, sum(nats) / len(nats)
        for (index, _), is_right in zip(asked, right, strict=True):
            some[index] = some.get(index, False) or is_right
    if arm.style == NONE:
        yield ANY, sum(some.values()) / len(some), None


def _asked(dev: ExampleMaker, task: str) -> list[tuple[int, Example]]:
    """Return held-out examples of a task, the same in every run: clip and example."""
    taken: Counter[str] = Counter()
    asked = []
    for index, clip in enumerate(dev.clips):
        if task not in clip.tasks or taken[clip.stored.dataset] >= DEV_CLIPS:
            continue
        example = dev.example(task, index, Random(f"dev/{task}/{index}"))
        if example is not None:
            taken[clip.stored.dataset] += 1
            asked.append((index, example))
    return asked


@torch.no_grad()
def _embedded(session: Session, batch: Batch) -> Tensor:
    tokens, counts = gather_encoded(session.encoded, batch)
    sound = Encoded(tokens=tokens.float(), counts=counts)
    return session.student.model.splice(batch.input_ids, *session.student.project(sound))


@torch.no_grad()
def _judged(session: Session, group: Sequence[tuple[int, Example]]) -> list[tuple[bool, float]]:
    """Return whether each greedy reply is the label, and how many nats the label costs.

    The reply is the label if each of its tokens is the likeliest after those before it.
    """
    batch = collate([example for _, example in group])
    model = session.student.model
    decoded = model.language_model(inputs_embeds=_embedded(session, batch), use_cache=False)
    logits = model.lm_head(decoded.last_hidden_state.flatten(0, 1)[batch.learnt_from])
    wrong = (logits.argmax(-1) != batch.learnt_ids).float()
    nats = torch.nn.functional.cross_entropy(logits, batch.learnt_ids, reduction="none")
    sums = [
        torch.bincount(batch.learnt_row, weights=w, minlength=len(group)) for w in (wrong, nats)
    ]
    return list(zip((sums[0] == 0).tolist(), sums[1].tolist(), strict=True))


@torch.no_grad()
def _transcripts(
    session: Session, group: Sequence[tuple[int, Example]]
) -> list[tuple[list[str], list[str]]]:
    """Return the words of each label, and of the greedy reply."""
    model, tokenizer = session.student.model, session.processor.tokenizer
    stops = stop_ids(tokenizer)
    examples = [example for _, example in group]
    starts = [example.is_learnt.index(True) for example in examples]
    most = max(len(e.ids) - start for e, start in zip(examples, starts, strict=True)) + 4
    asked = [
        replace(e, ids=e.ids[:s], is_learnt=e.is_learnt[:s])
        for e, s in zip(examples, starts, strict=True)
    ]
    rows = _embedded(session, collate(asked))
    rows = torch.nn.functional.pad(rows, (0, 0, 0, most))
    place = torch.tensor(starts)
    said: list[list[int]] = [[] for _ in group]
    every = torch.arange(len(group))
    for _ in range(most):
        used = rows[:, : int(place.max())]
        decoded = model.language_model(inputs_embeds=used, use_cache=False).last_hidden_state
        best = model.lm_head(decoded[every, place - 1]).argmax(-1)
        rows[every, place] = model.get_input_embeddings()(best).to(rows.dtype)
        place = place + 1
        for own, token in zip(said, best.tolist(), strict=True):
            own.append(token)
    pairs = []
    for example, start, own in zip(examples, starts, said, strict=True):
        end = next((i for i, token in enumerate(own) if token in stops), len(own))
        label = [i for i in example.ids[start:] if i not in stops]
        pairs.append((tokenizer.decode(label).split(), tokenizer.decode(own[:end]).split()))
    return pairs


def main() -> None:
    """Make the runs that are missing; write the table and the figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the shards")
    parser.add_argument("--store", type=Path, help="folder of decoded clips, if there is one")
    parser.add_argument("--encoded", type=Path, help="folder of encoder outputs of that store")
    parser.add_argument("--work", type=Path, default=Path("runs/ablations"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help=f"instead of {STEPS}")
    parser.add_argument("--only", choices=(TAGS, WORDS))
    parser.add_argument("--figure", type=Path, default=Path("docs/images/ablations.svg"))
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%X")
    results = options.work / "results.jsonl"
    done = _read(results)
    made = Made(store=options.store, encoded=options.encoded)
    for ablation in [options.only] if options.only else [TAGS, WORDS]:
        steps = options.steps or STEPS[ablation]
        prepare(ablation, data=options.data, made=made, work=options.work)
        for seed in range(options.seeds):
            for arm in arms(ablation):
                place = {"ablation": ablation, "arm": arm.name, "tasks": list(arm.tasks)}
                place |= {"seed": seed, "steps": steps}
                if any(place.items() <= row.items() for row in done):
                    continue
                began = time.process_time()
                scores = run(arm, work=options.work, seed=seed, steps=steps)
                row = place | scores | {"cpu_s": round(time.process_time() - began, 1)}
                done.append(row)
                with results.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(row) + "\n")
                log.info("%s", row)
    print(write_report(done, options.figure))


def _read(path: Path) -> list[dict]:
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
