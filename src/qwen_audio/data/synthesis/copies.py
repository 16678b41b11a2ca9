"""Varied copies of speech: faster or slower, in other rooms, with noise, through other microphones.

Few voices are learnt by heart: with 17 h of 20-odd sets the reading of the voices in them had 5 to
20 % of words wrong and that of others 46 %. A frozen encoder is run once, so what a stage on its
outputs shall hear varied has to be varied before.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import soxr
import torch

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.audio.sources import load_clip
from qwen_audio.data.augment import Variation, vary
from qwen_audio.data.manifest import Record, with_side_labels
from qwen_audio.data.shards import read_shard
from qwen_audio.tasks.labels import Labels, at_speed

# How far speed moves pitch without making a man's voice a woman's, or a mood another.
_SLIGHT, _MOODY = (0.05, 0.13), (0.02, 0.04)
_LONGEST_S = 25.0
_VARIATION = Variation(
    noise_share=0.55, snr_max_db=28.0, room_share=0.35, band_share=0.2, gain_db=6.0
)


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One varied clip, and the record of what it was."""

    waveform: np.ndarray
    labels: Labels
    of: Record


def vary_speech(
    shards: Sequence[Path],
    *,
    seed: str,
    side_labels: Mapping[tuple[str, str], Labels] | None = None,
) -> Iterator[Copy]:
    """Yield a copy of every clip with words, then another of each, without end.

    Args:
        shards: of labelled clips.
        seed: another one varies otherwise.
        side_labels: further labels, as `manifest.read_side_labels` gives them.
    """
    for number in count():
        found = False
        for path in shards:
            for record, content in read_shard(path):
                whole = with_side_labels(record, side_labels or {})
                if whole.labels.text and whole.duration_s < _LONGEST_S:
                    found = True
                    chance = random.Random(f"{seed}/{record.dataset}/{record.key}/{number}")
                    yield _copy(whole, load_clip(content).waveform, chance)
        if not found:
            return


def _copy(record: Record, waveform: np.ndarray, chance: random.Random) -> Copy:
    least, most = _MOODY if record.labels.emotion else _SLIGHT
    speed = 1 + chance.choice((-1, 1)) * chance.uniform(least, most)
    faster = soxr.resample(waveform, SAMPLE_RATE * speed, SAMPLE_RATE)
    varied = vary(
        torch.from_numpy(faster.astype(np.float32))[None],
        torch.tensor([len(faster)]),
        is_speech=torch.tensor([False]),  # there is no other clip to mix in
        variation=_VARIATION,
        generator=torch.Generator().manual_seed(chance.getrandbits(31)),
    )
    return Copy(waveform=varied[0].numpy(), labels=at_speed(record.labels, speed), of=record)
