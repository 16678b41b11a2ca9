"""Our models as listeners: a Qwen-Audio by tags or in words, a Qwen2-Audio in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qwen_audio.audio.sources import Clip
from qwen_audio.errors import EvaluationError
from qwen_audio.evaluation.asking import fingerprint
from qwen_audio.evaluation.benchmarks.prompts import NATURAL, TAGS
from qwen_audio.evaluation.benchmarks.records import Benchmark, Sample
from qwen_audio.evaluation.peers.limits import token_limit
from qwen_audio.evaluation.peers.records import (
    Asked,
    Said,
    refuses_in_words,
    written_prompt,
)
from qwen_audio.inference.answers import QwenAudio
from qwen_audio.inference.generation import Generation
from qwen_audio.inference.qwen2 import Qwen2Audio
from qwen_audio.text.messages import USER, Audio, Message, Text
from qwen_audio.text.prompt import DEFAULT_SYSTEM, decode_reply, render_chat


@dataclass(frozen=True)
class OurListener:
    """A Qwen-Audio, greedy, several clips at once."""

    model: QwenAudio
    name: str
    style: str = TAGS

    @property
    def identity(self) -> Mapping[str, str]:
        """Name and weights."""
        return {"name": self.name, "weights": fingerprint(self.model.model)}

    def refuses(self, benchmark: Benchmark) -> str:
        """Return why a benchmark cannot be put to it, or nothing."""
        return refuses_in_words(benchmark, style=self.style)

    def prompt(self, benchmark: Benchmark, sample: Sample) -> str:
        """Return tags or words, as the style says."""
        return written_prompt(benchmark, sample, style=self.style)

    def answer(self, asked: Sequence[Asked], clips: Sequence[Clip]) -> list[Said]:
        """Return the replies, tags included, begun with what the prompt gave of them."""
        render = self._tagged if self.style == TAGS else self._chat
        prompts = [render(a.prompt, clip) for a, clip in zip(asked, clips, strict=True)]
        limits = [token_limit(a, clip) for a, clip in zip(asked, clips, strict=True)]
        replies = self.model.generate(prompts, settings=Generation(max_new_tokens=max(limits)))
        tokenizer = self.model.processor.tokenizer
        opening = self.style == TAGS
        return [
            Said(
                text=(a.benchmark.opening if opening else "")
                + decode_reply(tokenizer, ids[:limit], skip_special=False),
                is_cut=len(ids) >= limit,
            )
            for a, ids, limit in zip(asked, replies, limits, strict=True)
        ]

    def _tagged(self, tags: str, clip: Clip):  # noqa: ANN202 - a rendered prompt
        return self.model.tagged(tags, [clip])

    def _chat(self, words: str, clip: Clip):  # noqa: ANN202
        return render_chat(
            (Message(USER, (Audio(clip), Text(words))),),
            tokenizer=self.model.processor.tokenizer,
            system=DEFAULT_SYSTEM,
            pool=self.model.processor.pool,
        ).prompt


@dataclass(frozen=True)
class Qwen2Listener:
    """A Qwen2-Audio of transformers, in words, one clip after another."""

    model: Qwen2Audio
    name: str
    style: str = NATURAL

    @property
    def identity(self) -> Mapping[str, str]:
        """Name and weights."""
        return {"name": self.name, "weights": fingerprint(self.model.model)}

    def refuses(self, benchmark: Benchmark) -> str:
        """Return why a benchmark cannot be put to it, or nothing."""
        return refuses_in_words(benchmark, style=NATURAL)

    def prompt(self, benchmark: Benchmark, sample: Sample) -> str:
        """Return words."""
        return benchmark.natural(sample)

    def answer(self, asked: Sequence[Asked], clips: Sequence[Clip]) -> list[Said]:
        """Return the replies."""
        return [self._ask(a, clip) for a, clip in zip(asked, clips, strict=True)]

    def _ask(self, asked: Asked, clip: Clip) -> Said:
        limit = token_limit(asked, clip)
        reply = self.model.ask(clip, asked.prompt, settings=Generation(max_new_tokens=limit))
        return Said(text=reply.text, is_cut=len(reply.ids) >= limit)


def listener_of(
    model: QwenAudio | Qwen2Audio, *, name: str, style: str | None = None
) -> OurListener | Qwen2Listener:
    """Return a loaded model as a listener.

    Args:
        model: from `qwen_audio.load`.
        name: for the tables.
        style: "tags" or "natural"; without it, tags where the model has them.

    Raises:
        EvaluationError: tags for a model that has none.
    """
    if isinstance(model, Qwen2Audio):
        if style == TAGS:
            raise EvaluationError(f"{name} knows no tags; give --prompt natural")
        return Qwen2Listener(model, name)
    return OurListener(model, name, style or TAGS)
