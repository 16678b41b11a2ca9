"""`/v1/audio/transcriptions` and `/v1/audio/translations`: a spoken clip in, its words out."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Request
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.datastructures import UploadFile

from qwen_audio.errors import unknown_name
from qwen_audio.inference.generation import Generation
from qwen_audio.serving.chat import STREAM_HEADERS
from qwen_audio.serving.errors import ApiError
from qwen_audio.serving.requests import check_model
from qwen_audio.serving.state import state_of, unless_left
from qwen_audio.serving.transcripts import (
    FORMATS,
    SEGMENT,
    TIMED,
    WORD,
    as_json,
    as_text,
    as_verbose,
    events,
)
from qwen_audio.serving.work import TRANSCRIBE, TRANSLATE, SpeechAnswer, SpeechWork
from qwen_audio.text.vocab import LANGUAGES

router = APIRouter()
MOST_TOKENS = 1024  # `inference.limits` allows less for most clips

Granularities = Annotated[list[str] | None, Form(alias="timestamp_granularities[]")]


class Wish:
    """The fields that both routes share; `prompt` is accepted and not used."""

    def __init__(
        self,
        file: Annotated[Any, File()],
        model: Annotated[str | None, Form()] = None,
        prompt: Annotated[str | None, Form()] = None,
        response_format: Annotated[str, Form()] = "json",
        temperature: Annotated[float, Form(ge=0, le=2)] = 0.0,
    ) -> None:
        if not isinstance(file, UploadFile):
            raise ApiError("file is not a file; send it as multipart/form-data", param="file")
        self.file, self.model, self.prompt = file, model, prompt
        self.form, self.temperature = response_format, temperature


@router.post("/v1/audio/transcriptions")
async def transcriptions(
    request: Request,
    wish: Annotated[Wish, Depends()],
    *,
    language: Annotated[str | None, Form()] = None,
    granularities: Granularities = None,
    stream: Annotated[bool, Form()] = False,
) -> Any:
    """Write down what is said in a clip."""
    wanted = _granularities(granularities, wish.form)
    if stream and wish.form not in ("json", "text"):
        raise ApiError(
            f"a stream gives json or text, not {wish.form}; leave out stream", param="stream"
        )
    work = await _work(request, wish, task=TRANSCRIBE, language=language, stream=stream)
    return await _answer(request, wish, work, granularities=wanted)


@router.post("/v1/audio/translations")
async def translations(request: Request, wish: Annotated[Wish, Depends()]) -> Any:
    """Write down in English what is said in a clip."""
    work = await _work(request, wish, task=TRANSLATE, language=None, stream=False)
    return await _answer(request, wish, work, granularities=(SEGMENT,))


async def _work(
    request: Request, wish: Wish, *, task: str, language: str | None, stream: bool
) -> SpeechWork:
    """Return what the engine is to do, once every field has been found right."""
    state = state_of(request)
    check_model(wish.model, state.settings)
    if wish.form not in FORMATS:
        known = unknown_name("response_format", wish.form[:40], FORMATS)
        raise ApiError(known, param="response_format")
    if language and language not in LANGUAGES:
        raise ApiError(unknown_name("language", language[:40], LANGUAGES), param="language")
    content = await wish.file.read()
    is_short = task != TRANSCRIBE  # a translation is of what is heard at once
    most_s = state.engine.voice.max_clip_s if is_short else state.reader.max_clip_s
    read = partial(state.reader.clip, content, place="file", most_s=most_s)
    clip = await state.in_thread(read)
    words = task == TRANSCRIBE and wish.form in TIMED
    return SpeechWork(
        clip=clip,
        task=task,
        language=language or None,
        words=words,
        settings=Generation(max_new_tokens=MOST_TOKENS, temperature=float(wish.temperature)),
        is_streamed=stream,
    )


async def _answer(
    request: Request, wish: Wish, work: SpeechWork, *, granularities: tuple[str, ...]
) -> Any:
    job = state_of(request).submit(work)
    if work.is_streamed:
        first = await unless_left(request, job, job.next())
        stream = events(job, first)
        return StreamingResponse(stream, media_type="text/event-stream", headers=STREAM_HEADERS)
    answer = await unless_left(request, job, job.answer())
    assert isinstance(answer, SpeechAnswer)
    if wish.form == "json":
        return JSONResponse(as_json(answer))
    if wish.form == "verbose_json":
        return JSONResponse(as_verbose(answer, task=work.task, granularities=granularities))
    return PlainTextResponse(as_text(answer, wish.form))


def _granularities(given: list[str] | None, form: str) -> tuple[str, ...]:
    wanted = tuple(given or (SEGMENT,))
    for name in wanted:
        if name not in (WORD, SEGMENT):
            known = unknown_name("granularity", name[:40], (WORD, SEGMENT))
            raise ApiError(known, param="timestamp_granularities")
    if given and form != "verbose_json":
        raise ApiError(
            "timestamp_granularities need response_format verbose_json",
            param="timestamp_granularities",
        )
    return wanted
