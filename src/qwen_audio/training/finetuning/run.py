"""The fine-tuning itself: adapters by PEFT, the loop by transformers' Trainer.

So everything that the Trainer takes from its launcher works: `torchrun`, `accelerate launch` with
DDP, FSDP2 or DeepSpeed, bf16, gradient checkpointing and accumulation.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from qwen_audio.checkpoints.default import default_folder
from qwen_audio.checkpoints.load import Loaded, find_folder, load_folder
from qwen_audio.errors import CheckpointError
from qwen_audio.model.processing import QwenAudioProcessor
from qwen_audio.training.finetuning.examples import Collator, Conversations, readable
from qwen_audio.training.finetuning.quantizing import quantize_linear_layers
from qwen_audio.training.finetuning.recipe import FinetuneRecipe
from qwen_audio.training.finetuning.rows import read_conversations
from qwen_audio.training.recipe import resolved
from qwen_audio.training.stopping import StopSign, stop_on_signals

log = logging.getLogger(__name__)
RECIPE = "finetune.toml"


@dataclass(frozen=True, kw_only=True)
class Finetuned:
    """How far a fine-tuning is; `is_done` if its last step was made."""

    output: Path
    step: int
    steps: int
    loss: float
    left_out: tuple[str, ...]

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.step >= self.steps


def finetune(
    recipe: FinetuneRecipe, output: Path, *, resume: bool = True, merge: bool = False
) -> Finetuned:
    """Teach a model a user's conversations; `qwen_audio.load(output)` opens the result.

    Args:
        recipe: what to learn, from what, how.
        output: the folder of the result; checkpoints stand in it until then.
        resume: go on from the last checkpoint that is there.
        merge: write a whole model and not adapters, which need the base model to be loaded.

    Raises:
        DataError: conversations that cannot be read.
        CheckpointError: the model cannot be loaded, or is of another family.
    """
    folder = find_folder(recipe.model) if recipe.model else default_folder()
    data = _read(recipe.data, recipe.max_unreadable_share)
    dev = _read(recipe.dev, recipe.max_unreadable_share) if recipe.dev else None
    loaded = _load(folder, recipe)
    output.mkdir(parents=True, exist_ok=True)
    (output / RECIPE).write_text(resolved(recipe), encoding="utf-8")
    torch.manual_seed(recipe.seed)  # adapters begin at random
    model = open_parts(loaded.model, recipe, base=folder)
    sign = StopSign()
    trainer = Trainer(
        model=model,
        args=_arguments(recipe, output, has_dev=dev is not None),
        data_collator=Collator(loaded.processor),
        train_dataset=Conversations(data.conversations, loaded.processor),
        eval_dataset=Conversations(dev.conversations, loaded.processor) if dev else None,
        callbacks=[_StopCleanly(sign)],
    )
    last = get_last_checkpoint(str(output)) if resume else None
    with stop_on_signals(sign):
        result = trainer.train(resume_from_checkpoint=last)
    state = trainer.state
    if state.global_step >= state.max_steps:
        _write(trainer, loaded.processor, recipe, merge=merge)
    return Finetuned(
        output=output,
        step=state.global_step,
        steps=state.max_steps,
        loss=float(result.training_loss),
        left_out=data.left_out,
    )


def open_parts(model: nn.Module, recipe: FinetuneRecipe, *, base: Path) -> nn.Module:
    """Return the model with the parts open that the recipe names: adapters, or the weights."""
    model.requires_grad_(requires_grad=False)
    if recipe.quantize:
        quantize_linear_layers(model.language_model)
        model.is_loaded_in_4bit = True  # what PEFT asks for to put its adapters on such layers
    if not recipe.rank:
        opened = [model.language_model, model.lm_head]
        opened += [model.encoder] if recipe.learn_encoder else []
        opened += [model.projector] if recipe.learn_projector else []
        for part in opened:
            part.float().requires_grad_(requires_grad=True)
        return model
    from peft import LoraConfig, get_peft_model

    towers = ["language_model", *(["encoder"] if recipe.learn_encoder else [])]
    adapted = get_peft_model(
        model,
        LoraConfig(
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            lora_dropout=recipe.dropout,
            target_modules=_linear_layers(model, towers),
            modules_to_save=["projector"] if recipe.learn_projector else None,
        ),
    )
    # By its whole path: the result is opened from anywhere.
    adapted.peft_config["default"].base_model_name_or_path = str(base.resolve())
    return adapted


class _StopCleanly(TrainerCallback):
    """Saves and ends after the step in which the run was asked to end."""

    def __init__(self, sign: StopSign) -> None:
        self.sign = sign

    def on_step_end(self, _args: Any, _state: Any, control: Any, **_: Any) -> Any:
        """Ask for a checkpoint and the end, if the sign is up."""
        if self.sign.is_up:
            control.should_save = control.should_training_stop = True
        return control


def _read(files: tuple[str, ...], max_share: float) -> Any:
    found = [one for name in files for one in read_conversations(Path(name).expanduser())]
    kept = readable(found, max_share=max_share)
    for reason in kept.left_out[:5]:
        log.warning("left out %s (%d in all)", reason, len(kept.left_out))
    log.info("%d conversations", len(kept.conversations))
    return kept


def _load(folder: Path, recipe: FinetuneRecipe) -> Loaded:
    """Return the model: frozen weights in the run's precision, learning ones in float32."""
    loaded = load_folder(folder, dtype=torch.bfloat16 if _is_bf16(recipe) else torch.float32)
    if not isinstance(loaded.processor, QwenAudioProcessor):
        raise CheckpointError(
            f"{folder} is of the family {loaded.model.config.model_type!r}, which is not "
            "fine-tuned here; give a Qwen-Audio model or one that `qwen-audio init` made"
        )
    if recipe.gradient_checkpointing:
        loaded.model.config.use_cache = False
    return loaded


def _is_bf16(recipe: FinetuneRecipe) -> bool:
    has_bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return recipe.precision == "bf16" or (recipe.precision == "auto" and has_bf16)


def _linear_layers(model: nn.Module, towers: list[str]) -> list[str]:
    """Return the names of all linear layers of some parts of the model."""
    return [
        f"{tower}.{name}"
        for tower in towers
        for name, module in model.get_submodule(tower).named_modules()
        if isinstance(module, nn.Linear)
    ]


def _arguments(recipe: FinetuneRecipe, output: Path, *, has_dev: bool) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(output),
        per_device_train_batch_size=recipe.rows,
        per_device_eval_batch_size=recipe.rows,
        gradient_accumulation_steps=recipe.accumulate,
        num_train_epochs=recipe.epochs,
        max_steps=recipe.steps or -1,
        learning_rate=recipe.rate,
        lr_scheduler_type="cosine",
        warmup_steps=recipe.warmup_share,  # below 1: a share of all steps
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.clip,
        bf16=_is_bf16(recipe),
        gradient_checkpointing=recipe.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        eval_strategy="epoch" if has_dev else "no",
        prediction_loss_only=True,
        logging_steps=recipe.log_every,
        save_steps=recipe.save_every,
        save_total_limit=recipe.keep,
        seed=recipe.seed,
        dataloader_num_workers=recipe.workers,
        remove_unused_columns=False,
        use_cpu=not torch.cuda.is_available(),
        report_to=["tensorboard"] if _has_tensorboard() else [],
        ddp_find_unused_parameters=False,
        disable_tqdm=not log.isEnabledFor(logging.INFO),
    )


def _has_tensorboard() -> bool:
    from importlib.util import find_spec

    return find_spec("tensorboard") is not None


def _write(
    trainer: Trainer, processor: QwenAudioProcessor, recipe: FinetuneRecipe, *, merge: bool
) -> None:
    """Write adapters, or the whole model, beside the checkpoints."""
    output = Path(trainer.args.output_dir)
    if merge and recipe.quantize:  # merged into the weights as they were, not as they were rounded
        trainer.save_model(str(output))
        if trainer.is_world_process_zero():
            load_folder(output).model.save_pretrained(output)
            processor.save_pretrained(output)
            _remove_adapters(output)
        return
    if merge and hasattr(trainer.model, "merge_and_unload"):
        if trainer.is_world_process_zero():
            trainer.model.merge_and_unload().save_pretrained(output)
            processor.save_pretrained(output)
        return
    trainer.save_model(str(output))
    if not hasattr(trainer.model, "merge_and_unload") and trainer.is_world_process_zero():
        processor.save_pretrained(output)


def _remove_adapters(folder: Path) -> None:
    for path in folder.glob("adapter_*"):
        path.unlink()
