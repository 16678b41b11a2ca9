"""Batches: how examples are grouped, and that the flat tensors say what the examples said."""

from random import Random

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.data.batches import Example, Piece, PlannedClip, bucket, collate

SECONDS = st.floats(0.1, 30.0)


def example(key, seconds, ids=(), learnt=0):
    clip = PlannedClip(pieces=(Piece(start=0, num_samples=round(seconds * SAMPLE_RATE)),))
    is_learnt = tuple(place >= len(ids) - learnt for place in range(len(ids)))
    return Example(key=key, task="ASR", ids=tuple(ids), is_learnt=is_learnt, clips=(clip,))


@settings(max_examples=50, deadline=None)
@given(st.lists(SECONDS, min_size=1, max_size=40), st.floats(5.0, 100.0), st.integers(1, 8))
def test_every_example_comes_once_and_within_the_budget(lengths, seconds, max_rows):
    examples = [example(f"{n:02d}", length) for n, length in enumerate(lengths)]

    batches = list(bucket(examples, seconds=seconds, max_rows=max_rows, random=Random(0)))

    assert sorted(e.key for batch in batches for e in batch) == [e.key for e in examples]
    for batch in batches:
        longest = max(e.seconds for e in batch)
        assert len(batch) == 1 or len(batch) * longest <= seconds + 1e-6
        assert len(batch) <= max_rows


def test_like_lengths_come_together_so_little_is_padding():
    random = Random(1)
    examples = [example(f"{n:03d}", random.uniform(1, 20)) for n in range(200)]

    batches = [collate(b) for b in bucket(examples, seconds=60.0, max_rows=64, random=random)]

    share = 1 - sum(b.seconds for b in batches) / sum(b.padded_seconds for b in batches)
    assert 0 < share < 0.1


def test_learnt_positions_stand_one_before_the_ids_they_predict():
    batch = collate([example("a", 1, (5, 6, 7), learnt=2), example("b", 1, (8, 9), learnt=1)])

    assert batch.input_ids.tolist() == [[5, 6, 7], [8, 9, 0]]
    assert batch.learnt_ids.tolist() == [6, 7, 9]
    assert batch.learnt_from.tolist() == [0, 1, 3]
    assert batch.learnt_row.tolist() == [0, 0, 1]
    following = batch.input_ids.flatten()[batch.learnt_from + 1]
    assert torch.equal(following, batch.learnt_ids)


def test_pieces_fill_their_clip_with_gaps_between():
    pieces = (
        Piece(start=100, num_samples=1000, speed=2.0),
        Piece(start=9000, num_samples=300, gap=50),
    )
    joined = PlannedClip(pieces=pieces, ctc_ids=(3, 4), is_speech=True)
    short = PlannedClip(pieces=(Piece(start=7, num_samples=10),))

    batch = collate([Example(key="a", task="x", clips=(joined, short))])

    assert batch.width == joined.num_samples == 500 + 50 + 300
    assert batch.num_samples.tolist() == [850, 10]
    assert batch.piece_target.tolist() == [0, 550, 850]
    assert batch.piece_length.tolist() == [500, 300, 10]
    assert batch.piece_source.tolist() == [100, 9000, 7]
    assert (batch.ctc_ids.tolist(), batch.ctc_lengths.tolist()) == ([3, 4], [2, 0])


def test_an_example_without_text_adds_no_row():
    batch = collate([example("heard", 1), example("asked", 1, (1, 2), learnt=1)])

    assert batch.input_ids.shape == (1, 2)
    assert len(batch.num_samples) == 2
