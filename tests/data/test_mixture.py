"""Claims about the mixture: shares are kept, a seed decides all, it goes on where it stopped."""

import itertools
import json
from collections import Counter

import pytest

from qwen_audio.data.mixture import Mixture, MixtureWeights, Pair, shares
from qwen_audio.errors import DataError

DURATIONS_S = [1.0 + (n * 7 % 25) for n in range(100)]
MEMBERS = {
    Pair("big", "ASR"): tuple(range(80)),
    Pair("small", "ASR"): tuple(range(80, 100)),
    Pair("small", "LID"): tuple(range(80, 100)),
}


def mixture(seed=1, **changes):
    given = {"weights": MixtureWeights(tasks={"LID": 0.5}), "batch_s": 60.0, "seed": seed} | changes
    return Mixture(DURATIONS_S, MEMBERS, **given)


def take(source, number):
    return list(itertools.islice(source, number))


def test_a_batch_stays_within_the_budget():
    for batch in take(mixture(), 200):
        assert len(batch) * max(DURATIONS_S[draw.index] for draw in batch) <= 60


def test_the_seed_decides_everything():
    assert take(mixture(), 50) == take(mixture(), 50)
    assert take(mixture(), 50) != take(mixture(seed=2), 50)


def test_it_goes_on_where_it_stopped():
    first = mixture()
    take(first, 17)
    state = json.loads(json.dumps(first.state_dict()))
    expected = take(first, 30)

    second = mixture()
    second.load_state_dict(state)

    assert take(second, 30) == expected


def test_tasks_and_sets_get_their_shares():
    source = mixture()
    draws = Counter()
    for batch in take(source, 2000):
        for draw in batch:
            draws["small" if draw.index >= 80 else "big", draw.task] += 1

    total = draws.total()
    assert draws["small", "LID"] / total == pytest.approx(1 / 3, abs=0.02)
    assert draws["big", "ASR"] / total == pytest.approx(4 / 9, abs=0.02)


def test_every_clip_comes_once_before_any_comes_again():
    source = Mixture(
        [1.0] * 10,
        {Pair("a", "ASR"): tuple(range(10))},
        weights=MixtureWeights(),
        batch_s=1.0,
        seed=0,
    )

    seen = [draw.index for batch in take(source, 30) for draw in batch]

    assert sorted(seen[:10]) == sorted(seen[10:20]) == list(range(10))
    assert seen[:10] != seen[10:20]


def test_little_of_a_batch_is_padding():
    source = mixture()
    take(source, 300)

    assert 0 < source.padding_share < 0.2


def test_temperature_goes_from_equal_to_by_size():
    counts = {Pair("a", "ASR"): 900, Pair("b", "ASR"): 100}

    equal = shares(counts, MixtureWeights(temperature=0.0))
    by_size = shares(counts, MixtureWeights(temperature=1.0))

    assert equal[Pair("a", "ASR")] == pytest.approx(0.5)
    assert by_size[Pair("a", "ASR")] == pytest.approx(0.9)


def test_an_empty_mixture_is_an_error():
    with pytest.raises(DataError, match="no clip has a task with a weight above 0"):
        shares({Pair("a", "ASR"): 5}, MixtureWeights(tasks={"ASR": 0.0}))
    with pytest.raises(DataError, match="weights must not be negative"):
        MixtureWeights(tasks={"ASR": -1.0})


def test_the_position_of_another_mixture_is_refused():
    with pytest.raises(DataError, match="of another mixture"):
        mixture(seed=2).load_state_dict(mixture(seed=1).state_dict())
