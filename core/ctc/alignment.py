"""Which frames known tokens take: the best alignment that spells them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from speechgraft.ctc.reading import Reading
from speechgraft.ctc.scores import rows_of
from speechgraft.errors import InputError


def align(logits: Tensor, tokens: Sequence[Sequence[int]], lengths: Any = None, *, blank: int) -> list[Reading]:
    """Where known tokens are in the audio: the most probable alignment of each row with its tokens.

    The Viterbi algorithm over the states of Graves et al. 2006, section 4.1: each token, with a blank
    before, between and behind.

    Args:
        logits: (batch, frames, vocabulary): scores or log-probabilities.
        tokens: For each row the ids to find, without blanks.
        lengths: (batch,): frames of each utterance; `None` is all of them.
        blank: The token that stands for nothing.

    Raises:
        InputError: As `greedy`; tokens that the vocabulary lacks, that are blank, or that do not fit into the frames.
    """
    rows = rows_of(logits, lengths, blank=blank)
    if len(tokens) != len(rows):
        raise InputError(f"tokens for {len(tokens)} rows, but there are logits for {len(rows)}")
    for number, (row, wanted) in enumerate(zip(rows, tokens, strict=True)):
        _check(row, wanted, blank, number)
    return [align_row(row, tuple(wanted), blank) for row, wanted in zip(rows, tokens, strict=True)]


def _check(row: NDArray[np.float64], tokens: Sequence[int], blank: int, number: int) -> None:
    frames, size = row.shape
    for place, token in enumerate(tokens):
        if not 0 <= token < size or token == blank:
            raise InputError(
                f"row {number}, token {place} is {token}, expected one of 0 to {size - 1} but blank {blank}"
            )
    # Equal neighbours are one token unless a blank stands between them.
    needed = len(tokens) + sum(one == other for one, other in pairwise(tokens))
    if needed > frames:
        raise InputError(f"row {number}: {len(tokens)} tokens need {needed} frames, but there are {frames}")


def align_row(log_probs: NDArray[np.float64], tokens: tuple[int, ...], blank: int) -> Reading:
    """One row of `align`, checked before. *Shapes:* `log_probs` (frames, vocabulary)."""
    states = np.full(2 * len(tokens) + 1, blank)
    states[1::2] = tokens
    emitted = log_probs[:, states]  # (frames, states)
    path, score = _best_path(emitted, _skippable(states, blank))
    begins = np.searchsorted(path, np.arange(1, len(states), 2))
    ends = np.searchsorted(path, np.arange(1, len(states), 2), side="right")
    return Reading(tokens, tuple(zip(begins.tolist(), ends.tolist(), strict=True)), score)


def _skippable(states: NDArray[np.int64], blank: int) -> NDArray[np.float64]:
    """0 where a state may follow the one two before it, leaving out a blank, minus infinity elsewhere."""
    cost = np.full(len(states), -np.inf)
    follows = (states[2:] != blank) & (states[2:] != states[:-2])
    cost[2:][follows] = 0.0
    return cost


def _best_path(emitted: NDArray[np.float64], skip: NDArray[np.float64]) -> tuple[NDArray[np.int64], float]:
    """The state of each frame, never falling, and the path's score. *Shapes:* (frames, states), (states,)."""
    frames, count = emitted.shape
    if frames == 0:
        return np.zeros(0, dtype=np.int64), 0.0
    steps = np.zeros((frames, count), dtype=np.int8)  # how many states back the best way into each state began
    best = np.full(count, -np.inf)
    best[:2] = emitted[0, :2]
    ways = np.full((3, count), -np.inf)
    for frame in range(1, frames):
        ways[0] = best
        ways[1, 1:] = best[:-1]
        ways[2, 2:] = best[:-2] + skip[2:]
        steps[frame] = ways.argmax(axis=0)
        best = ways.max(axis=0) + emitted[frame]
    path = np.empty(frames, dtype=np.int64)
    state = count - 1 if count == 1 or best[-1] >= best[-2] else count - 2
    score = float(best[state])
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state -= int(steps[frame, state])
    return path, score
