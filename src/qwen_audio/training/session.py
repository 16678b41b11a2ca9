"""Everything a run needs, built from its recipe: clips, model, optimizer, and where it stands."""

import logging
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from glob import glob
from pathlib import Path
from random import Random

import torch
from torch import Tensor

from qwen_audio.checkpoints import auto  # noqa: F401 - registers our classes with transformers
from qwen_audio.checkpoints.default import start_folder
from qwen_audio.data.augment import Masking, Variation
from qwen_audio.data.encoded import EncodedClips, encode_clips, open_encoded
from qwen_audio.data.hugging_face import HUB
from qwen_audio.data.memory import ClipStore, build_store, open_store
from qwen_audio.errors import DataError
from qwen_audio.model.configuration import QwenAudioConfig
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration
from qwen_audio.model.processing import QwenAudioProcessor
from qwen_audio.text.tokenizers import short_units, token_id
from qwen_audio.text.vocab import AUDIO_TOKENS
from qwen_audio.training.catalog import (
    LabelledClip,
    Spelling,
    catalogue,
    check_tasks,
    ctc_tokens,
)
from qwen_audio.training.checkpoint import (
    Progress,
    checkpoints,
    read_learnt,
    read_optimizer,
    read_progress,
)
from qwen_audio.training.examples import ExampleMaker
from qwen_audio.training.export import RECIPE, load_learnt, read_start
from qwen_audio.training.recipe import AugmentRecipe, DataRecipe, Recipe, resolved
from qwen_audio.training.student import Student, parameter_groups

log = logging.getLogger(__name__)
MINI = "mini"  # a recipe's model that is the default model's start, fetched and joined


@dataclass(frozen=True, kw_only=True)
class Heard:
    """Clips of one purpose: decoded, and what is known about them."""

    store: ClipStore
    clips: tuple[LabelledClip, ...]


@dataclass(frozen=True, kw_only=True)
class Session:
    """A run that is ready to go on."""

    recipe: Recipe
    run: Path
    device: torch.device
    student: Student
    processor: QwenAudioProcessor
    optimizer: torch.optim.Optimizer
    maker: ExampleMaker
    samples: Tensor
    encoded: EncodedClips | None
    train: Heard
    dev: Heard | None
    progress: Progress


def open_session(recipe: Recipe, run: Path, *, device: torch.device, resume: bool) -> Session:
    """Return a session: from the run's last checkpoint, from the stage before, or from the base."""
    run.mkdir(parents=True, exist_ok=True)
    (run / RECIPE).write_text(resolved(recipe), encoding="utf-8")
    if recipe.model == MINI:
        recipe = replace(recipe, model=str(start_folder()))
    check_tasks((*recipe.mixture.tasks, *recipe.dev.tasks))
    processor = QwenAudioProcessor.from_pretrained(recipe.model)
    train, dev = _hear(recipe.data, run, _spelling(recipe, processor))
    train = replace(train, clips=some_hours(train.clips, recipe.data.most_hours))
    tokens = ctc_tokens(train.clips)
    student = _student(recipe, processor, tokens).to(device)
    encoded = _encoded(recipe, student, train)
    if encoded is not None:  # a folder made for fewer clips serves those
        known = tuple(clip for clip in train.clips if clip.stored.start in encoded.places)
        train = replace(train, clips=known)
    optimizer = _optimizer(student, recipe, device)
    progress = _restore(student, optimizer, recipe, run, resume=resume)
    choices = student.allow(tokens)
    maker = ExampleMaker(
        clips=train.clips,
        tokenizer=processor.tokenizer,
        recipe=recipe,
        choices=choices,
        pool=processor.pool,
    )
    count = sum(p.numel() for p in student.learnt().values())
    log.info("%s: %.1f M parameters learn, from step %d", recipe.stage, count / 1e6, progress.step)
    return Session(
        recipe=recipe,
        run=run,
        device=device,
        student=student,
        processor=processor,
        optimizer=optimizer,
        maker=maker,
        samples=_samples(train.store, device, recipe.data),
        encoded=encoded,
        train=train,
        dev=dev,
        progress=progress,
    )


def variation(recipe: AugmentRecipe) -> Variation:
    """Return how waveforms vary."""
    names = Variation.__dataclass_fields__
    return Variation(**{name: getattr(recipe, name) for name in names})


def masking(recipe: AugmentRecipe) -> Masking:
    """Return how log-mel frames are masked."""
    return Masking(**{name: getattr(recipe, name) for name in Masking.__dataclass_fields__})


def some_hours(
    clips: Sequence[LabelledClip], most_hours: Mapping[str, float]
) -> tuple[LabelledClip, ...]:
    """Return clips in their order, of each named set no more hours than given (always the same)."""
    members = defaultdict(list)
    for index, clip in enumerate(clips):
        members[clip.stored.dataset].append(index)
    kept: set[int] = set()
    for name, indices in members.items():
        Random(5).shuffle(indices)
        left_s = 3600 * most_hours.get(name, math.inf)
        for index in indices:
            if left_s <= 0:
                break
            kept.add(index)
            left_s -= clips[index].stored.duration_s
    return tuple(clip for index, clip in enumerate(clips) if index in kept)


def _encoded(recipe: Recipe, student: Student, train: Heard) -> EncodedClips | None:
    """Return the encoder outputs of the clips, made now where the folder is not there yet."""
    if not recipe.data.encoded:
        return None
    folder, encoder = Path(recipe.data.encoded), student.model.encoder
    if folder.is_dir():
        return open_encoded(folder, encoder.config.output_size, encoder.config.pool)
    log.info("encoding %d clips once, into %s", len(train.clips), folder)
    places = {clip.start: index for index, clip in enumerate(train.store.clips)}
    chosen = [places[clip.stored.start] for clip in train.clips]
    return encode_clips(encoder.eval(), train.store, chosen, folder)


def _spelling(recipe: Recipe, processor: QwenAudioProcessor) -> Spelling:
    merges = QwenAudioConfig.from_pretrained(recipe.model).reader_merges
    whole = short_units(processor.tokenizer, 0)
    words = short_units(processor.tokenizer, merges) if merges else whole
    return Spelling(names=whole, words=words)


def _hear(data: DataRecipe, run: Path, spelling: Spelling) -> tuple[Heard, Heard | None]:
    folder = Path(data.store) if data.store else run / "clips"
    train = _heard(data.shards, data.side_labels, folder / "train", data=data, spelling=spelling)
    if not data.dev_shards:
        return train, None
    shards, labels = data.dev_shards, data.dev_side_labels
    return train, _heard(shards, labels, folder / "dev", data=data, spelling=spelling)


def _heard(
    shards: Sequence[str],
    side_labels: Sequence[str],
    folder: Path,
    *,
    data: DataRecipe,
    spelling: Spelling,
) -> Heard:
    if folder.is_dir():
        store = open_store(folder)
    else:
        store = build_store(
            expand(shards),
            folder,
            side_labels=expand(side_labels),
            processes=data.workers,
            max_unreadable_share=data.max_unreadable_share,
        )
    log.info("%s: %d clips, %.1f h", folder.name, len(store.clips), store.hours)
    for reason in store.skipped[:5]:
        log.warning("skipped %s (%d in all)", reason, len(store.skipped))
    return Heard(store=store, clips=catalogue(store, spelling, processes=data.workers))


def expand(patterns: Sequence[str]) -> list[Path]:
    """Return the files that paths with `*` stand for, each once, in order; `hf:` names as they are.

    Raises:
        DataError: a pattern that no file matches.
    """
    paths: dict[Path, None] = {}
    for pattern in patterns:
        if pattern.startswith(HUB):
            paths[Path(pattern)] = None
            continue
        found = sorted(glob(pattern, recursive=True))  # noqa: PTH207 - patterns may be absolute
        if not found:
            raise DataError(f"no file matches {pattern!r}; check the recipe's paths")
        paths.update(dict.fromkeys(Path(name) for name in found))
    return list(paths)


def _student(recipe: Recipe, processor: QwenAudioProcessor, tokens: Sequence[int]) -> Student:
    dtype = torch.bfloat16 if recipe.precision == "bf16" else torch.float32
    model = QwenAudioForConditionalGeneration.from_pretrained(recipe.model, dtype=dtype)
    torch.manual_seed(recipe.seed)  # adapters begin at random
    if recipe.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return Student(
        model,
        learn=recipe.learn,
        loss=recipe.loss,
        first_new_id=min(token_id(processor.tokenizer, token) for token in AUDIO_TOKENS),
        ctc_tokens=tokens,
    )


def _optimizer(student: Student, recipe: Recipe, device: torch.device) -> torch.optim.Optimizer:
    settings = recipe.optimizer
    groups = parameter_groups(student, recipe.learn, settings.weight_decay)
    for group in groups:
        group["peak"] = group["lr"]
    return torch.optim.AdamW(
        groups,
        betas=(settings.beta1, settings.beta2),
        eps=settings.epsilon,
        fused=device.type == "cuda",
    )


def _restore(
    student: Student,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
    run: Path,
    *,
    resume: bool,
) -> Progress:
    """Load the run's last checkpoint, or the stage before; return how far the run is."""
    parameters = dict(student.named_parameters())
    done = checkpoints(run) if resume else []
    if done:
        load_learnt(parameters, read_learnt(done[-1]), is_whole=True)
        optimizer.load_state_dict(read_optimizer(done[-1]))
        return read_progress(done[-1])
    if recipe.start:
        start = read_start(Path(recipe.start), recipe)
        fresh = load_learnt(parameters, start, is_whole=False)
        log.info("started from %s; %d tensors begin anew", recipe.start, len(fresh))
    return Progress()


def _samples(store: ClipStore, device: torch.device, data: DataRecipe) -> Tensor:
    """Return the decoded samples as one tensor, on the GPU where they fit beside the training."""
    samples = torch.from_numpy(store.samples)
    if device.type != "cuda" or not data.on_device:
        return samples
    free, _ = torch.cuda.mem_get_info(device)
    return samples.to(device) if samples.nbytes < free / 3 else samples
