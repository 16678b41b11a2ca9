"""From rendered prompts to reply tokens: settings, batches, streams and stops."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from transformers import StoppingCriteria, StoppingCriteriaList
from transformers.generation.streamers import BaseStreamer

from qwen_audio.errors import GenerationError
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration
from qwen_audio.model.processing import QwenAudioProcessor
from qwen_audio.text.prompt import Prompt
from qwen_audio.text.tokenizers import end_of_text_id, stop_ids

OnToken = Callable[[int], None]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class Generation:
    """How a reply is made. The defaults are greedy: the same input gives the same reply.

    Attributes:
        max_new_tokens: at most so many tokens a reply.
        temperature: 0 for greedy, else how freely to sample.
        top_p: sample from the smallest set of tokens that holds this probability.
        top_k: sample from the so many most likely tokens (0: all).
        repetition_penalty: above 1 makes repeated tokens less likely.
        num_beams: above 1 for beam search.
        num_return_sequences: replies for each prompt.
        seed: of the sampling; None for a new one each time.
        stop: texts that end a reply.
    """

    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    num_beams: int = 1
    num_return_sequences: int = 1
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no reply can be made with.

        Raises:
            GenerationError: a value out of its range.
        """
        checks = {
            "max_new_tokens": (self.max_new_tokens >= 1, "at least 1"),
            "temperature": (0 <= self.temperature < float("inf"), "0 or more"),
            "top_p": (0 < self.top_p <= 1, "above 0 and at most 1"),
            "top_k": (self.top_k >= 0, "0 or more"),
            "repetition_penalty": (self.repetition_penalty > 0, "above 0"),
            "num_beams": (self.num_beams >= 1, "at least 1"),
            "num_return_sequences": (self.num_return_sequences >= 1, "at least 1"),
        }
        for name, (holds, range_) in checks.items():
            if not holds:
                raise GenerationError(f"{name} must be {range_}, got {getattr(self, name)}")
        many = self.num_return_sequences
        if many > 1 and self.temperature == 0 and self.num_beams < many:
            raise GenerationError(
                f"greedy search gives one reply, not {many}; set temperature above 0 "
                f"or num_beams to {many} or more"
            )

    def as_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of transformers' `generate`."""
        is_sampled = self.temperature > 0
        free = {"temperature": self.temperature, "top_p": self.top_p, "top_k": self.top_k}
        greedy = {"temperature": None, "top_p": None, "top_k": None}
        return {
            "max_new_tokens": self.max_new_tokens,
            "do_sample": is_sampled,
            "num_beams": self.num_beams,
            "num_return_sequences": self.num_return_sequences,
            "repetition_penalty": self.repetition_penalty,
            **(free if is_sampled else greedy),
        }


@torch.inference_mode()
def generate_replies(
    model: QwenAudioForConditionalGeneration,
    processor: QwenAudioProcessor,
    prompts: Sequence[Prompt],
    *,
    settings: Generation = Generation(),
    on_token: OnToken | None = None,
) -> list[tuple[int, ...]]:
    """Return the tokens that follow each prompt, end token excluded.

    With several return sequences a prompt's replies stand one after the other.

    Args:
        model: the network, on its device.
        processor: the one it came with.
        prompts: rendered prompts; a batch gives what each gives alone.
        settings: how the replies are made.
        on_token: called with each new token of a single reply as it comes.

    Raises:
        GenerationError: tokens asked for one by one, of more than one reply.
    """
    if on_token is not None and (len(prompts) > 1 or settings.num_return_sequences > 1):
        raise GenerationError("only a single reply can be streamed; ask for one at a time")
    inputs = processor.collate(prompts).to(model.device)
    output = run_generate(model, processor, inputs, settings=settings, on_token=on_token)
    stops = stop_ids(processor.tokenizer)
    return [until_stop(row, stops) for row in output.tolist()]


def run_generate(
    model: QwenAudioForConditionalGeneration,
    processor: QwenAudioProcessor,
    inputs: Mapping[str, Any],
    *,
    settings: Generation,
    on_token: OnToken | None = None,
    should_stop: ShouldStop | None = None,
) -> Int[Tensor, "replies time"]:
    """Return what transformers' `generate` writes after the prompts, end tokens included.

    Args:
        model: the network, on the device of the inputs.
        processor: the one it came with.
        inputs: tensors of the prompts, and a cache of their first positions where there is one.
        settings: how the replies are made.
        on_token: called with each new token of a single reply as it comes.
        should_stop: asked after each token whether to end here.
    """
    width = inputs["input_ids"].shape[1]
    stops = stop_ids(processor.tokenizer)
    if settings.seed is not None:
        torch.manual_seed(settings.seed)  # transformers' set_seed would import its whole trainer
    output = model.generate(
        **inputs,
        **settings.as_arguments(),
        eos_token_id=list(stops),
        pad_token_id=end_of_text_id(processor.tokenizer),
        streamer=None if on_token is None else _Forward(on_token, stops),
        stopping_criteria=_stops(processor, settings.stop, width, should_stop),
    )
    return output[:, width:]


def until_stop(ids: Sequence[int], stops: Sequence[int]) -> tuple[int, ...]:
    """Return the ids before the first that ends a reply."""
    end = next((place for place, index in enumerate(ids) if index in stops), len(ids))
    return tuple(ids[:end])


class _Forward(BaseStreamer):
    """Hand on each new token, but neither the prompt nor the end."""

    def __init__(self, on_token: OnToken, stops: Sequence[int]) -> None:
        self.on_token, self.stops, self.is_prompt = on_token, stops, True

    def put(self, value: torch.Tensor) -> None:
        """Take what `generate` gives: first the whole prompt, then token by token."""
        if self.is_prompt:
            self.is_prompt = False
            return
        for index in value.flatten().tolist():
            if index not in self.stops:
                self.on_token(index)

    def end(self) -> None:
        """Take note that the reply is over."""


class _HasText(StoppingCriteria):
    """End a row once one of the texts stands in what it has said."""

    def __init__(self, processor: QwenAudioProcessor, texts: Sequence[str], width: int) -> None:
        self.processor, self.texts, self.width = processor, texts, width

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:  # noqa: ARG002
        said = [self.processor.decode(row[self.width :].tolist()) for row in input_ids]
        found = [any(text in reply for text in self.texts) for reply in said]
        return torch.tensor(found, device=input_ids.device)


class _Wish(StoppingCriteria):
    """End every row once somebody wants it."""

    def __init__(self, should_stop: ShouldStop) -> None:
        self.should_stop = should_stop

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:  # noqa: ARG002
        return torch.full((len(input_ids),), self.should_stop(), device=input_ids.device)


def _stops(
    processor: QwenAudioProcessor,
    texts: Sequence[str],
    width: int,
    should_stop: ShouldStop | None,
) -> StoppingCriteriaList | None:
    texts_said = [_HasText(processor, texts, width)] if texts else []
    wishes = [] if should_stop is None else [_Wish(should_stop)]
    return StoppingCriteriaList([*texts_said, *wishes]) if texts_said or wishes else None
