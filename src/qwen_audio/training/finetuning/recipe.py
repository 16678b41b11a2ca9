"""What a fine-tuning says: one flat table, every key with a default."""

from dataclasses import dataclass

from qwen_audio.errors import RecipeError, unknown_name

PRECISIONS = ("auto", "bf16", "fp32")
QUANTIZED = ("", "4bit")


@dataclass(frozen=True, kw_only=True)
class FinetuneRecipe:
    """How a model learns a user's conversations.

    Attributes:
        model: Folder or hub name; empty for the default model.
        data: JSONL or text files of conversations, or Hugging Face sets.
        dev: The same for the loss that is shown after each epoch.
        epochs: Passes over the data, unless `steps` says how many steps.
        rank: Of the low-rank adapters; 0 learns the weights themselves.
        alpha: The adapters' scale is alpha / rank.
        quantize: "4bit" holds the LLM's frozen weights as NF4 while its adapters learn (QLoRA).
        learn_encoder: Whether the audio encoder learns too, in the same way as the LLM.
        learn_projector: Whether the projection from encoder to LLM learns, whole.
        rows: Conversations in a batch of one device.
        accumulate: Batches a step.
        max_unreadable_share: More conversations with unreadable clips are an error.
    """

    model: str = ""
    data: tuple[str, ...] = ()
    dev: tuple[str, ...] = ()
    epochs: float = 3.0
    steps: int = 0
    seed: int = 0
    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.05
    quantize: str = ""
    learn_encoder: bool = False
    learn_projector: bool = False
    rows: int = 4
    accumulate: int = 4
    rate: float = 1e-4
    warmup_share: float = 0.03
    weight_decay: float = 0.0
    clip: float = 1.0
    precision: str = "auto"
    gradient_checkpointing: bool = False
    workers: int = 2
    log_every: int = 10
    save_every: int = 200
    keep: int = 2
    max_unreadable_share: float = 0.05

    def __post_init__(self) -> None:
        if not self.data:
            raise RecipeError("nothing to learn from: name a JSONL file of conversations as data")
        if self.precision not in PRECISIONS:
            raise RecipeError(unknown_name("precision", self.precision, PRECISIONS))
        if self.quantize not in QUANTIZED:
            raise RecipeError(unknown_name("quantization", self.quantize, QUANTIZED[1:]))
        if self.quantize and not self.rank:
            raise RecipeError("quantized weights cannot learn themselves: give a rank above 0")
        if min(self.rows, self.accumulate, self.save_every, self.log_every) < 1 or self.rank < 0:
            raise RecipeError(
                "rows, accumulate, save_every and log_every are 1 or more and the rank is 0 or "
                f"more; got {self.rows}, {self.accumulate}, {self.save_every}, {self.log_every} "
                f"and {self.rank}"
            )
