"""The application: gate, routes, engine, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import FastAPI

from qwen_audio.serving import chat, site, speech
from qwen_audio.serving.engine import Engine
from qwen_audio.serving.errors import install_handlers
from qwen_audio.serving.fetching import Fetcher
from qwen_audio.serving.gate import Gate, Watch
from qwen_audio.serving.incoming import Reader
from qwen_audio.serving.metrics import Metrics
from qwen_audio.serving.settings import DEFAULTS, Settings
from qwen_audio.serving.state import State
from qwen_audio.serving.voice import Voice

ROUTES = frozenset(
    {
        "/v1/chat/completions",
        "/v1/audio/transcriptions",
        "/v1/audio/translations",
        "/v1/models",
        "/health",
        "/metrics",
        "/",
    }
)


def create_app(voice: Voice, settings: Settings = DEFAULTS) -> FastAPI:
    """Return the application of a model; its engine runs from start-up to shutdown."""
    metrics = Metrics()
    engine = Engine(voice, max_batch=settings.max_batch, metrics=metrics)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        engine.start()
        yield
        await to_thread.run_sync(engine.stop)

    # The interactive documentation would load its scripts from elsewhere.
    app = FastAPI(title="qwen-audio", lifespan=life, docs_url=None, redoc_url=None)
    app.state.parts = State(
        settings=settings, engine=engine, reader=_reader(voice, settings), metrics=metrics
    )
    for part in (chat, speech, site):
        app.include_router(part.router)
    site.mount_page(app)
    install_handlers(app)
    app.add_middleware(Gate, settings=settings)
    app.add_middleware(Watch, metrics=metrics, routes=ROUTES)
    return app


def _reader(voice: Voice, settings: Settings) -> Reader:
    fetcher = Fetcher(hosts=settings.audio_hosts, max_bytes=settings.max_body_bytes)
    return Reader(
        fetcher=fetcher,
        max_clip_s=settings.max_audio_s if voice.hears_long else voice.max_clip_s,
        max_audio_s=settings.max_audio_s,
        max_messages=settings.max_messages,
        max_characters=settings.max_characters,
    )
