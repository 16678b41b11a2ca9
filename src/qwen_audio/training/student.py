"""The network as it learns: which parts move, in what precision, and the losses of a batch.

Frozen weights stay in the run's precision; whatever learns is held in float32. The decoder's old
token rows are frozen exactly: new rows are a parameter of their own, joined where they are used.
"""

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
from qwen_audio.model.reading import Hearing, ctc_loss
from qwen_audio.training.recipe import LearnRecipe, LossRecipe, PartRecipe

_LAYER = re.compile(r"\.(?:blocks|layers)\.(\d+)\.")
_OWN = ("model.projector.", "model.reader.", "model.boundaries.")  # no base model brings these


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
    """A model with its learning parts opened.

    Args:
        model: the network; it is changed in place (adapters, joined rows, precision).
        learn: which parts learn, and how.
        loss: what is minimised.
        first_new_id: the first token row that may learn.
        ctc_tokens: ids of the tokens that occur in transcripts; the reader chooses among these.

    Raises:
        RecipeError: a CTC loss for a model without a reader.
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
        if model.reader is not None:
            _open_reader(model.reader, learns=loss.ctc > 0 and learn.projector.rate > 0)
            self.allow(ctc_tokens)
        elif loss.ctc:
            raise RecipeError(
                "loss.ctc needs a model that reads its audio tokens; "
                "assemble one with reader=True, or set loss.ctc to 0"
            )

    def forward(
        self,
        batch: Batch,
        sound: Sound | None,
    ) -> Losses:
        """Return the losses of a batch whose clips sound like this."""
        tokens, counts = self.project(sound)
        next_token = ctc = torch.zeros((), device=batch.input_ids.device)
        if batch.num_tokens:
            heard = None if tokens is None else self.model.read(tokens, counts)
            next_token = self._next_token_loss(batch, heard)
        if self.loss.ctc and tokens is not None and batch.ctc_ids.numel():
            ctc = self._ctc_loss(batch, tokens, counts)
        return Losses(
            total=next_token + self.loss.ctc * ctc, next_token=next_token.detach(), ctc=ctc.detach()
        )

    def allow(self, ctc_tokens: Sequence[int]) -> dict[int, int]:
        """Let the reader choose among these too; return the place of each token it chooses among.

        Place 0 is the blank. Call it again after loading: an earlier stage had its own choices.
        """
        reader = self.model.reader
        if reader is None:
            return {token: place for place, token in enumerate(ctc_tokens, start=1)}
        reader.allow(ctc_tokens)
        return {token: place for place, token in enumerate(reader.choices.tolist(), start=1)}

    def project(self, sound: Sound | None) -> tuple[Tensor | None, Tensor | None]:
        """Return the projected audio tokens, not read yet, and how many each clip has."""
        if sound is None:
            return None, None
        if isinstance(sound, Encoded):
            return self.model.projector(sound.tokens, sound.counts), sound.counts
        return self.model.project(sound.features, sound.mask)

    def _next_token_loss(self, batch: Batch, heard: Hearing | None) -> Tensor:
        model, learnt_from = self.model, batch.learnt_from
        if heard is None:
            embedded = model.get_input_embeddings()(batch.input_ids)
        else:
            embedded = model.splice(batch.input_ids, heard.tokens, heard.counts)
            if heard.is_kept is not None:
                is_slot = batch.input_ids == model.config.audio_token_id
                embedded, learnt_from = without_unheard(embedded, is_slot, heard, learnt_from)
        # Right padding under a causal mask needs no mask: nothing real sees it.
        decoded = model.language_model(inputs_embeds=embedded, use_cache=False)
        hidden = decoded.last_hidden_state.flatten(0, 1)[learnt_from]  # (learnt, width)
        logits = model.lm_head(hidden)
        losses = F.cross_entropy(logits.float(), batch.learnt_ids, reduction="none")
        lengths = torch.bincount(batch.learnt_row, minlength=len(batch.input_ids)).float()
        weights = lengths[batch.learnt_row] ** -self.loss.length_exponent
        return (losses * weights).sum() / weights.sum()

    def reading_logits(
        self, tokens: Float[Tensor, "tokens width"]
    ) -> Float[Tensor, "tokens scores"]:
        """Return how well each projected token fits the blank (0) and each transcript token."""
        reader = self.model.reader
        return reader.logits(tokens, reader.rows(self.model.get_input_embeddings()))

    def _ctc_loss(self, batch: Batch, tokens: Tensor, counts: Tensor) -> Tensor:
        has_text = batch.ctc_lengths > 0
        is_used = has_text.repeat_interleave(counts, output_size=len(tokens))
        logits = self.reading_logits(tokens[is_used])
        return ctc_loss(
            logits,
            counts[has_text],
            batch.ctc_ids,
            batch.ctc_lengths[has_text],
            length_exponent=self.loss.length_exponent,
        )

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


def without_unheard(
    embedded: Float[Tensor, "rows length width"],
    is_slot: Bool[Tensor, "rows length"],
    heard: Hearing,
    learnt_from: Int[Tensor, " learnt"],
) -> tuple[Float[Tensor, "rows shorter width"], Int[Tensor, " learnt"]]:
    """Return the rows without the audio slots that are not kept, and where is learnt from now.

    What comes after the last learnt position teaches nothing and is cut too.
    """
    rows, length = is_slot.shape
    kept = torch.ones_like(is_slot).masked_scatter(is_slot, heard.is_kept)
    place = kept.long().cumsum(dim=1) - 1  # of each kept position in its shorter row
    row, column = learnt_from // length, learnt_from % length
    shorter = int(place[row, column].max()) + 1
    order = kept.long().argsort(dim=1, descending=True, stable=True)[:, :shorter]
    short = embedded.gather(1, order.unsqueeze(-1).expand(rows, shorter, embedded.shape[-1]))
    return short, row * shorter + place[row, column]


def _open_reader(reader: nn.Module, *, learns: bool) -> None:
    """Hold the reader in float32; let all of it learn but the list of its choices."""
    reader.float()
    for name, parameter in reader.named_parameters():
        parameter.requires_grad_(learns and name != "is_choice")


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
