"""A model behind an OpenAI-compatible URL as a listener: the clip goes along as a WAV."""

import base64
import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import soundfile

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.audio.sources import Clip
from qwen_audio.errors import EvaluationError
from qwen_audio.evaluation.benchmarks.prompts import NATURAL
from qwen_audio.evaluation.benchmarks.records import Benchmark, Sample
from qwen_audio.evaluation.peers.limits import token_limit
from qwen_audio.evaluation.peers.records import Asked, Said, refuses_in_words

_TIMEOUT_S, _RETRIES = 120.0, 4


@dataclass(frozen=True)
class Served:
    """A model that a server answers for; the clips of a batch are sent at once."""

    client: Any
    model: str
    url: str
    style: str = NATURAL

    @property
    def name(self) -> str:
        """The model's name on the server."""
        return self.model

    @property
    def identity(self) -> Mapping[str, str]:
        """Name and URL: the weights cannot be seen."""
        return {"name": self.model, "url": self.url}

    def refuses(self, benchmark: Benchmark) -> str:
        """Return why a benchmark cannot be put to it, or nothing."""
        return refuses_in_words(benchmark, style=NATURAL)

    def prompt(self, benchmark: Benchmark, sample: Sample) -> str:
        """Return words."""
        return benchmark.natural(sample)

    def answer(self, asked: Sequence[Asked], clips: Sequence[Clip]) -> list[Said]:
        """Return the replies.

        Raises:
            EvaluationError: the server does not answer, or refuses.
        """
        with ThreadPoolExecutor(max_workers=max(1, len(asked))) as pool:
            return list(pool.map(self._ask, asked, clips))

    def _ask(self, asked: Asked, clip: Clip) -> Said:
        import openai

        sound = {"data": _wav(clip), "format": "wav"}
        parts = [
            {"type": "input_audio", "input_audio": sound},
            {"type": "text", "text": asked.prompt},
        ]
        try:
            reply = self.client.chat.completions.create(
                model=self.model,
                messages=[{"role": "user", "content": parts}],
                temperature=0,
                max_tokens=token_limit(asked, clip),
            )
        except openai.OpenAIError as error:
            raise EvaluationError(
                f"{self.url} does not answer for {self.model} ({error}); the answers so far are "
                "kept, start the same command again"
            ) from error
        if not reply.choices:
            return Said(text="")
        choice = reply.choices[0]
        return Said(text=choice.message.content or "", is_cut=choice.finish_reason == "length")


def open_served(where: str, *, key: str | None = None) -> Served:
    """Return a listener for "URL" or "URL#MODEL"; without a model, the server's first.

    Raises:
        EvaluationError: the package is missing, or the server does not answer.
    """
    return Served(*open_client(where, key=key))


def open_client(where: str, *, key: str | None = None) -> tuple[Any, str, str]:
    """Return a client, the model and the URL of "URL" or "URL#MODEL".

    Raises:
        EvaluationError: the package is missing, or the server does not answer.
    """
    try:
        import openai
    except ImportError as error:
        raise EvaluationError("a URL needs the openai package; install qwen-audio[eval]") from error
    url, _, model = where.partition("#")
    client = openai.OpenAI(
        base_url=url, api_key=key or "none", timeout=_TIMEOUT_S, max_retries=_RETRIES
    )
    if not model:
        try:
            listed = list(client.models.list())
        except openai.OpenAIError as error:
            raise EvaluationError(f"{url} lists no models ({error}); give URL#MODEL") from error
        if not listed:
            raise EvaluationError(f"{url} lists no models; give URL#MODEL")
        model = listed[0].id
    return client, model, url


def _wav(clip: Clip) -> str:
    file = io.BytesIO()
    soundfile.write(file, clip.waveform, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return base64.b64encode(file.getvalue()).decode()
