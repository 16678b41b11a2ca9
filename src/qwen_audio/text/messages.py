"""A conversation as data: messages made of text and clips, never of strings that name files."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.audio.sources import Clip, load_clip
from qwen_audio.errors import PromptError, unknown_name

SYSTEM = "system"
USER = "user"
ASSISTANT = "assistant"
ROLES = (SYSTEM, USER, ASSISTANT)

_WITH_A_RATE = (str, os.PathLike, bytes, bytearray, memoryview, Clip, tuple)
_URL_SCHEMES = ("http://", "https://", "ftp://", "file://", "s3://", "data:")


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text in a message.

    Attributes:
        text: what it says.
        is_trusted: whether a tag or time stamp in it becomes that token. Only for text of ours,
            such as the answers we train on; text of a user stays text.
    """

    text: str
    is_trusted: bool = False


@dataclass(frozen=True, slots=True)
class Audio:
    """A clip's place in a message."""

    clip: Clip


Part: TypeAlias = Text | Audio


@dataclass(frozen=True, slots=True)
class Message:
    """What one side of the conversation said, clips and text in any order.

    >>> Message("user", (Text("Who"), Text(" is it?"))).text
    'Who is it?'
    """

    role: str
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise PromptError(unknown_name("role", str(self.role), ROLES))
        for part in self.parts:
            if not isinstance(part, Text | Audio):
                raise PromptError(
                    f"a message is made of Text and Audio parts, got {type(part).__name__}; "
                    "write Message('user', (Audio(clip), Text('…')))"
                )
        if self.role != USER and self.clips:
            raise PromptError(
                f"a message of the {self.role} holds text only; put its clip in a user's message"
            )

    @property
    def text(self) -> str:
        """The words of the message, without its clips."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def clips(self) -> tuple[Clip, ...]:
        """The clips of the message in order."""
        return tuple(part.clip for part in self.parts if isinstance(part, Audio))


def from_dicts(
    messages: Iterable[Any],
    *,
    sampling_rate: int = SAMPLE_RATE,
    allow_paths: bool = True,
    max_seconds: float | None = None,
) -> tuple[Message, ...]:
    """Return the messages of a conversation in transformers' form.

    >>> from_dicts([{"role": "user", "content": "Hello"}])[0].text
    'Hello'

    Args:
        messages: `{"role": …, "content": …}` each; the content is a string or a list of
            `{"type": "text", "text": …}`, `{"type": "audio", "path": …}` and
            `{"type": "audio", "audio": samples, bytes, file object or (samples, rate)}`.
        sampling_rate: the rate of samples that come without one.
        allow_paths: whether a part may name a file on this machine; never allow it to strangers.
        max_seconds: the longest clip allowed.

    Raises:
        PromptError: for a part of another form, and for any URL.
        AudioError: for a clip that cannot be read.
    """

    def part(entry: Any) -> Part:
        if isinstance(entry, str):
            return Text(entry)
        kind = entry.get("type") if isinstance(entry, Mapping) else type(entry).__name__
        if kind == "text" and isinstance(entry.get("text"), str):
            return Text(entry["text"])
        if kind == "audio":
            source = _audio_source(entry, allow_paths=allow_paths)
            if not isinstance(source, _WITH_A_RATE) and not hasattr(source, "read"):
                source = (source, sampling_rate)
            return Audio(load_clip(source, max_seconds=max_seconds))
        raise PromptError(
            f"a part of a message is text or audio, got {kind!r}; write "
            '{"type": "text", "text": …} or {"type": "audio", "path": …}'
        )

    return tuple(_message(entry, part) for entry in messages)


def _message(entry: Any, part: Callable[[Any], Part]) -> Message:
    if not isinstance(entry, Mapping) or "role" not in entry or "content" not in entry:
        raise PromptError(
            f'a message is {{"role": …, "content": …}}, got {_shorten(entry)}; '
            f"the roles are {', '.join(ROLES)}"
        )
    content = entry["content"]
    if isinstance(content, Mapping) or not isinstance(content, Iterable):
        raise PromptError(f"a message's content is a string or a list, got {_shorten(content)}")
    entries = [content] if isinstance(content, str) else content
    return Message(entry["role"], tuple(part(each) for each in entries))


def _audio_source(entry: Mapping[str, Any], *, allow_paths: bool) -> Any:
    given = [key for key in ("path", "audio", "url", "audio_url") if entry.get(key) is not None]
    if len(given) != 1:
        raise PromptError(
            'an audio part has one source: {"type": "audio", "path": …} or "audio": …; '
            f"got {_shorten(dict(entry))}"
        )
    source = entry[given[0]]
    is_url = isinstance(source, str) and source.lower().startswith(_URL_SCHEMES)
    if is_url or given[0].endswith("url"):
        raise PromptError(
            f"a URL is never opened, got {_shorten(source)}; download the file and give its path"
        )
    if isinstance(source, str | os.PathLike) and not allow_paths:
        raise PromptError(
            f"a path is not allowed here, got {_shorten(str(source))}; send the clip's bytes"
        )
    return source


def _shorten(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:79] + "…"
