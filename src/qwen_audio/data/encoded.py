"""Encoder outputs kept on disk, for stages in which the encoder does not learn.

On a CPU the encoder is most of a step. Where it is frozen each clip is encoded once, and a step
only looks its tokens up; clips then come at their own speed, without noise or rooms.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from qwen_audio.audio.lengths import SAMPLE_RATE, audio_tokens, mel_frames, token_seconds
from qwen_audio.audio.mel import log_mel_batch
from qwen_audio.data.batches import Batch
from qwen_audio.data.memory import ClipStore
from qwen_audio.errors import DataError
from qwen_audio.model.encoder import QwenAudioEncoder

_TOKENS, _PLACES = "tokens.float16", "places.jsonl"
_SECONDS_AT_ONCE = 60.0


@dataclass(frozen=True, kw_only=True)
class EncodedClips:
    """Audio tokens before the projection, end to end, and where each stored clip's begin.

    `places` maps a clip's first sample in its store to its first token and how many there are.
    """

    tokens: Float[np.ndarray, "tokens width"]
    places: Mapping[int, tuple[int, int]]
    pool: int


def open_encoded(folder: Path, width: int, pool: int) -> EncodedClips:
    """Return what `encode_clips` wrote; the tokens stay on disk until they are read.

    Raises:
        DataError: nothing there, or of another width.
    """
    try:
        lines = (folder / _PLACES).read_text(encoding="utf-8").splitlines()
        tokens = np.memmap(folder / _TOKENS, dtype=np.float16, mode="r")
    except FileNotFoundError:
        raise DataError(f"no encoded clips in {folder}; make them with encode_clips") from None
    places = {start: (first, count) for start, first, count in map(json.loads, lines)}
    total = sum(count for _, count in places.values())
    if tokens.size != total * width:
        raise DataError(
            f"{folder} holds {tokens.size} numbers, not {total} tokens of width {width}; "
            "encode the clips again with this model"
        )
    return EncodedClips(tokens=tokens.reshape(total, width), places=places, pool=pool)


@torch.inference_mode()
def encode_clips(
    encoder: QwenAudioEncoder, store: ClipStore, chosen: Sequence[int], folder: Path
) -> EncodedClips:
    """Encode some clips of a store once and return them; the folder appears whole or not at all."""
    unfinished = folder.with_name(folder.name + ".unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    first = 0
    with (unfinished / _TOKENS).open("wb") as out, (unfinished / _PLACES).open("w") as places:
        for group in _groups(store, chosen):
            for index, tokens in zip(group, _encode(encoder, store, group), strict=True):
                out.write(tokens.cpu().numpy().astype(np.float16).tobytes())
                start = store.clips[index].start
                places.write(json.dumps([start, first, len(tokens)]) + "\n")
                first += len(tokens)
    unfinished.rename(folder)
    return open_encoded(folder, encoder.config.output_size, encoder.config.pool)


def gather_encoded(
    encoded: EncodedClips, batch: Batch
) -> tuple[Float[Tensor, "tokens width"], Int[Tensor, " clips"]]:
    """Return the tokens of a batch's clips, one clip after the other, and how many each has.

    A clip of several pieces is filled piece by piece; the pauses between them repeat the token
    before, which is the silence at a piece's end.
    """
    counts = audio_tokens(mel_frames(batch.num_samples), encoded.pool)
    starts = counts.cumsum(0) - counts
    source = np.full(int(counts.sum()), -1, dtype=np.int64)
    samples_a_token = token_seconds(encoded.pool) * SAMPLE_RATE
    for target, piece in zip(batch.piece_target.tolist(), batch.piece_source.tolist(), strict=True):
        row, place = divmod(target, max(batch.width, 1))
        first, available = encoded.places[piece]
        begin = int(starts[row]) + round(place / samples_a_token)
        end = min(begin + available, int(starts[row] + counts[row]))
        source[begin:end] = np.arange(first, first + end - begin)
    known = np.maximum.accumulate(np.where(source >= 0, np.arange(len(source)), 0))
    source = np.where(source[known] >= 0, source[known], source.max(initial=0))
    tokens = torch.from_numpy(np.ascontiguousarray(encoded.tokens[source]))
    return tokens, counts


def _groups(store: ClipStore, chosen: Sequence[int]) -> Iterator[list[int]]:
    """Yield clips of similar length together, the longest first."""
    ordered = sorted(chosen, key=lambda index: -store.clips[index].num_samples)
    place = 0
    while place < len(ordered):
        longest = store.clips[ordered[place]].duration_s
        size = max(1, int(_SECONDS_AT_ONCE / longest))
        yield ordered[place : place + size]
        place += size


def _encode(encoder: QwenAudioEncoder, store: ClipStore, group: Sequence[int]) -> list[Tensor]:
    waveforms = [torch.from_numpy(store.waveform(index)) for index in group]
    padded = torch.nn.utils.rnn.pad_sequence(waveforms, batch_first=True).to(encoder.device)
    lengths = torch.tensor([len(waveform) for waveform in waveforms], device=encoder.device)
    mel, mask = log_mel_batch(padded, lengths, num_mel_bins=encoder.config.num_mel_bins)
    hidden, counts = encoder(mel, mask), encoder.num_tokens(mask)
    return [row[:count].float() for row, count in zip(hidden, counts.tolist(), strict=True)]
