"""Alignment finds where each token of a known text is read."""

import itertools

import torch

from qwen_audio.model.alignment import align_tokens

BLANK = 0


def scores(*places, size=6, sure=8.0):
    """Scores that read like this, a place a time."""
    logits = torch.zeros(len(places), size)
    logits[torch.arange(len(places)), torch.tensor(places)] = sure
    return logits


def test_tokens_are_found_where_they_are_read():
    assert align_tokens(scores(0, 2, 2, 0, 0, 3, 0), [2, 3]) == [(1, 2), (5, 5)]


def test_a_token_said_twice_is_found_twice():
    assert align_tokens(scores(2, 2, 0, 2, 0), [2, 2]) == [(0, 1), (3, 3)]


def test_what_is_not_in_the_text_shifts_nothing():
    assert align_tokens(scores(5, 4, 0, 2, 5, 3), [2, 3]) == [(3, 3), (5, 5)]


def test_a_token_that_was_misread_lies_between_its_neighbours():
    (_, first), (begin, end), (last, _) = align_tokens(scores(1, 0, 5, 0, 3), [1, 2, 3])
    assert first < begin <= end < last


def test_a_clip_too_short_for_its_text_has_no_alignment():
    assert align_tokens(scores(1, 1), [1, 1]) is None
    assert align_tokens(scores(1, 2), [1, 2, 3]) is None


def test_no_text_has_no_alignment():
    assert align_tokens(scores(0, 0), []) is None


def test_the_path_is_the_likeliest_of_all():
    torch.manual_seed(0)
    logits = torch.randn(6, 4)
    targets = [1, 2]
    shares = logits.double().log_softmax(-1)
    other = shares[:, [0, 3]].logsumexp(-1)
    columns = torch.stack([other, shares[:, 1], other, shares[:, 2], other], 1)

    def allowed(path):
        steps = [b - a for a, b in itertools.pairwise(path)]
        jumps_well = all(
            s in (0, 1) or (s == 2 and b % 2) for s, b in zip(steps, path[1:], strict=True)
        )
        return path[0] <= 1 and path[-1] >= 3 and jumps_well

    paths = filter(allowed, itertools.product(range(5), repeat=6))
    best = max(paths, key=lambda path: sum(columns[t, s] for t, s in enumerate(path)))

    found = align_tokens(logits, targets)

    for target, (first, last) in enumerate(found):
        places = [t for t, state in enumerate(best) if state == 2 * target + 1]
        assert (first, last) == (places[0], places[-1])


def test_long_texts_are_aligned_too():
    targets = [1 + place % 4 for place in range(200)]
    spread = [place for target in targets for place in (0, target)]
    found = align_tokens(scores(*spread), targets)
    assert found == [(2 * place + 1, 2 * place + 1) for place in range(200)]
