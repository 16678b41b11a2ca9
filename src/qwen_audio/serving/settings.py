"""What a server is told when it starts: where it listens and how much it takes."""

from dataclasses import dataclass

from qwen_audio.errors import ConfigError

MEGABYTE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where a server listens, who may use it, and its limits.

    Attributes:
        host: address to listen on; "0.0.0.0" for every network of the machine.
        port: TCP port.
        api_key: what clients must send as a bearer token; nothing for an open server.
        names: what the model answers to; replies carry the first.
        audio_hosts: hosts that `audio_url` may name; nothing turns it off. "*.example.org" stands
            for every host below example.org.
        max_body_mb: largest request.
        max_queue: requests held at once, waiting or answered; one more gets status 429.
        max_batch: transcriptions done together.
        max_messages: messages in one conversation.
        max_characters: text in one conversation.
        max_prompt_tokens: of a rendered conversation, audio included.
        max_audio_s: sound in one request.
        max_tokens: longest reply; a client that asks for more gets this many.
        max_choices: replies to one request.
        timeout_s: a request is answered or given up after so long, its time in the queue included.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    api_key: str | None = None
    names: tuple[str, ...] = ("qwen-audio",)
    audio_hosts: tuple[str, ...] = ()
    max_body_mb: int = 32
    max_queue: int = 32
    max_batch: int = 8
    max_messages: int = 200
    max_characters: int = 200_000
    max_prompt_tokens: int = 16_384
    max_audio_s: int = 600
    max_tokens: int = 1024
    max_choices: int = 8
    timeout_s: float | int = 300

    def __post_init__(self) -> None:
        """Refuse limits that would let nothing through.

        Raises:
            ConfigError: a limit below 1, an empty key, no name.
        """
        for name, value in vars(self).items():
            if name.startswith("max_") and value < 1:
                raise ConfigError(f"{name} is {value}; give a number from 1 on")
        if self.timeout_s <= 0:
            raise ConfigError(f"timeout_s is {self.timeout_s}; give a number of seconds above 0")
        if self.api_key is not None and not self.api_key.strip():
            raise ConfigError("the API key is empty; leave it out for an open server")
        if not self.names:
            raise ConfigError("the model has no name; give at least one")

    @property
    def max_body_bytes(self) -> int:
        """Largest request in bytes."""
        return self.max_body_mb * MEGABYTE


DEFAULTS = Settings()
