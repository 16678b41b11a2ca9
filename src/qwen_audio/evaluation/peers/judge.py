"""A model behind an OpenAI-compatible URL that rates open answers beside the right ones."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from qwen_audio.errors import EvaluationError
from qwen_audio.evaluation.peers.records import Asked, Said
from qwen_audio.evaluation.peers.served import open_client
from qwen_audio.evaluation.scoring import without_tags

_MAX_TOKENS = 64
# AIR-Bench's own protocol in our words: what is heard is told in text, two answers are rated at
# once from 1 to 10, and each pair is rated in both orders.
_PROMPT = """You check answers to questions about audio, helpfully and precisely.
[Description of the audio]
{description}
[Question]
{question}
[Answer of assistant 1]
{first}
[End of the answer of assistant 1]
[Answer of assistant 2]
{second}
[End of the answer of assistant 2]
[Task]
Both assistants were given the audio's description and the question. Rate how helpful, relevant, \
accurate and comprehensive each answer is, with one overall score from 1 to 10 each; higher is \
better. Write one line with two numbers only, the score of assistant 1, a space, and the score of \
assistant 2."""


@dataclass(frozen=True)
class Judge:
    """A model on a server that rates."""

    client: Any
    model: str
    url: str

    @property
    def identity(self) -> Mapping[str, str]:
        """Name and URL: a score says nothing without who gave it."""
        return {"name": self.model, "url": self.url}

    def rate(self, asked: Sequence[Asked], said: Sequence[Said]) -> list[tuple[str, ...]]:
        """Return the judge's own words on each reply: reference first, then reply first.

        Raises:
            EvaluationError: the server does not answer, or refuses.
        """
        prompts = [p for a, one in zip(asked, said, strict=True) for p in judge_prompts(a, one)]
        with ThreadPoolExecutor(max_workers=max(1, len(prompts))) as pool:
            words = list(pool.map(self._ask, prompts))
        return list(zip(words[::2], words[1::2], strict=True))

    def _ask(self, prompt: str) -> str:
        import openai

        try:
            reply = self.client.chat.completions.create(
                model=self.model,
                messages=[{"role": "user", "content": prompt}],
                temperature=0,
                max_tokens=_MAX_TOKENS,
            )
        except openai.OpenAIError as error:
            raise EvaluationError(
                f"the judge {self.model} at {self.url} does not answer ({error}); the answers so "
                "far are kept, start the same command again"
            ) from error
        return (reply.choices[0].message.content if reply.choices else "") or ""


def judge_prompts(asked: Asked, said: Said) -> tuple[str, str]:
    """Return what the judge is asked about a reply: the reference first, then the reply first."""
    sample = asked.sample
    answers = (sample.references[0], without_tags(said.text))
    return tuple(
        _PROMPT.format(
            description=sample.description, question=sample.question, first=first, second=second
        )
        for first, second in (answers, answers[::-1])
    )


def open_judge(where: str, *, key: str | None = None) -> Judge:
    """Return the judge at "URL" or "URL#MODEL"; without a model, the server's first.

    Raises:
        EvaluationError: the package is missing, or the server does not answer.
    """
    return Judge(*open_client(where, key=key))
