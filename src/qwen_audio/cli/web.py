"""`qwen-audio web`: the web page, opened in the browser."""

from qwen_audio.cli.options import Device, Dtype, given
from qwen_audio.cli.serve import Host, Key, ModelArgument, Port, start

EXAMPLE = "qwen-audio web"


def web(
    model: ModelArgument = None,
    *,
    host: Host = None,
    port: Port = None,
    api_key: Key = None,
    device: Device = None,
    dtype: Dtype = None,
) -> None:
    """Serve the model and open its web page; see `serve` for every limit."""
    options = given(host=host, port=port, api_key=api_key)
    start(model, options, device=device, dtype=dtype, opens_browser=True)
