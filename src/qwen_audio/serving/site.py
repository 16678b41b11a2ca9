"""Everything that is no question to the model: names, health, metrics, and the web page."""

from importlib import resources
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from qwen_audio.serving.errors import ApiError
from qwen_audio.serving.metrics import CONTENT_TYPE
from qwen_audio.serving.state import state_of

router = APIRouter()
PAGE = resources.files("qwen_audio.serving") / "page"
ASSETS = "/page"
POLICY = (
    "default-src 'self'; media-src 'self' blob:; img-src 'self' blob: data:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get("/v1/models")
async def models(request: Request) -> dict[str, Any]:
    """List the names that the model answers to."""
    return {"object": "list", "data": [_model(request, name) for name in _names(request)]}


@router.get("/v1/models/{name:path}")
async def model(request: Request, name: str) -> dict[str, Any]:
    """Describe one of them."""
    if name not in _names(request):
        raise ApiError("no such model; see /v1/models", status=404, code="model_not_found")
    return _model(request, name)


@router.get("/health")
async def health(request: Request) -> JSONResponse:
    """Tell whether requests are being answered."""
    is_alive = state_of(request).engine.is_alive
    return JSONResponse({"status": "ok" if is_alive else "down"}, 200 if is_alive else 503)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Give Prometheus its numbers."""
    return Response(state_of(request).metrics.render(), media_type=CONTENT_TYPE)


@router.get("/")
async def page() -> FileResponse:
    """Show the web page."""
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
    return FileResponse(str(PAGE / "index.html"), headers=headers)


def mount_page(app: FastAPI) -> None:
    """Serve the files of the web page."""
    app.mount(ASSETS, StaticFiles(directory=str(PAGE)), name="page")


def _names(request: Request) -> tuple[str, ...]:
    return state_of(request).settings.names


def _model(request: Request, name: str) -> dict[str, Any]:
    longest = state_of(request).reader.max_clip_s
    about = {"id": name, "object": "model", "created": 0, "owned_by": "qwen-audio"}
    return {**about, "max_clip_seconds": longest}
