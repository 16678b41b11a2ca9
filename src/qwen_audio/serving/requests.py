"""The bodies of requests as OpenAI defines them, as far as this server can meet them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from qwen_audio.inference.generation import Generation
from qwen_audio.serving.errors import ApiError
from qwen_audio.serving.settings import Settings

DEFAULT_TOKENS = 512
_SEEDS = 1 << 32  # transformers takes seeds of 32 bits; OpenAI's are longer
_NEUTRAL: tuple[Any, ...] = (None, False, 0, 1, "", "auto", "none", "default", [], {}, ["text"])
_CANNOT = {
    "tools": "call tools",
    "functions": "call functions",
    "logprobs": "give log probabilities",
    "logit_bias": "bias tokens",
    "frequency_penalty": "punish frequent tokens; try repetition_penalty",
    "presence_penalty": "punish present tokens; try repetition_penalty",
    "audio": "speak",
}


class StreamOptions(BaseModel):
    """What a stream brings besides text."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """The body of `/v1/chat/completions`; `top_k` and `repetition_penalty` are additions."""

    model_config = ConfigDict(extra="allow")

    model: str | None = None
    messages: list[dict[str, Any]]
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int = Field(default=1, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=0)
    repetition_penalty: float | None = Field(default=None, gt=0, le=10)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stop: str | list[str] | None = None
    seed: int | None = None

    def check(self, settings: Settings) -> None:
        """Refuse what would be left out silently otherwise.

        Raises:
            ApiError: a wish that this server cannot meet.
        """
        if self.n > settings.max_choices:
            raise ApiError(f"n is {self.n} and the limit is {settings.max_choices}", param="n")
        if isinstance(self.stop, list) and len(self.stop) > 4:
            raise ApiError("stop holds at most 4 texts", param="stop")
        extra = self.model_extra or {}
        for name, ability in _CANNOT.items():
            if extra.get(name) not in _NEUTRAL:
                raise ApiError(f"this server does not {ability}; leave out {name}", param=name)
        form = extra.get("response_format")
        if isinstance(form, dict) and form.get("type") not in (None, "text"):
            raise ApiError("response_format is text only", param="response_format")
        if extra.get("modalities") not in (None, ["text"]):
            raise ApiError("this server writes text only", param="modalities")

    def settings(self, limits: Settings) -> Generation:
        """Return how the replies are made: greedy unless the request says otherwise."""
        wanted = self.max_completion_tokens or self.max_tokens or DEFAULT_TOKENS
        usual = 0.0 if self.n == 1 else 1.0  # several greedy replies would all be the same
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return Generation(
            max_new_tokens=min(wanted, limits.max_tokens),
            temperature=float(usual if self.temperature is None else self.temperature),
            top_p=float(self.top_p or 1.0),
            top_k=self.top_k or 0,
            repetition_penalty=float(self.repetition_penalty or 1.0),
            seed=None if self.seed is None else self.seed % _SEEDS,
            stop=tuple(filter(None, stops)),
        )


def check_model(name: str | None, settings: Settings) -> None:
    """Refuse a model that this server does not have.

    Raises:
        ApiError: an unknown name.
    """
    if name and name not in settings.names:
        raise ApiError(
            f"the model {name[:80]!r} is not here; this server has {', '.join(settings.names)}",
            status=404,
            code="model_not_found",
            param="model",
        )
