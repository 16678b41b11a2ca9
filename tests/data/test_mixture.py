"""Claims about the mixture: shares are kept, a seed decides all, any chunk comes alone."""

from collections import Counter, defaultdict
from itertools import chain

import pytest

from qwen_audio.data.mixture import MixtureWeights, draws, sources
from qwen_audio.errors import DataError

MEMBERS = {
    "LID": {"small": range(80, 100)},
    "ASR": {"big": range(80), "small": range(80, 100)},
    "dialogue": {"small": range(80, 100)},
}
WEIGHTS = MixtureWeights(tasks={"LID": 0.5}, fixed={"dialogue": 0.25})


def drawn(chunks, *, seed=1, weights=WEIGHTS, size=64):
    made = sources(MEMBERS, weights)
    return list(chain(*(draws(made, chunk, size=size, seed=seed) for chunk in chunks)))


def named(drawn_):
    return [(d.source.task, d.source.dataset, d.clip, d.place) for d in drawn_]


def test_the_seed_and_the_number_decide_everything():
    assert named(drawn([3])) == named(drawn([3]))
    assert named(drawn([3])) != named(drawn([3], seed=2))
    assert named(drawn([0, 1, 2])) == [
        *named(drawn([0])),
        *named(drawn([1])),
        *named(drawn([2])),
    ]


def test_tasks_and_sets_get_their_shares_to_within_one_example():
    counts = Counter((d.source.task, d.source.dataset) for d in drawn(range(50)))

    total = 50 * 64
    shares = {(s.task, s.dataset): s.share for s in sources(MEMBERS, WEIGHTS)}
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["dialogue", "small"] == pytest.approx(0.25)
    assert shares["LID", "small"] == pytest.approx(0.75 / 3)
    assert all(abs(counts[pair] - share * total) <= 1 for pair, share in shares.items())


def test_every_clip_comes_once_before_any_comes_again():
    seen = defaultdict(list)
    for draw in drawn(range(40)):
        seen[draw.source.task, draw.source.dataset].append(draw.clip)

    for (task, dataset), clips in seen.items():
        size = len(MEMBERS[task][dataset])
        assert (
            sorted(clips[:size]) == sorted(clips[size : 2 * size]) == list(MEMBERS[task][dataset])
        )
        assert clips[:size] != clips[size : 2 * size]


def test_temperature_goes_from_equal_to_by_size():
    found = {"ASR": {"a": range(900), "b": range(100)}}

    equal = sources(found, MixtureWeights(temperature=0.0))
    by_size = sources(found, MixtureWeights(temperature=1.0))

    assert equal[0].share == pytest.approx(0.5)
    assert by_size[0].share == pytest.approx(0.9)


def test_a_task_that_no_clip_allows_leaves_its_share_to_the_others():
    made = sources({"ASR": {"a": range(5)}}, MixtureWeights(fixed={"dialogue": 0.5}))

    assert [(s.task, s.share) for s in made] == [("ASR", 1.0)]


def test_an_empty_mixture_is_an_error():
    with pytest.raises(DataError, match="no clip has labels for a task with a weight above 0"):
        sources({"ASR": {"a": range(5)}}, MixtureWeights(tasks={"ASR": 0.0}))
    with pytest.raises(DataError, match="weights must not be negative"):
        MixtureWeights(tasks={"ASR": -1.0})
    with pytest.raises(DataError, match="weights must not be negative"):
        MixtureWeights(fixed={"dialogue": 1.5})
