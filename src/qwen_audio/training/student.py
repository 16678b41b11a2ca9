"""The network as it learns: which parts move, in what precision, and the losses of a batch.

Frozen weights stay in the run's precision; whatever learns is held in float32. The decoder's old
token rows are frozen exactly: new rows are a parameter of their own, joined where they are used.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from qwen_audio.data.batches import Batch
from qwen_audio.errors import RecipeError
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration
from qwen_audio.training.recipe import LearnRecipe, LossRecipe, PartRecipe

_LAYER = re.compile(r"\.(?:blocks|layers)\.(\d+)\.")
# CTC needs large logits. Without this factor the projection grew to 16 times the size of a token's
# embedding, and the LLM, whose layers add to what they are given, could hardly move it.
_CTC_LOG_SCALE = math.log(16.0)
_OWN = ("model.projector.", "model.boundaries.", "ctc_")  # no base model brings these


class JoinedEmbedding(nn.Module):
    """A token embedding whose first rows are frozen and whose last rows learn."""

    def __init__(self, old: nn.Parameter, new: nn.Parameter) -> None:
        super().__init__()
        self.old, self.new = old, new

    def forward(self, ids: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape width"]:
        """Return the row of each id."""
        first = len(self.old)
        known = F.embedding(ids.clamp(max=first - 1), self.old)
        added = F.embedding((ids - first).clamp(min=0), self.new).to(known.dtype)
        return torch.where((ids >= first).unsqueeze(-1), added, known)


class JoinedHead(nn.Module):
    """The head that belongs to a `JoinedEmbedding`."""

    def __init__(self, old: nn.Parameter, new: nn.Parameter) -> None:
        super().__init__()
        self.old, self.new = old, new

    def forward(self, hidden: Float[Tensor, "*shape width"]) -> Float[Tensor, "*shape vocab"]:
        """Return a logit for each token."""
        known = F.linear(hidden, self.old)
        return torch.cat([known, F.linear(hidden, self.new.to(self.old.dtype)).to(known.dtype)], -1)


class LowRank(nn.Module):
    """A low-rank adapter that is added to a frozen weight before the layer uses it.

    The usual form, two thin products beside the layer, is memory-bound: on a CPU ten times slower
    than the layer itself. Here the two matrices meet once a step, whatever the batch.
    """

    def __init__(self, rows: int, columns: int, *, rank: int, scale: float) -> None:
        super().__init__()
        self.lora_A = nn.Parameter(torch.empty(rank, columns))
        self.lora_B = nn.Parameter(torch.zeros(rows, rank))
        nn.init.kaiming_uniform_(self.lora_A, a=5**0.5)
        self.scale = scale

    def forward(self, weight: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
        """Return the weight with the adapter in it."""
        change = self.lora_B @ self.lora_A
        return weight + (change if self.scale == 1.0 else self.scale * change).to(weight.dtype)


@dataclass(frozen=True, kw_only=True)
class Frames:
    """The log-mel frames of a batch's clips, and which are real."""

    features: Float[Tensor, "clips bins frames"]
    mask: Bool[Tensor, "clips frames"]


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """What the frozen encoder made of a batch's clips, before the projection."""

    tokens: Float[Tensor, "tokens width"]
    counts: Int[Tensor, " clips"]


Sound = Frames | Encoded


@dataclass(frozen=True, kw_only=True)
class Losses:
    """What one batch gave; `total` is what is minimised."""

    total: Float[Tensor, ""]
    next_token: Float[Tensor, ""]
    ctc: Float[Tensor, ""]


class Student(nn.Module):
    """A model with its learning parts opened, and the CTC reader beside it.

    Args:
        model: the network; it is changed in place (adapters, joined rows, precision).
        learn: which parts learn, and how.
        loss: what is minimised.
        first_new_id: the first token row that may learn.
        ctc_tokens: ids of the tokens that occur in transcripts; CTC chooses among these.
    """

    def __init__(
        self,
        model: QwenAudioForConditionalGeneration,
        *,
        learn: LearnRecipe,
        loss: LossRecipe,
        first_new_id: int,
        ctc_tokens: Sequence[int],
    ) -> None:
        super().__init__()
        self.model, self.loss = model, loss
        model.requires_grad_(requires_grad=False)
        _open_layers(model.encoder, learn.encoder)
        _open_layers(model.language_model, learn.llm)
        _open_rows(model, first_new_id, is_learnt=learn.rows.rate > 0)
        if learn.projector.rate > 0:
            for part in (model.projector, model.boundaries):
                part.float().requires_grad_(requires_grad=True)
        width = model.boundaries.embedding_dim
        self.register_buffer("ctc_tokens", torch.tensor(ctc_tokens, dtype=torch.long))
        reads = loss.ctc > 0
        self.ctc_blank = nn.Parameter(torch.zeros(width), requires_grad=reads)
        self.ctc_bias = nn.Parameter(torch.zeros(()), requires_grad=reads)
        self.ctc_log_scale = nn.Parameter(torch.tensor(_CTC_LOG_SCALE), requires_grad=reads)

    def forward(
        self,
        batch: Batch,
        sound: Sound | None,
    ) -> Losses:
        """Return the losses of a batch whose clips sound like this."""
        zero = self.ctc_blank.new_zeros(())
        tokens, counts = self._hear(sound)
        next_token = self._next_token_loss(batch, tokens, counts) if batch.num_tokens else zero
        ctc = zero
        if self.loss.ctc and tokens is not None and batch.ctc_ids.numel():
            ctc = self._ctc_loss(batch, tokens, counts)
        return Losses(
            total=next_token + self.loss.ctc * ctc, next_token=next_token.detach(), ctc=ctc.detach()
        )

    def _hear(self, sound: Sound | None) -> tuple[Tensor | None, Tensor | None]:
        """Return the projected audio tokens and how many each clip has."""
        if sound is None:
            return None, None
        if isinstance(sound, Encoded):
            return self.model.projector(sound.tokens), sound.counts
        return self.model.get_audio_features(sound.features, sound.mask)

    def _next_token_loss(
        self, batch: Batch, tokens: Tensor | None, counts: Tensor | None
    ) -> Tensor:
        model = self.model
        if tokens is None:
            embedded = model.get_input_embeddings()(batch.input_ids)
        else:
            embedded = model.splice(batch.input_ids, tokens, counts)
        # Right padding under a causal mask needs no mask: nothing real sees it.
        decoded = model.language_model(inputs_embeds=embedded, use_cache=False)
        hidden = decoded.last_hidden_state.flatten(0, 1)[batch.learnt_from]  # (learnt, width)
        logits = model.lm_head(hidden)
        losses = F.cross_entropy(logits.float(), batch.learnt_ids, reduction="none")
        lengths = torch.bincount(batch.learnt_row, minlength=len(batch.input_ids)).float()
        weights = lengths[batch.learnt_row] ** -self.loss.length_exponent
        return (losses * weights).sum() / weights.sum()

    def ctc_logits(self, tokens: Float[Tensor, "tokens width"]) -> Float[Tensor, "tokens choices"]:
        """Return how well each projected frame fits the blank (0) and each transcript token."""
        embedding = self.model.get_input_embeddings()
        choices = F.embedding(self.ctc_tokens, embedding.old)
        scaled = tokens * self.ctc_log_scale.exp().to(tokens.dtype)
        blank = (scaled @ self.ctc_blank.to(scaled.dtype) + self.ctc_bias.to(scaled.dtype))[:, None]
        return torch.cat([blank, scaled @ choices.to(scaled.dtype).T], dim=1).float()

    def _ctc_loss(self, batch: Batch, tokens: Tensor, counts: Tensor) -> Tensor:
        """Return the mean over transcribed clips of CTC loss per target token."""
        has_text = batch.ctc_lengths > 0
        is_used = has_text.repeat_interleave(counts, output_size=len(tokens))
        log_probs = self.ctc_logits(tokens[is_used]).log_softmax(dim=-1)
        lengths = counts[has_text]
        padded = nn.utils.rnn.pad_sequence(log_probs.split(lengths.tolist()))  # (time, clips, …)
        target_lengths = batch.ctc_lengths[has_text]
        losses = F.ctc_loss(
            padded, batch.ctc_ids, lengths, target_lengths, reduction="none", zero_infinity=True
        )
        return (losses / target_lengths).mean()

    def learnt(self) -> dict[str, nn.Parameter]:
        """Return every parameter that learns, by name, each once."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def kept(self) -> dict[str, nn.Parameter]:
        """Return what a checkpoint holds: all that learns, and what earlier stages learnt."""
        return {
            name: p
            for name, p in self.named_parameters()
            if p.requires_grad or ".lora_" in name or name.startswith(_OWN)
        }


def parameter_groups(student: Student, learn: LearnRecipe, weight_decay: float) -> list[dict]:
    """Return AdamW groups: one a rate and decay; vectors and embeddings do not decay."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in student.learnt().items():
        rate = _rate(name, learn, student.model)
        decays = parameter.ndim > 1 and "embed" not in name and "boundaries" not in name
        groups.setdefault((rate, weight_decay if decays else 0.0), []).append(parameter)
    return [{"params": p, "lr": rate, "weight_decay": d} for (rate, d), p in groups.items()]


def _rate(name: str, learn: LearnRecipe, model: nn.Module) -> float:
    """Return the peak learning rate of one parameter."""
    if name.endswith(("embed_tokens.new", "lm_head.new")):
        return learn.rows.rate
    for prefix, part, stack in (
        ("model.encoder.", learn.encoder, "blocks"),
        ("model.language_model.", learn.llm, "layers"),
    ):
        if name.startswith(prefix):
            depth = len(getattr(model.get_submodule(prefix.split(".")[1]), stack))
            layer = _LAYER.search(name)
            # What comes before the first layer moves least, what comes after the last one most.
            before = 0 if "ln_post" in name or name.startswith(f"{prefix}norm") else depth
            below = depth - 1 - int(layer.group(1)) if layer else before
            return part.rate * part.layer_decay**below
    return learn.projector.rate


def _open_rows(model: nn.Module, first: int, *, is_learnt: bool) -> None:
    """Split the token embedding and the head into frozen old rows and new rows."""
    embedding, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    if not 0 < first < len(embedding):
        raise RecipeError(
            f"new token rows begin at {first} but the model has {len(embedding)} rows; "
            "make the model folder with qwen_audio.assemble"
        )

    def split(weight: Tensor) -> tuple[nn.Parameter, nn.Parameter]:
        old = nn.Parameter(weight.data[:first].clone(), requires_grad=False)
        new = weight.data[first:].clone()
        return old, nn.Parameter(new.float() if is_learnt else new, requires_grad=is_learnt)

    own = split(embedding)
    model.set_input_embeddings(JoinedEmbedding(*own))
    is_tied = head.data_ptr() == embedding.data_ptr()
    model.set_output_embeddings(JoinedHead(*(own if is_tied else split(head))))


def _open_layers(module: nn.Module, part: PartRecipe) -> None:
    """Let a part learn: by low-rank adapters on every linear layer, or its own weights."""
    if part.rank:
        _adapt(module, part)
    elif part.rate:
        for name, parameter in module.named_parameters():
            if not name.startswith("embed_tokens"):
                _open(parameter)


def _adapt(module: nn.Module, part: PartRecipe) -> None:
    """Put low-rank adapters on every linear layer from the part's first layer on."""
    linear = [(name, m) for name, m in module.named_modules() if isinstance(m, nn.Linear)]
    for layer in [layer for name, layer in linear if _depth(name) >= part.first_layer]:
        scale = part.alpha / part.rank if part.alpha else 1.0
        adapter = LowRank(*layer.weight.shape, rank=part.rank, scale=scale)
        # "unsafe": the weight keeps its shape and dtype, so there is nothing to try out first.
        parametrize.register_parametrization(layer, "weight", adapter, unsafe=True)
        adapter.requires_grad_(requires_grad=part.rate > 0)


def _depth(name: str) -> int:
    """Return the layer a module belongs to, 0 for what belongs to none."""
    found = _LAYER.search(f".{name}.")
    return int(found.group(1)) if found else 0


def _open(parameter: nn.Parameter) -> None:
    """Let one parameter learn, held in float32 whatever the frozen ones are held in."""
    parameter.data = parameter.data.float()
    parameter.requires_grad_(requires_grad=True)
