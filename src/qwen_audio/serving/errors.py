"""Errors as clients of OpenAI's API know them: a status and `{"error": {...}}`."""

import logging
import traceback
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from qwen_audio.errors import QwenAudioError

logger = logging.getLogger(__name__)

_TYPES = {401: "authentication_error", 429: "rate_limit_error", 504: "timeout_error"}
RETRY_AFTER_S = 2
LEFT = 499  # what nginx logs for a client that closed the connection; nobody reads the answer


class ApiError(QwenAudioError):
    """A request that cannot be answered, with its HTTP status.

    Args:
        message: one sentence that says what to do.
        status: of HTTP.
        code: a word that a program can compare.
        param: which part of the request is meant.
    """

    def __init__(
        self, message: str, *, status: int = 422, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param

    @property
    def body(self) -> dict[str, Any]:
        """The error as JSON."""
        usual = "server_error" if self.status >= 500 else "invalid_request_error"
        return {
            "error": {
                "message": str(self),
                "type": _TYPES.get(self.status, usual),
                "param": self.param,
                "code": self.code,
            }
        }

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to the status."""
        known = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": str(RETRY_AFTER_S)}}
        return known.get(self.status, {})

    def response(self) -> JSONResponse:
        """Return the error as an answer."""
        return JSONResponse(self.body, self.status, headers=self.headers)


def from_error(error: Exception) -> ApiError:
    """Return any error as one of the API; what is no fault of the client's stays unexplained.

    The log gets the place of a bug but not its message, which could quote a conversation.
    """
    if isinstance(error, ApiError):
        return error
    if isinstance(error, QwenAudioError):
        return ApiError(" ".join(str(error).split()))
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s while answering:\n%s", type(error).__name__, frames)
    return ApiError("something went wrong in the server; its log says where", status=500)


def install_handlers(app: FastAPI) -> None:
    """Let every error of an app leave it in the one shape."""

    async def known(_: Request, error: Exception) -> JSONResponse:
        return from_error(error).response()

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return describe(error.errors()[0]).response()

    async def plain(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return ApiError(error.detail, status=error.status_code).response()

    app.add_exception_handler(QwenAudioError, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, plain)


def describe(problem: Mapping[str, Any]) -> ApiError:
    """Return pydantic's account of a field that does not fit; the value itself is not repeated."""
    if problem["type"] == "json_invalid":
        return ApiError("the body is not JSON; send a JSON object", status=400)
    place = ".".join(str(part) for part in problem["loc"] if part != "body")
    return ApiError(f"{place or 'the body'}: {problem['msg']}", param=place or None)
