"""From the messages of a request to messages of ours: every clip decoded, every limit kept.

Clips come as bytes only. No text of a request is ever opened as a file, and a URL only where the
server's owner allowed its host.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from qwen_audio.audio.sources import Clip, load_clip
from qwen_audio.errors import AudioError, PromptError, unknown_name
from qwen_audio.serving.errors import ApiError
from qwen_audio.serving.fetching import Fetcher
from qwen_audio.text.messages import ASSISTANT, ROLES, SYSTEM, USER, Audio, Message, Part, Text

_ROLES = {role: role for role in ROLES} | {"developer": SYSTEM}
_DATA = "data:"


@dataclass
class _Budget:
    """What is left for the rest of a request."""

    audio_s: float
    characters: int


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads the messages of requests.

    Attributes:
        fetcher: for clips on the web.
        max_clip_s: the longest clip.
        max_audio_s: all clips of a request together.
        max_messages: of a conversation.
        max_characters: of all texts of a conversation together.
    """

    fetcher: Fetcher
    max_clip_s: float | int
    max_audio_s: float | int
    max_messages: int
    max_characters: int
    _kinds: tuple[str, ...] = field(default=("text", "input_audio", "audio_url"), init=False)

    def read(self, entries: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
        """Return the messages of a request.

        Raises:
            ApiError: too much of anything, or a form that is not OpenAI's.
            PromptError: an unknown role, or a clip in a message that cannot have one.
        """
        if not entries:
            raise ApiError("messages is empty; send at least one of the user", param="messages")
        if len(entries) > self.max_messages:
            raise ApiError(
                f"the conversation has {len(entries)} messages and the limit is "
                f"{self.max_messages}; leave out the oldest",
                code="too_many_messages",
                param="messages",
            )
        budget = _Budget(float(self.max_audio_s), self.max_characters)
        return tuple(
            self._message(entry, place=f"messages[{number}]", budget=budget)
            for number, entry in enumerate(entries)
        )

    def clip(self, content: bytes, *, place: str, most_s: float | int | None = None) -> Clip:
        """Return a clip that came as the bytes of a file.

        Args:
            content: the file.
            place: where in the request it stands.
            most_s: the longest allowed; without it, the longest of a conversation.

        Raises:
            ApiError: it cannot be heard, or is too long.
        """
        most_s = self.max_clip_s if most_s is None else most_s
        try:
            # A little more than allowed tells that there is more, without decoding hours.
            clip = load_clip(content, duration_s=most_s + 1)
        except AudioError as error:
            raise ApiError(f"{place}: {error}", code="invalid_audio", param=place) from error
        if clip.duration_s > most_s:
            raise ApiError(
                f"{place}: the clip is longer than {most_s:g} s; send a part of it",
                status=413,
                code="audio_too_long",
                param=place,
            )
        return clip

    def _message(self, entry: Mapping[str, Any], *, place: str, budget: _Budget) -> Message:
        role = entry.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            known = unknown_name("role", str(role)[:40], ROLES)
            raise ApiError(f"{place}: {known}", param=f"{place}.role", code="unknown_role")
        content = entry.get("content")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if parts is None and role == ASSISTANT:
            parts = []
        if not isinstance(parts, list) or (not parts and role == USER):
            raise ApiError(
                f"{place}: content is a text or a list of parts", param=f"{place}.content"
            )
        read = tuple(
            self._part(part, place=f"{place}.content[{number}]", budget=budget)
            for number, part in enumerate(parts)
        )
        try:
            return Message(_ROLES[role], read)
        except PromptError as error:
            raise ApiError(f"{place}: {error}", param=place) from error

    def _part(self, part: Any, *, place: str, budget: _Budget) -> Part:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind == "text" and isinstance(part.get("text"), str):
            budget.characters -= len(part["text"])
            if budget.characters < 0:
                raise ApiError(
                    f"the conversation has more than {self.max_characters} characters; shorten it",
                    status=413,
                    code="context_length_exceeded",
                    param="messages",
                )
            return Text(_whole(part["text"], place))
        if kind == "input_audio":
            content = _from_base64(_inner(part, kind, "data", place), place)
        elif kind == "audio_url":
            content = self._from_url(_inner(part, kind, "url", place), place)
        else:
            raise ApiError(
                f"{place}: a part is one of {', '.join(self._kinds)}, got {str(kind)[:40]!r}",
                param=place,
            )
        clip = self.clip(content, place=place)
        budget.audio_s -= clip.duration_s
        if budget.audio_s < 0:
            raise ApiError(
                f"the clips are longer than {self.max_audio_s} s together; send fewer",
                status=413,
                code="audio_too_long",
                param="messages",
            )
        return Audio(clip)

    def _from_url(self, url: str, place: str) -> bytes:
        if url[: len(_DATA)].lower() == _DATA:
            return _from_data_url(url, place)
        return self.fetcher.fetch(url)


def _whole(text: str, place: str) -> str:
    """Return a text that is one: JSON can spell half a character, which no tokenizer takes."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ApiError(f"{place}: the text holds half a character", param=place) from error
    return text


def _inner(part: Mapping[str, Any], kind: str, name: str, place: str) -> str:
    inner = part.get(kind)
    value = inner.get(name) if isinstance(inner, Mapping) else None
    if not isinstance(value, str):
        raise ApiError(
            f'{place}: write {{"type": "{kind}", "{kind}": {{"{name}": "…"}}}}', param=place
        )
    return value


def _from_base64(text: str, place: str) -> bytes:
    if text[: len(_DATA)].lower() == _DATA:
        return _from_data_url(text, place)
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ApiError(
            f"{place}: the data is not base64; send the file's bytes in base64",
            code="invalid_base64",
            param=place,
        ) from error


def _from_data_url(url: str, place: str) -> bytes:
    header, comma, content = url.partition(",")
    if not comma:
        raise ApiError(f"{place}: a data: URL has a comma before its content", param=place)
    if header.lower().endswith(";base64"):
        return _from_base64(content, place)
    return unquote_to_bytes(content)
