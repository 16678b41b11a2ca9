"""How fast training is: our loop beside transformers' Trainer, same network, clips and machine.

    python benchmarks/training.py [--quick] [--json]

The clips are made by arithmetic, 1 to 15 s long, kept as FLAC in a tar shard and as files. Ours
decodes the shard once, draws from the mixture, puts clips of similar length together and cuts the
frames on the training device. The peer is what people write: Trainer, the files decoded when their
turn comes, as many clips a step, in random order, padded to the longest of the batch; and once more
with every clip padded to 30 s of log-mel, as the original's processor does. All learn the same
weights (encoder, projection, decoder) in float32; the first steps do not count. Tokens are those of
the prompts, audio included, padding not.
"""

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import soundfile
import torch
from tiny import write_model
from transformers import Trainer, TrainerCallback, TrainingArguments

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.checkpoints.load import load_folder
from qwen_audio.data.manifest import AudioReference, Record
from qwen_audio.data.shards import write_shard
from qwen_audio.tasks.labels import Labels
from qwen_audio.tasks.registry import find_task
from qwen_audio.training.finetuning.examples import Collator, Conversations
from qwen_audio.training.finetuning.rows import Conversation
from qwen_audio.training.journal import EVERY
from qwen_audio.training.recipe import Recipe, recipe_from
from qwen_audio.training.run import run

WORDS = ("red", "green", "blue", "tree", "river", "stone", "cloud", "light")
FULL_FRAMES = 3000  # of log-mel in 30 s


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is measured."""

    clips: int
    encoder_width: int
    encoder_layers: int
    width: int
    layers: int
    seconds: float  # of audio a step, padding counted
    steps: int  # the first `EVERY` of them do not count


FULL = Size(
    clips=400, encoder_width=256, encoder_layers=4, width=256, layers=6, seconds=120.0,
    steps=4 * EVERY,
)  # fmt: skip
QUICK = Size(
    clips=24, encoder_width=32, encoder_layers=1, width=32, layers=1, seconds=20.0, steps=2 * EVERY
)


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What went through in a second, and which share of the time was waiting for data."""

    clips: float
    audio_s: float
    tokens: float
    wait_share: float


def make_clips(folder: Path, count: int) -> list[tuple[Path, str, float]]:
    """Write clips as files and as a shard; return file, text and length of each."""
    made, samples = [], []
    for number in range(count):
        random = Random(number)
        seconds = min(15.0, 1.0 + random.expovariate(1 / 3.5))
        text = " ".join(random.choices(WORDS, k=max(1, round(2 * seconds))))
        noise = np.random.default_rng(number).normal(size=round(seconds * SAMPLE_RATE)) * 0.05
        path = folder / f"{number:05d}.flac"
        soundfile.write(path, noise.astype(np.float32), SAMPLE_RATE)
        made.append((path, text, seconds))
        labels = Labels(language="en", text=text)
        audio = AudioReference(path=path)
        record = Record(key=path.stem, audio=audio, duration_s=seconds, labels=labels, dataset="x")
        samples.append((record, path.read_bytes()))
    write_shard(folder / "x-train-000.tar", samples)
    return made


def ours(folder: Path, model: Path, size: Size) -> Iterator[dict[str, float]]:
    """Train by the package's own loop; yield its log lines but the first."""
    recipe = our_recipe(folder, model, size)
    run(recipe, folder / "run", resume=False)
    lines = (folder / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["kind"] == "steps"]
    yield from rows[1:]


def our_recipe(folder: Path, model: Path, size: Size) -> Recipe:
    """Return the recipe: one task, no variation of the clips."""
    return recipe_from(
        {
            "stage": "pretrain",
            "model": str(model),
            "steps": size.steps,
            "precision": "fp32",
            "data": {"shards": [str(folder / "*.tar")], "workers": 2},
            "mixture": {"tasks": {"ASR": 1.0}, "other": 0.0, "join_share": 0.0},
            "batch": {"seconds": size.seconds, "chunk": 256},
            "learn": {part: {"rate": 1e-4} for part in ("encoder", "projector", "llm")},
            "augment": {
                "speed_min": 1.0, "speed_max": 1.0, "noise_share": 0.0, "room_share": 0.0,
                "band_share": 0.0, "gain_db": 0.0, "mask_frames": 0, "mask_bins": 0,
            },
            "save": {"every": 1_000_000},
        }
    )  # fmt: skip


class PaddedTo30s(Collator):
    """Pads every clip's frames to 30 s, as the original does before its encoder."""

    def __call__(self, prompts: Any) -> dict[str, Any]:
        """Return the tensors of a step."""
        batch = super().__call__(prompts)
        for name in ("input_features", "input_features_mask"):
            missing = FULL_FRAMES - batch[name].shape[-1]
            batch[name] = torch.nn.functional.pad(batch[name], (0, missing))
        return batch


class Timed(Trainer):
    """A Trainer that counts how long it waits for batches, from step `EVERY` on."""

    waited_s, began = 0.0, 0.0

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        """Return what Trainer would, counting the time."""
        if self.state.global_step == EVERY and not self.began:
            self.began, self.waited_s = time.perf_counter(), 0.0
        start = time.perf_counter()
        samples = super().get_batch_samples(*args, **kwargs)
        self.waited_s += time.perf_counter() - start
        return samples


class _End(TrainerCallback):
    """Remembers when the last step ended, before anything is saved."""

    at = 0.0

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Look at the clock."""
        self.at = time.perf_counter()


def theirs(
    clips: list[tuple[Path, str, float]], model: Path, *, size: Size, rows: int, kind: type
) -> tuple[float, float]:
    """Train by Trainer; return clips a second and the share of waiting."""
    loaded = load_folder(model, dtype=torch.float32)
    loaded.model.get_input_embeddings().requires_grad_(requires_grad=False)
    task = find_task("ASR")
    data = [
        Conversation(
            where=path.name,
            clip=path,
            prompt=task.prompt(Labels(language="en", text=text)),
            target=text,
        )
        for path, text, _ in clips
    ]
    with tempfile.TemporaryDirectory() as output:
        settings = TrainingArguments(
            output_dir=output,
            per_device_train_batch_size=rows,
            max_steps=size.steps,
            learning_rate=1e-4,
            save_strategy="no",
            report_to=[],
            dataloader_num_workers=2,
            dataloader_drop_last=True,
            remove_unused_columns=False,
            disable_tqdm=True,
            logging_strategy="no",
            use_cpu=not torch.cuda.is_available(),
        )
        end = _End()
        trainer = Timed(
            model=loaded.model.train(),
            args=settings,
            data_collator=kind(loaded.processor),
            train_dataset=Conversations(data, loaded.processor),
            callbacks=[end],
        )
        trainer.train()
    took_s = end.at - trainer.began
    return rows * (size.steps - EVERY) / took_s, trainer.waited_s / took_s


def measure(size: Size, folder: Path) -> dict[str, Speed]:
    """Return the speeds of the three ways."""
    clips = make_clips(folder, size.clips)
    audio = {
        "hidden_size": size.encoder_width,
        "num_hidden_layers": size.encoder_layers,
        "num_attention_heads": size.encoder_width // 32,
    }
    texts = [text for _, text, _ in clips]
    model = write_model(folder / "model", texts, width=size.width, layers=size.layers, audio=audio)
    mean_s = sum(seconds for *_, seconds in clips) / len(clips)
    lines = list(ours(folder, model, size))
    mean = {name: float(np.mean([line[name] for line in lines])) for name in
            ("clips_per_s", "step_s", "wait_share")}  # fmt: skip
    rows = max(1, round(mean["clips_per_s"] * mean["step_s"]))
    tokens = _mean_tokens(clips, model)

    def speed(clips_per_s: float, wait_share: float) -> Speed:
        values = (clips_per_s, clips_per_s * mean_s, clips_per_s * tokens, wait_share)
        return Speed(**dict(zip(Speed.__dataclass_fields__, values, strict=True)))

    found = {"ours": speed(mean["clips_per_s"], mean["wait_share"])}
    for name, kind in (("Trainer, longest of batch", Collator), ("Trainer, 30 s", PaddedTo30s)):
        found[name] = speed(*theirs(clips, model, size=size, rows=rows, kind=kind))
    return found


def _mean_tokens(clips: list[tuple[Path, str, float]], model: Path) -> float:
    processor = load_folder(model).processor
    task = find_task("ASR")
    data = [
        Conversation(where="", clip=path, prompt=task.prompt(Labels(language="en", text=text)),
                     target=text)
        for path, text, _ in clips[:50]
    ]  # fmt: skip
    prompts = Conversations(data, processor)
    return float(np.mean([len(prompts[i].ids) for i in range(len(data))]))


def main() -> None:
    """Print the table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it runs")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory() as folder:
        found = measure(QUICK if options.quick else FULL, Path(folder))
    if options.json:
        print(json.dumps({name: asdict(speed) for name, speed in found.items()}))
        return
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, float32")
    print(f"{'':<28}{'clips/s':>9}{'audio s/s':>11}{'tokens/s':>10}{'waiting':>9}{'ours is':>9}")
    first = found["ours"]
    for name, speed in found.items():
        ratio = f"{first.clips / speed.clips:.2f} x"
        print(
            f"{name:<28}{speed.clips:>9.1f}{speed.audio_s:>11.1f}{speed.tokens:>10.0f}"
            f"{speed.wait_share:>9.1%}{ratio:>9}"
        )


if __name__ == "__main__":
    main()
