import numpy as np
import pytest
import torch

from qwen_audio.data.word_times import attention_map, forward_path, loudness, word_spans


def brute_force(score):
    """Return the best path's score by trying every way to cut the frames."""
    num_tokens, num_frames = score.shape
    if num_tokens == 1:
        return score[0].sum()
    return max(
        score[0, :cut].sum() + brute_force(score[1:, cut:])
        for cut in range(1, num_frames - num_tokens + 2)
    )


@pytest.mark.parametrize(("num_tokens", "num_frames"), [(1, 1), (1, 5), (3, 3), (3, 9), (4, 8)])
def test_no_other_cut_of_the_frames_is_brighter(num_tokens, num_frames):
    score = np.random.default_rng(num_frames).normal(size=(num_tokens, num_frames))

    begins = forward_path(score)

    ends = [*begins[1:], num_frames]
    found = sum(score[n, a:b].sum() for n, (a, b) in enumerate(zip(begins, ends, strict=True)))
    assert begins[0] == 0
    assert np.all(np.diff(begins) > 0)
    assert found == pytest.approx(brute_force(score))


def test_more_tokens_than_frames_are_refused():
    with pytest.raises(ValueError, match="4 tokens do not fit into 3 frames"):
        forward_path(np.zeros((4, 3)))


def test_a_frame_that_every_token_looks_at_counts_nothing():
    heads = torch.rand(2, 5, 40, generator=torch.Generator().manual_seed(0)) * 0.1
    heads[:, :, 20:30] = 9.0

    looks = attention_map(heads)

    assert looks.shape == (5, 40)
    assert np.abs(looks[:, 24:26]).max() < 1e-3  # away from the edges of the median


def test_one_bright_frame_alone_is_smoothed_away():
    heads = torch.zeros(1, 2, 40)
    heads[0, 0, 20] = 1.0

    assert np.abs(attention_map(heads)).max() == 0


def test_loudness_goes_from_the_quiet_parts_to_the_loud_ones():
    mel = torch.full((80, 200), -0.5)
    mel[:, 100:] = 1.5

    loud = loudness(mel)

    assert loud.shape == (100,)
    assert loud[:50].max() == 0
    assert loud[50:].min() == pytest.approx(1, abs=1e-5)


def test_words_take_the_loud_frames_and_marks_the_pauses():
    # silence 0-10, word 10-20, pause 20-25, word 25-40, silence 40-50
    loud = np.zeros(50)
    loud[10:20] = loud[25:40] = 1.0
    looks = np.random.default_rng(0).normal(scale=0.1, size=(5, 50))
    is_mark = np.array([False, True, False, False, True])

    assert word_spans(looks, loud, is_mark) == [(0.2, 0.4), (0.5, 0.8)]


def test_a_first_word_that_looks_at_the_edge_still_begins_where_the_sound_does():
    loud = np.zeros(50)
    loud[20:40] = 1.0
    looks = np.zeros((2, 50))
    looks[0, :5] = 20.0

    assert word_spans(looks, loud, np.array([False, True])) == [(0.4, 0.8)]
