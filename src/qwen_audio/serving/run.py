"""Serve a loaded model until somebody stops the program."""

import socket
import threading
import webbrowser
from contextlib import suppress
from typing import Any

import uvicorn

from qwen_audio.errors import ConfigError
from qwen_audio.inference.answers import QwenAudio
from qwen_audio.serving.app import create_app
from qwen_audio.serving.qwen2_voice import Qwen2Voice
from qwen_audio.serving.settings import DEFAULTS, Settings
from qwen_audio.serving.voice import QwenVoice, Voice

GRACE_S = 30  # requests under way may end when the server is told to stop


def voice_of(qa: Any, settings: Settings) -> Voice:
    """Return how the engine speaks with a loaded model."""
    if isinstance(qa, QwenAudio):
        return QwenVoice(qa, max_prompt_tokens=settings.max_prompt_tokens)
    return Qwen2Voice(qa)


def serve(qa: Any, settings: Settings = DEFAULTS, *, opens_browser: bool = False) -> None:
    """Answer requests until the program is told to stop.

    Args:
        qa: a loaded model.
        settings: where to listen, and the limits.
        opens_browser: show the web page once the server listens.

    Raises:
        ConfigError: the address is taken, or not of this machine.
    """
    listening = _listen(settings)
    app = create_app(voice_of(qa, settings), settings)
    config = uvicorn.Config(
        app, timeout_graceful_shutdown=GRACE_S, timeout_keep_alive=30, log_level="warning"
    )
    if opens_browser:
        threading.Timer(0.5, webbrowser.open, (address(settings),)).start()
    with listening, suppress(KeyboardInterrupt):  # by then everything is shut down
        uvicorn.Server(config).run(sockets=[listening])


def address(settings: Settings) -> str:
    """Return where a browser on this machine finds the server.

    >>> address(Settings(host="0.0.0.0", port=80))
    'http://127.0.0.1:80/'
    """
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{host}:{settings.port}/"


def _listen(settings: Settings) -> socket.socket:
    """Return a socket that listens; uvicorn itself would end the program without a word of ours."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=512)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {settings.host} port {settings.port} ({error.strerror}); "
            "choose another with --port"
        ) from error
