"""The gate in front of the routes: key, size and number of requests, before anything is parsed.

A body is read whole, up to the limit, so that the routes never see an endless or half a request.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from qwen_audio.serving.errors import LEFT, ApiError, from_error
from qwen_audio.serving.metrics import Metrics
from qwen_audio.serving.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

GUARDED = "/v1/"
HELD_BODIES = 8  # of the largest size, over all requests at once
DRAIN_S = 3  # a client hears of a refusal only once it has been allowed to send


class Watch:
    """Counts every request and its time, and turns a bug into an answer of status 500.

    Args:
        app: what is behind.
        metrics: where to count.
        routes: the paths to tell apart; any other counts as one.
    """

    def __init__(self, app: App, *, metrics: Metrics, routes: frozenset[str]) -> None:
        self.app, self.metrics, self.routes = app, metrics, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.monotonic(), LEFT

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, note)
        except Exception as error:  # noqa: BLE001 - the log must not get a message that may quote
            answer = from_error(error)
            if status == LEFT:
                await answer.response()(scope, receive, note)
        finally:
            route = scope["path"] if scope["path"] in self.routes else "other"
            self.metrics.request(route, status, time.monotonic() - began)


class Gate:
    """Lets a request of the API in, or answers it with 401, 403, 408, 413 or 429.

    Args:
        app: what is behind.
        settings: the limits.
    """

    def __init__(self, app: App, *, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self._num_inside = 0
        self._bytes_held = 0
        self._key = None if settings.api_key is None else _digest(settings.api_key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or not scope["path"].startswith(GUARDED):
            await self.app(scope, receive, send)
            return
        body = _Body(receive)
        try:
            self._check(scope)
        except ApiError as refusal:
            await body.drain(self.settings.max_body_bytes)
            await refusal.response()(scope, receive, send)
            return
        self._num_inside += scope["method"] == "POST"
        try:
            await self._read(body)
            await self.app(scope, body.replay, send)
        except ApiError as refusal:
            if refusal.status != LEFT:
                await body.drain(self.settings.max_body_bytes)
                await refusal.response()(scope, receive, send)
        finally:
            self._bytes_held -= len(body.content)
            self._num_inside -= scope["method"] == "POST"

    def _check(self, scope: Scope) -> None:
        headers = dict(scope["headers"])
        if self._key is not None and not self._knows(headers.get(b"authorization", b"")):
            raise ApiError(
                "the API key is missing or wrong; send it as 'Authorization: Bearer …'",
                status=401,
                code="invalid_api_key",
            )
        if headers.get(b"sec-fetch-site") == b"cross-site":  # a browser says so, no other client
            raise ApiError("pages of other sites may not use this server", status=403)
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.settings.max_body_bytes:
            raise self._too_large()
        if scope["method"] == "POST" and self._num_inside >= self.settings.max_queue:
            raise _full()

    def _knows(self, header: bytes) -> bool:
        scheme, _, key = header.decode("latin-1").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(_digest(key.strip()), self._key)

    async def _read(self, body: "_Body") -> None:
        """Fill the body; all bodies together stay below a limit."""
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                while not body.is_complete:
                    self._bytes_held += await body.read()
                    if len(body.content) > self.settings.max_body_bytes:
                        raise self._too_large()
                    if self._bytes_held > HELD_BODIES * self.settings.max_body_bytes:
                        raise _full()
        except TimeoutError:
            raise ApiError("the request came too slowly", status=408) from None

    def _too_large(self) -> ApiError:
        return ApiError(
            f"the request is larger than {self.settings.max_body_mb} MB; send a shorter or a "
            "compressed clip (flac, ogg, mp3)",
            status=413,
            code="request_too_large",
        )


class _Body:
    """The body of a request as it comes, and once more for the routes."""

    def __init__(self, receive: Receive) -> None:
        self.content = bytearray()
        self.is_complete = False
        self._receive = receive
        self._is_replayed = False

    async def read(self) -> int:
        """Take what has come, and return how many bytes.

        Raises:
            ApiError: the client has left.
        """
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.is_complete = True
            raise ApiError("the client has left", status=LEFT)
        self.is_complete = not message.get("more_body", False)
        chunk = message.get("body", b"")
        self.content += chunk
        return len(chunk)

    async def drain(self, most: int) -> None:
        """Read on for a moment: who is still sending would not see the answer."""
        with suppress(TimeoutError, ApiError):
            async with asyncio.timeout(DRAIN_S):
                while not self.is_complete and most > 0:
                    taken = await self.read()
                    del self.content[len(self.content) - taken :]
                    most -= taken

    async def replay(self) -> Message:
        """Give the body at once, and then what the client does."""
        if self._is_replayed:
            return await self._receive()
        self._is_replayed = True
        return {"type": "http.request", "body": bytes(self.content), "more_body": False}


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _full() -> ApiError:
    return ApiError("the server is busy; try again in a moment", status=429, code="queue_full")
