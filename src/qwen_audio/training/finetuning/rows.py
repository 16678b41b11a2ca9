r"""Conversations as people keep them, read into messages: four shapes of JSONL, and ChatML text.

- messages: `{"messages": [{"role", "content"}…], "audios": [path…]}`; `<audio>` in a content is the
  place of the next path, and without any the clips come first. A content may also be a list of
  parts, as transformers writes it.
- conversations: `{"conversations": [{"from": "user", "value": "<audio>path</audio>…"}…]}`.
- query: `{"query", "response", "history", "system", "audios"}`.
- ChatML: a line of text with `<|im_start|>` (`\n` may be spelt out), or the same under "text".
- tags: `{"audio": path, "prompt": tags, "gt": target}` teaches a tagged prompt.

Rows of a Hugging Face set have one of these shapes too; its audio may stand where a path would.
Paths are relative to the file that names them. Nothing else in a text is read as a path or a token.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from qwen_audio.data.hugging_face import HUB, StoredAudio, is_table, read_table
from qwen_audio.data.manifest import read_rows
from qwen_audio.errors import DataError
from qwen_audio.text import vocab
from qwen_audio.text.messages import ASSISTANT, SYSTEM, USER

_LABEL = r"(?:Audio\s*\d+\s*:\s*)?"  # written by the renderer, so not kept
_PLACE = re.compile(
    rf"{_LABEL}{vocab.AUDIO_BEGIN}(?:([^<>\n]+){vocab.AUDIO_END}|{vocab.AUDIO_END})?\n?"
)
_ROLES = {"human": USER, "gpt": ASSISTANT, "bot": ASSISTANT, "model": ASSISTANT}
_OPENING = re.compile(rf"{re.escape(vocab.CHAT_BEGIN)}\s*(system|user|assistant)(?:\\n|\n)?")
_URL = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_AUDIO_KEYS = ("path", "audio", "audio_url", "url")
Recording: TypeAlias = Path | StoredAudio
"""Where a clip is: a file, or a cell of a table."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What one side says: texts and the files of clips, in order."""

    role: str
    parts: tuple[str | Recording, ...]


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """One example: turns of a chat, or a clip with a tagged prompt and its target.

    `where` names the line it came from.
    """

    where: str
    turns: tuple[Turn, ...] = ()
    clip: Recording | None = None
    prompt: str = ""
    target: str = ""

    @property
    def clips(self) -> tuple[Recording, ...]:
        """Every recording that the conversation needs, in order."""
        own = () if self.clip is None else (self.clip,)
        parts = (part for turn in self.turns for part in turn.parts)
        return (*own, *(part for part in parts if not isinstance(part, str)))


@dataclass
class _Clips:
    """The files that a row names apart from its texts, given out one after another."""

    waiting: list[Recording] = field(default_factory=list)

    def take(self) -> Recording:
        if not self.waiting:
            raise DataError("more <audio> places than audios; name one file for each place")
        return self.waiting.pop(0)


def read_conversations(path: Path) -> list[Conversation]:
    """Return the conversations in a JSONL or text file, or in a Hugging Face set.

    Raises:
        DataError: The file is missing or empty, or a line has none of the shapes; it is named.
    """
    lines = _lines(path)
    root = Path() if str(path).startswith(HUB) else path.parent
    found = []
    for number, row in lines:
        try:
            found.append(_conversation(row, root=root, where=f"{path}:{number}"))
        except DataError as error:
            raise DataError(f"{path}:{number}: {error}") from error
    if not found:
        raise DataError(f"{path} holds no conversations; one JSON object a line is needed")
    return found


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if is_table(path):
        return read_table(path)
    return _text_lines(path) if path.suffix == ".txt" else read_rows(path)


def _text_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if not path.is_file():
        raise DataError(f"there is no file {path}; give a JSONL or text file of conversations")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            yield number, {"text": line}


def _conversation(row: Mapping[str, Any], *, root: Path, where: str) -> Conversation:
    """Return a row of any of the shapes as a conversation."""
    if "gt" in row and "prompt" in row and "audio" in row:
        clip = _file(row["audio"], root)
        return Conversation(
            where=where, clip=clip, prompt=_text(row["prompt"]), target=_text(row["gt"])
        )
    clips = _Clips([_file(name, root) for name in _listed(row.get("audios", row.get("audio")))])
    said = _said(row)
    if clips.waiting and not any(_has_place(content) for _, content in said):
        first = next((i for i, (role, _) in enumerate(said) if role == USER), None)
        if first is None:
            raise DataError("the clips have no message of the user to stand in")
        said[first] = USER, vocab.AUDIO_BEGIN * len(clips.waiting) + _text(said[first][1])
    turns = [
        Turn(role=role, parts=tuple(_parts(content, role, clips=clips, root=root)))
        for role, content in said
    ]
    if clips.waiting:
        raise DataError(f"{len(clips.waiting)} audios have no <audio> place in the messages")
    if not turns or turns[-1].role != ASSISTANT or not turns[-1].parts:
        raise DataError("a conversation ends with what the assistant says; nothing to learn here")
    return Conversation(where=where, turns=tuple(turns))


def _said(row: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return who says what, in order, whatever the shape."""
    if "messages" in row:
        return [(_role(m, "role"), _field(m, "content")) for m in _listed(row["messages"])]
    if "conversations" in row:
        return [(_role(m, "from"), _field(m, "value")) for m in _listed(row["conversations"])]
    if "query" in row and "response" in row:
        said = [(SYSTEM, row["system"])] if row.get("system") else []
        for question, answer in row.get("history") or ():
            said += [(USER, question), (ASSISTANT, answer)]
        return [*said, (USER, row["query"]), (ASSISTANT, row["response"])]
    if isinstance(row.get("text"), str) and vocab.CHAT_BEGIN in row["text"]:
        return _chatml(row["text"])
    raise DataError(
        "no conversation here: give 'messages', 'conversations', 'query' with 'response', ChatML "
        f"under 'text', or 'audio' with 'prompt' and 'gt'; got {', '.join(row) or 'nothing'}"
    )


def _chatml(text: str) -> list[tuple[str, str]]:
    r"""Return the messages of ChatML text; `\n` may be spelt out, and ends may be missing.

    >>> _chatml("<|im_start|>user\\nHi<|im_end|>\\n<|im_start|>assistant\\nHello")
    [('user', 'Hi'), ('assistant', 'Hello')]
    """
    found = list(_OPENING.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    said = []
    for match, end in zip(found, ends, strict=True):
        content = text[match.end() : end].partition(vocab.CHAT_END)[0]
        said.append((match[1], content.replace("\\n", "\n").strip("\n")))
    return said


def _parts(content: Any, role: str, *, clips: _Clips, root: Path) -> Iterator[str | Recording]:
    """Yield the texts and files of a message."""
    if isinstance(content, str):
        yield from (
            _split(content, clips=clips, root=root) if role == USER else filter(None, [content])
        )
        return
    for entry in _listed(content):
        kind = entry.get("type") if isinstance(entry, Mapping) else None
        if isinstance(entry, str) or kind == "text":
            yield entry if isinstance(entry, str) else _text(_field(entry, "text"))
        elif kind == "audio":
            named = next((entry[key] for key in _AUDIO_KEYS if entry.get(key)), None)
            yield clips.take() if named is None else _file(named, root)
        else:
            raise DataError(f"a part of a message is text or audio, got {kind!r}")


def _split(text: str, *, clips: _Clips, root: Path) -> Iterator[str | Recording]:
    """Yield what stands between the places of clips, and the files that belong there."""
    end = 0
    for place in _PLACE.finditer(text):
        if place.start() > end:
            yield text[end : place.start()]
        yield _file(place[1], root) if place[1] else clips.take()
        end = place.end()
    if text[end:]:
        yield text[end:]


def _has_place(content: Any) -> bool:
    if isinstance(content, str):
        return vocab.AUDIO_BEGIN in content
    return any(isinstance(entry, Mapping) and entry.get("type") == "audio" for entry in content)


def _file(name: Any, root: Path) -> Recording:
    """Return the path of a clip that a row names, or the clip that it holds."""
    if isinstance(name, StoredAudio):
        return name
    if not isinstance(name, str) or not name.strip():
        raise DataError(f"a clip is named by the path of its file, got {name!r}")
    if _URL.match(name) and not name.startswith("file://"):
        raise DataError(f"a URL is never opened, got {name!r}; download it and give its path")
    return root / name.removeprefix("file://").strip()


def _listed(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    if isinstance(value, str | Mapping | StoredAudio):
        return (value,)
    if not isinstance(value, Iterable):
        raise DataError(f"a list is needed, got {value!r}")
    return list(value)


def _role(message: Any, key: str) -> str:
    role = str(_field(message, key))
    role = _ROLES.get(role, role)
    if role not in (SYSTEM, USER, ASSISTANT):
        raise DataError(f"the roles are system, user and assistant; got {role!r}")
    return role


def _field(message: Any, key: str) -> Any:
    if not isinstance(message, Mapping) or key not in message:
        raise DataError(f"a message needs {key!r}, got {str(message)[:60]!r}")
    return message[key]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise DataError(f"a text is needed, got {type(value).__name__}")
    return value
