"""A Whisper of transformers as a listener: it transcribes, and translates into English."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.audio.sources import Clip
from qwen_audio.errors import EvaluationError
from qwen_audio.evaluation.asking import fingerprint
from qwen_audio.evaluation.benchmarks.records import Benchmark, Sample
from qwen_audio.evaluation.peers.limits import token_limit
from qwen_audio.evaluation.peers.records import Asked, Said

_TASKS = {"ASR": "transcribe", "S2TT": "translate"}
# what transformers warns of its own call with, and of its own default beside our limit
_OWN_WARNINGS = ("Passing `generation_config` together with", "Both `max_new_tokens`")


@dataclass(frozen=True)
class Whisper:
    """A Whisper with its processor."""

    model: Any
    processor: Any
    name: str
    style: str = ""  # neither tags nor words: a language and a task

    @property
    def identity(self) -> Mapping[str, str]:
        """Name and weights."""
        return {"name": self.name, "weights": fingerprint(self.model)}

    @property
    def is_multilingual(self) -> bool:
        """Whether it takes a language and a task."""
        return bool(getattr(self.model.generation_config, "is_multilingual", True))

    def refuses(self, benchmark: Benchmark) -> str:
        """Return why a benchmark cannot be put to it, or nothing."""
        if benchmark.task not in _TASKS:
            return "Whisper only transcribes and translates"
        if benchmark.task == "S2TT" and not benchmark.name.endswith("-en"):
            return "Whisper translates into English only"
        return ""

    def prompt(self, benchmark: Benchmark, sample: Sample) -> str:
        """Return the language and the task, which is all that it can be told."""
        return f"{sample.language} {_TASKS[benchmark.task]}"

    @torch.inference_mode()
    def answer(self, asked: Sequence[Asked], clips: Sequence[Clip]) -> list[Said]:
        """Return the replies, greedy, those of one prompt together."""
        limits = [token_limit(a, clip) for a, clip in zip(asked, clips, strict=True)]
        replies = dict.fromkeys(range(len(asked)), Said(text=""))
        for prompt in dict.fromkeys(a.prompt for a in asked):
            places = [place for place, a in enumerate(asked) if a.prompt == prompt]
            most = max(limits[place] for place in places)
            said = self._generate(prompt, [clips[place] for place in places], most=most)
            replies |= {
                place: self._said(ids, limits[place])
                for place, ids in zip(places, said, strict=True)
            }
        return list(replies.values())

    def _generate(self, prompt: str, clips: Sequence[Clip], *, most: int) -> list[list[int]]:
        inputs = self.processor(
            [clip.waveform for clip in clips],
            sampling_rate=SAMPLE_RATE,
            return_tensors="pt",
            return_attention_mask=True,
        ).to(self.model.device, self.model.dtype)
        language, task = prompt.split()
        told = {"language": language, "task": task} if self.is_multilingual else {}
        with _hushed():
            ids = self.model.generate(
                **inputs, **told, do_sample=False, num_beams=1, max_new_tokens=most
            )
        padding = self.model.generation_config.pad_token_id
        return [[one for one in row if one != padding] for row in ids.tolist()]

    def _said(self, ids: Sequence[int], limit: int) -> Said:
        text = self.processor.decode(ids[:limit], skip_special_tokens=True)
        return Said(text=text, is_cut=len(ids) >= limit)


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep from the terminal what Whisper's `generate` warns about itself.

    It gives itself deprecated arguments; nothing that is given to it here could change that.
    """
    logger = logging.getLogger("transformers.generation.utils")

    def is_wanted(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(_OWN_WARNINGS)

    logger.addFilter(is_wanted)
    try:
        yield
    finally:
        logger.removeFilter(is_wanted)


def open_whisper(where: str, *, device: str | None, dtype: str | None) -> Whisper:
    """Return a Whisper from a folder.

    Raises:
        EvaluationError: the folder is missing, or holds something else.
    """
    from transformers import WhisperForConditionalGeneration, WhisperProcessor

    if not Path(where).is_dir():
        raise EvaluationError(f"no folder {where}; give that of a transformers Whisper")
    try:
        processor = WhisperProcessor.from_pretrained(where)
        model = WhisperForConditionalGeneration.from_pretrained(where, dtype=dtype or "auto")
    except (OSError, ValueError, KeyError) as error:
        raise EvaluationError(f"{where} holds no Whisper of transformers ({error})") from error
    return Whisper(model.to(device or "cpu").eval(), processor, Path(where).name)
