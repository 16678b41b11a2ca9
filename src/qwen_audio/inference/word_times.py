"""The times of a transcript's words, from the reader: where each is read in the clip.

A model without a reader says times itself, by its time stamps (the SRWT task).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from tokenizers import Tokenizer

from qwen_audio.audio.lengths import SAMPLE_RATE, token_seconds
from qwen_audio.audio.sources import Clip
from qwen_audio.model.alignment import align_tokens
from qwen_audio.tasks.transcripts import UNSPACED, plain_transcript
from qwen_audio.text.timestamps import Word
from qwen_audio.text.tokenizers import short_units

if TYPE_CHECKING:
    from qwen_audio.inference.answers import QwenAudio

# A word is read a little after it begins and until a little before it ends: medians on training
# speech of known times (two synthetic voices).
_START_SHIFT_S, _END_SHIFT_S = -0.02, 0.05

_units = lru_cache(maxsize=2)(short_units)  # reading a vocabulary anew takes longer than a clip


@torch.inference_mode()
def word_times(
    model: "QwenAudio", clip: Clip, text: str, *, language: str
) -> tuple[Word, ...] | None:
    """Return a transcript's words with the times at which the reader finds them.

    Args:
        model: a loaded model.
        clip: at most the encoder's window.
        text: what is said in the clip.
        language: of the text; Chinese and Japanese go by character.

    Returns:
        None where the model has no reader, or cannot read this text in this clip.
    """
    network = model.model
    if network.reader is None or not len(network.reader.choices):
        return None
    words = list(text.replace(" ", "")) if language in UNSPACED else text.split()
    units = _units(model.processor.tokenizer, network.config.reader_merges)
    spelt = [_spell(word, language, units) for word in words]
    places = {token: place for place, token in enumerate(network.reader.choices.tolist(), start=1)}
    targets = [places.get(token) for ids in spelt for token in ids]
    if None in targets:
        return None
    stretches = align_tokens(_scores(model, clip), targets)
    if stretches is None:
        return None
    token_s = token_seconds(model.processor.pool)
    return _timed(words, [len(ids) for ids in spelt], stretches, token_s, clip.duration_s)


def _spell(word: str, language: str, units: Tokenizer) -> list[int]:
    plain = plain_transcript(word, language)
    space = "" if language in UNSPACED else " "
    return units.encode(space + plain, add_special_tokens=False).ids if plain else []


def _scores(model: "QwenAudio", clip: Clip) -> torch.Tensor:
    """Return the reader's scores of each audio token of a clip."""
    network = model.model
    features = model.processor.feature_extractor([clip.waveform], sampling_rate=SAMPLE_RATE)
    tokens, _ = network.project(
        features["input_features"].to(network.device, network.dtype),
        features["input_features_mask"].to(network.device),
    )
    return network.reader.logits(tokens, network.reader.rows(network.get_input_embeddings())).cpu()


def _timed(
    words: Sequence[str],
    lengths: Sequence[int],
    stretches: Sequence[tuple[int, int]],
    token_s: float,
    duration_s: float,
) -> tuple[Word, ...]:
    """Return words by the stretches of their tokens; one without tokens takes no time."""
    heard: list[tuple[float, float] | None] = []
    first = 0
    for length in lengths:
        heard.append(
            (stretches[first][0], stretches[first + length - 1][1] + 1) if length else None
        )
        first += length
    starts = [max(0.0, at[0] * token_s + _START_SHIFT_S) if at else None for at in heard]
    timed: list[Word] = []
    next_s = duration_s
    for word, at, start_s in zip(reversed(words), reversed(heard), reversed(starts), strict=True):
        if at is None:
            start_s = end_s = next_s
        else:
            end_s = max(start_s, min(at[1] * token_s + _END_SHIFT_S, next_s))
        next_s = start_s
        timed.append(Word(word, round(start_s, 2), round(end_s, 2)))
    return tuple(reversed(timed))
