"""When each token of a known text is heard: the best path through a reader's scores.

The usual Viterbi search over CTC states (Graves et al., 2006), with one difference: between two
tokens anything may be read that is not the text's next token, so that a wrong reading, or the name
of a voice, shifts nothing.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


def align_tokens(
    logits: Float[Tensor, "time scores"], targets: Sequence[int]
) -> list[tuple[int, int]] | None:
    """Return the first and last place in time at which each target is heard.

    Args:
        logits: a reader's scores; score 0 is the blank.
        targets: the scores' places of the text's tokens, in order.

    Returns:
        A pair a target, the last place included; None where the clip is too short for the text.
    """
    count, length = len(targets), len(logits)
    repeats = sum(one == other for one, other in pairwise(targets))
    if not count or length < count + repeats:
        return None
    shares = logits.double().log_softmax(dim=-1)
    own = shares[:, list(targets)].numpy()  # (time, targets)
    is_other = torch.ones(shares.shape[1], dtype=torch.bool)
    is_other[list(set(targets))] = False
    other = shares[:, is_other].logsumexp(dim=-1).numpy()  # (time,)
    # States: other, target 0, other, target 1, …, other.
    emitted = np.repeat(other[:, None], 2 * count + 1, axis=1)
    emitted[:, 1::2] = own
    can_skip = np.zeros(2 * count + 1, dtype=bool)
    can_skip[3::2] = np.asarray(targets[1:]) != np.asarray(targets[:-1])
    return _stretches(_best_path(emitted, can_skip), count)


def _best_path(emitted: np.ndarray, can_skip: np.ndarray) -> np.ndarray:
    """Return the state at each time of the likeliest way from the first states to the last."""
    length, states = emitted.shape
    score = np.full(states, -np.inf)
    score[:2] = emitted[0, :2]
    steps = np.zeros((length, states), dtype=np.int8)  # how many states the best way moved on
    for time in range(1, length):
        ways = np.full((3, states), -np.inf)
        ways[0] = score
        ways[1, 1:] = score[:-1]
        ways[2, 2:] = np.where(can_skip[2:], score[:-2], -np.inf)
        steps[time] = ways.argmax(axis=0)
        score = ways.max(axis=0) + emitted[time]
    state = states - 1 if score[-1] >= score[-2] else states - 2
    path = np.empty(length, dtype=np.int64)
    for time in range(length - 1, -1, -1):
        path[time] = state
        state -= int(steps[time, state])
    return path


def _stretches(path: np.ndarray, count: int) -> list[tuple[int, int]]:
    """Return where each target's state begins and ends on a path."""
    places = [np.flatnonzero(path == 2 * target + 1) for target in range(count)]
    return [(int(place[0]), int(place[-1])) for place in places]
