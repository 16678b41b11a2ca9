"""Audio tokens read as words: each nearer to the text token it sounds like, silence left out.

A small decoder needs long training to make words of the projector's vectors. A `Reader` gives it a
start: it scores every audio token against a "blank" and against the embeddings of text tokens (as
connectionist temporal classification does, with which it is trained), adds the expected embedding
to the token, and marks the blanks, which the decoder then does not see. One blank in `every` stays,
for what is not speech. The released models have none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

# CTC needs large logits. Without this factor the projection grew to 16 times the size of a token's
# embedding, and the LLM, whose layers add to what they are given, could hardly move it.
_LOG_SCALE = math.log(16.0)
_GAIN = 0.1  # of the projector's own vector beside the expected embedding, at first


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """What the audio side makes of all clips, one after the other.

    `tokens` go to the decoder, those that `is_kept` marks (None: all of them); `counts` says how
    many belong to each clip, before any is left out.
    """

    tokens: Float[Tensor, "tokens width"]
    counts: Int[Tensor, " clips"]
    is_kept: Bool[Tensor, " tokens"] | None = None


class Reader(nn.Module):
    """Scores audio tokens against the blank and against text tokens.

    Args:
        width: of audio tokens and of the decoder's embeddings.
        vocab_size: rows of the decoder's embedding; `allow` says which of them can be read.
        every: one audio token in so many is kept even where it is blank.
    """

    def __init__(self, width: int, vocab_size: int, *, every: int = 8) -> None:
        super().__init__()
        self.every = every
        self.blank = nn.Parameter(torch.zeros(width))
        self.bias = nn.Parameter(torch.zeros(()))
        self.log_scale = nn.Parameter(torch.tensor(_LOG_SCALE))
        self.gain = nn.Parameter(torch.full((width,), _GAIN))
        # 1 for each token that can be read: a parameter, so that it travels with what is learnt.
        self.is_choice = nn.Parameter(torch.zeros(vocab_size), requires_grad=False)

    @torch.no_grad()
    def allow(self, ids: Sequence[int]) -> None:
        """Let these tokens be read too."""
        self.is_choice[torch.as_tensor(ids, dtype=torch.long)] = 1

    @property
    def choices(self) -> Int[Tensor, " choices"]:
        """Ids of the tokens that can be read, in order."""
        return self.is_choice.nonzero().squeeze(1)

    def rows(self, embedding: nn.Module) -> Float[Tensor, "choices width"]:
        """Return the embeddings of the tokens that can be read, in the order of their ids."""
        return embedding(self.choices)

    def logits(
        self, tokens: Float[Tensor, "tokens width"], rows: Float[Tensor, "choices width"]
    ) -> Float[Tensor, "tokens scores"]:
        """Return how well each audio token fits the blank (place 0) and each row."""
        scaled = tokens * self.log_scale.exp().to(tokens.dtype)
        blank = (scaled @ self.blank.to(scaled.dtype) + self.bias.to(scaled.dtype))[:, None]
        return torch.cat([blank, scaled @ rows.to(scaled.dtype).T], dim=1).float()

    def forward(
        self,
        tokens: Float[Tensor, "tokens width"],
        counts: Int[Tensor, " clips"],
        embedding: nn.Module,
    ) -> Hearing:
        """Return the tokens with what they read as, and which of them the decoder should see.

        A reader that has nothing to choose from yet changes nothing.
        """
        if not len(self.choices):
            return Hearing(tokens=tokens, counts=counts)
        rows = self.rows(embedding)
        shares = self.logits(tokens, rows).softmax(dim=1)
        read = shares[:, 1:].to(rows.dtype) @ rows
        tokens = (tokens * self.gain.to(tokens.dtype)).to(rows.dtype) + read
        starts = (counts.cumsum(0) - counts).repeat_interleave(counts, output_size=len(tokens))
        place = torch.arange(len(tokens), device=tokens.device) - starts
        is_kept = (shares[:, 0] < 0.5) | (place % self.every == self.every // 2)
        return Hearing(tokens=tokens, counts=counts, is_kept=is_kept)


def init_reader(module: nn.Module) -> None:
    """Fill a freshly made reader: nothing is blank yet, and nothing can be read."""
    if isinstance(module, Reader):
        for parameter in (module.blank, module.bias, module.is_choice):
            nn.init.zeros_(parameter)
        nn.init.constant_(module.log_scale, _LOG_SCALE)
        nn.init.constant_(module.gain, _GAIN)


def keep_only(
    is_slot: Bool[Tensor, "batch time"],
    hearing: Hearing,
    attention_mask: Int[Tensor, "batch time"] | None,
) -> Tensor | None:
    """Return the attention mask with the audio slots hidden that are not kept."""
    if hearing.is_kept is None:
        return attention_mask
    if attention_mask is None:
        attention_mask = torch.ones_like(is_slot, dtype=torch.long)
    heard = torch.zeros_like(attention_mask).masked_scatter(
        is_slot, hearing.is_kept.to(attention_mask.dtype)
    )
    return torch.where(is_slot, heard * attention_mask, attention_mask)


def ctc_loss(
    logits: Float[Tensor, "tokens scores"],
    counts: Int[Tensor, " clips"],
    targets: Int[Tensor, " characters"],
    target_lengths: Int[Tensor, " clips"],
    *,
    length_exponent: float = 0.0,
) -> Float[Tensor, ""]:
    """Return CTC loss per target token, over all clips together.

    Not the mean of each clip's: a command of one word would weigh as much as a long sentence, and
    its many blank frames drown what the sentence teaches. A `length_exponent` between 0 and 1 goes
    part of that way, so that the two words that name a sound are not lost among sentences: a target
    of n tokens weighs n ** (1 - `length_exponent`).
    """
    padded = nn.utils.rnn.pad_sequence(logits.log_softmax(dim=-1).split(counts.tolist()))
    losses = F.ctc_loss(
        padded, targets, counts, target_lengths, reduction="none", zero_infinity=True
    )
    a_token = target_lengths.to(losses.dtype) ** -length_exponent
    return (losses * a_token).sum() / (target_lengths * a_token).sum()
