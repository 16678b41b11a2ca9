"""The length formulas agree with the layers that they describe."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from qwen_audio.audio import (
    MAX_SAMPLES,
    SAMPLE_RATE,
    audio_tokens,
    conv_frames,
    mel_frames,
    span_tokens,
    token_seconds,
)


def test_token_count_matches_the_real_layers() -> None:
    kernel = torch.zeros(1, 1, 3)
    for frames in range(2, 400):
        after_conv = F.conv1d(torch.zeros(1, 1, frames), kernel, stride=2, padding=1)

        assert after_conv.shape[-1] == conv_frames(frames)
        for pool in (1, 2, 4):
            if after_conv.shape[-1] >= pool:
                assert F.avg_pool1d(after_conv, pool).shape[-1] == audio_tokens(frames, pool)


def test_known_clips_take_the_released_number_of_positions() -> None:
    spans = {1: 27, 10: 252, 30: 752, 31: 752, 3600: 752}

    for seconds, span in spans.items():
        assert span_tokens(mel_frames(seconds * SAMPLE_RATE)) == span


def test_less_than_thirty_milliseconds_have_no_audio_token() -> None:
    assert audio_tokens(mel_frames(479)) == 0
    assert audio_tokens(mel_frames(480)) == 1


def test_a_token_stands_for_forty_milliseconds() -> None:
    assert token_seconds() == 0.04
    assert token_seconds(pool=4) == 0.08


@given(st.lists(st.integers(0, 2 * MAX_SAMPLES), min_size=1, max_size=8), st.integers(1, 5))
def test_ints_arrays_and_tensors_count_alike(counts: list[int], pool: int) -> None:
    one_by_one = [span_tokens(mel_frames(count), pool) for count in counts]

    assert span_tokens(mel_frames(np.array(counts)), pool).tolist() == one_by_one
    of_tensor = span_tokens(mel_frames(torch.tensor(counts)), pool)
    assert of_tensor.tolist() == one_by_one
    assert not of_tensor.is_floating_point()
