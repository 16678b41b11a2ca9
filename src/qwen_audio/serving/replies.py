"""Chat answers in OpenAI's shapes: one JSON object, or a stream of chunks.

Two fields are additions: `spans` of a message, the stretches of sound that it names, and
`dropped_turns` of the usage.
"""

import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from qwen_audio.serving.engine import Job
from qwen_audio.serving.errors import ApiError
from qwen_audio.serving.work import Answer, ChatAnswer, Choice, Piece

DONE = "data: [DONE]\n\n"


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What stands in every chunk of one answer."""

    model: str
    object: str = "chat.completion"
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def around(self, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """Return choices with what stands around them."""
        return {**vars(self), "choices": choices, **more}


def completion(answer: ChatAnswer, *, model: str) -> dict[str, Any]:
    """Return an answer as one object."""
    choices = [
        {
            "index": number,
            "message": {"role": "assistant", "content": choice.text, **_spans(choice)},
            "finish_reason": choice.finish_reason,
            "logprobs": None,
        }
        for number, choice in enumerate(answer.choices)
    ]
    return Envelope(model=model).around(choices, usage=usage(answer))


async def chunks(
    job: Job, first: Piece | Answer, *, model: str, num_choices: int, with_usage: bool
) -> AsyncIterator[str]:
    """Yield an answer as server-sent events while it is written.

    Args:
        job: the work under way.
        first: its first event, already taken.
        model: the name to give.
        num_choices: how many replies will come.
        with_usage: end with a chunk that counts tokens.
    """
    envelope = Envelope(model=model, object="chat.completion.chunk")
    try:
        for number in range(num_choices):
            yield event(envelope.around([_delta(number, role="assistant", content="")]))
        async for found in job.events(first):
            if isinstance(found, Piece):
                yield event(envelope.around([_delta(found.choice, content=found.text)]))
                continue
            assert isinstance(found, ChatAnswer)
            for number, choice in enumerate(found.choices):
                last = _delta(number, reason=choice.finish_reason, **_spans(choice))
                yield event(envelope.around([last]))
            if with_usage:
                yield event(envelope.around([], usage=usage(found)))
        yield DONE
    except ApiError as error:
        yield event(error.body)
    finally:
        job.leave()


def event(content: dict[str, Any]) -> str:
    """Return one server-sent event."""
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"


def usage(answer: ChatAnswer) -> dict[str, Any]:
    """Return what an answer took."""
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
        "prompt_tokens_details": {
            "audio_tokens": answer.audio_tokens,
            "cached_tokens": answer.cached_tokens,
        },
        "dropped_turns": answer.dropped_turns,
    }


def _delta(number: int, *, reason: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"index": number, "delta": delta, "finish_reason": reason, "logprobs": None}


def _spans(choice: Choice) -> dict[str, Any]:
    if not choice.spans:
        return {}
    found = [{"start": s.start_s, "end": s.end_s, "text": s.text} for s in choice.spans]
    return {"spans": found}
