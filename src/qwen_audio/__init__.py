"""Qwen-Audio: speech, sounds, music and text in, text out.

>>> import qwen_audio
>>> qa = qwen_audio.load()  # doctest: +SKIP
>>> qa.ask("clip.flac", "What does the person say?").text  # doctest: +SKIP

Nothing heavy is imported before it is used.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from qwen_audio.errors import QwenAudioError

if TYPE_CHECKING:
    from qwen_audio.audio.sources import Clip, load_clip
    from qwen_audio.checkpoints.assemble import assemble
    from qwen_audio.checkpoints.auto import register
    from qwen_audio.inference.answers import QwenAudio, Reply, Transcript
    from qwen_audio.inference.conversation import Conversation
    from qwen_audio.inference.generation import Generation
    from qwen_audio.inference.loading import describe, load
    from qwen_audio.text.messages import Audio, Message, Text
    from qwen_audio.text.prompt import preview
    from qwen_audio.text.timestamps import Word

_HOMES = {
    "Audio": "qwen_audio.text.messages",
    "Clip": "qwen_audio.audio.sources",
    "Conversation": "qwen_audio.inference.conversation",
    "Generation": "qwen_audio.inference.generation",
    "Message": "qwen_audio.text.messages",
    "QwenAudio": "qwen_audio.inference.answers",
    "Reply": "qwen_audio.inference.answers",
    "Text": "qwen_audio.text.messages",
    "Transcript": "qwen_audio.inference.answers",
    "Word": "qwen_audio.text.timestamps",
    "assemble": "qwen_audio.checkpoints.assemble",
    "describe": "qwen_audio.inference.loading",
    "load": "qwen_audio.inference.loading",
    "load_clip": "qwen_audio.audio.sources",
    "preview": "qwen_audio.text.prompt",
    "register": "qwen_audio.checkpoints.auto",
}

__all__ = [
    "Audio",
    "Clip",
    "Conversation",
    "Generation",
    "Message",
    "QwenAudio",
    "QwenAudioError",
    "Reply",
    "Text",
    "Transcript",
    "Word",
    "assemble",
    "describe",
    "load",
    "load_clip",
    "preview",
    "register",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'qwen_audio' has no attribute {name!r}")
    with _no_garbage_collection():
        return getattr(import_module(_HOMES[name]), name)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Leave the collector off: torch's and transformers' million objects are all there to stay.

    A quarter of the time that their import takes is spent on looking for garbage among them.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def __dir__() -> list[str]:
    return sorted(__all__)
