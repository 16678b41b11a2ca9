"""Every error a user can cause, and the one sentence printed for an unknown name."""

import difflib
from collections.abc import Iterable


class QwenAudioError(Exception):
    """Something a user or a file got wrong; its message is one sentence that says what to do."""


class AudioError(QwenAudioError):
    """A clip that cannot be read, or cannot be heard."""


class PromptError(QwenAudioError):
    """A prompt, a tag or a conversation that cannot be rendered."""


class ConfigError(QwenAudioError):
    """A model configuration that contradicts itself."""


class CheckpointError(QwenAudioError):
    """A model folder that is missing, incomplete or of another family."""


class DownloadError(QwenAudioError):
    """A file that could not be fetched, or is not the file that was asked for."""


class DataError(QwenAudioError):
    """A manifest, a shard or a label that cannot be used."""


class RecipeError(QwenAudioError):
    """A training recipe with an unknown key or an impossible value."""


class GenerationError(QwenAudioError):
    """Generation settings that cannot be met."""


class EvaluationError(QwenAudioError):
    """A benchmark, a run or a peer that cannot be used."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the one sentence printed for any name that is not in a table.

    >>> unknown_name("task", "transcibe", ["transcribe", "translate"])
    "unknown task 'transcibe'; did you mean 'transcribe'? Known: transcribe, translate."
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    return f"unknown {kind} {name!r}{hint} Known: {', '.join(names)}."
