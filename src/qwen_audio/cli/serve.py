"""`qwen-audio serve`: a model behind an HTTP API that OpenAI's clients speak, with a web page."""

from typing import Annotated, Any

import typer

from qwen_audio.cli.options import Device, Dtype, given, open_model
from qwen_audio.errors import ConfigError

EXAMPLE = "qwen-audio serve --port 8000 --api-key secret"

ModelArgument = Annotated[
    str | None,
    typer.Argument(metavar="[MODEL]", help="Folder or name; without it, the default model."),
]
Host = Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0 for all.")]
Port = Annotated[int | None, typer.Option(help="TCP port.")]
Key = Annotated[
    str | None,
    typer.Option(envvar="QWEN_AUDIO_API_KEY", help="What clients must send as bearer token."),
]


def serve(
    model: ModelArgument = None,
    *,
    host: Host = None,
    port: Port = None,
    api_key: Key = None,
    name: Annotated[
        list[str] | None, typer.Option(help="What the model answers to; may be repeated.")
    ] = None,
    audio_host: Annotated[
        list[str] | None,
        typer.Option(help="Host that audio_url may name, such as *.example.org; may be repeated."),
    ] = None,
    max_body_mb: Annotated[int | None, typer.Option(help="Largest request.")] = None,
    max_queue: Annotated[
        int | None, typer.Option(help="Requests held at once; one more gets status 429.")
    ] = None,
    max_batch: Annotated[int | None, typer.Option(help="Transcriptions done together.")] = None,
    max_messages: Annotated[int | None, typer.Option(help="Messages in a conversation.")] = None,
    max_audio_s: Annotated[int | None, typer.Option(help="Seconds of sound in a request.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Longest reply, in tokens.")] = None,
    timeout_s: Annotated[float | None, typer.Option(help="Longest time for a request.")] = None,
    device: Device = None,
    dtype: Dtype = None,
) -> None:
    """Answer HTTP requests (OpenAI's API) and show a web page, until stopped."""
    settings = given(
        host=host,
        port=port,
        api_key=api_key,
        names=tuple(name) if name else None,
        audio_hosts=tuple(audio_host) if audio_host else None,
        max_body_mb=max_body_mb,
        max_queue=max_queue,
        max_batch=max_batch,
        max_messages=max_messages,
        max_audio_s=max_audio_s,
        max_tokens=max_tokens,
        timeout_s=timeout_s,
    )
    start(model, settings, device=device, dtype=dtype)


def start(
    model: str | None,
    options: dict[str, Any],
    *,
    device: str | None,
    dtype: str | None,
    opens_browser: bool = False,
) -> None:
    """Load the model, say where it is to be found, and serve it."""
    try:
        from qwen_audio.serving.run import address, serve
        from qwen_audio.serving.settings import Settings
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{error.name} is missing; install the server's parts: pip install 'qwen-audio[server]'"
        ) from error
    settings = Settings(**options)  # wrong limits are told before the model is waited for
    qa = open_model(model, device=device, dtype=dtype)
    where = address(settings)
    print(f"web page {where}\nAPI      {where}v1\nstop with Ctrl-C", flush=True)
    serve(qa, settings, opens_browser=opens_browser)
