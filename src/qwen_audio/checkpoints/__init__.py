"""Where weights come from and go to: released layout, assembled models, base weights."""

from typing import Any

__all__ = ["convert"]


def __getattr__(name: str) -> Any:
    if name != "convert":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from qwen_audio.checkpoints.conversion import convert

    return convert
