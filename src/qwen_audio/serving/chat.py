"""`/v1/chat/completions`: a conversation in, the model's next message out."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, StreamingResponse

from qwen_audio.serving.replies import chunks, completion
from qwen_audio.serving.requests import ChatRequest, check_model
from qwen_audio.serving.state import state_of, unless_left
from qwen_audio.serving.work import ChatAnswer, ChatWork

router = APIRouter()
STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


@router.post("/v1/chat/completions")
async def chat_completions(request: Request, body: ChatRequest) -> Any:
    """Answer a conversation about clips."""
    state = state_of(request)
    check_model(body.model, state.settings)
    body.check(state.settings)
    settings = body.settings(state.settings)
    messages = await state.in_thread(state.reader.read, body.messages)
    job = state.submit(
        ChatWork(messages=messages, settings=settings, choices=body.n, is_streamed=body.stream)
    )
    name = state.settings.names[0]
    if not body.stream:
        answer = await unless_left(request, job, job.answer())
        assert isinstance(answer, ChatAnswer)
        return JSONResponse(completion(answer, model=name))
    # An error before the first piece still gets its status; after that it is an event.
    first = await unless_left(request, job, job.next())
    with_usage = body.stream_options is not None and body.stream_options.include_usage
    stream = chunks(job, first, model=name, num_choices=body.n, with_usage=with_usage)
    return StreamingResponse(stream, media_type="text/event-stream", headers=STREAM_HEADERS)
