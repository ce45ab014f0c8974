"""Alignment of known tokens: the best of all paths that spell them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from brute_force import collapsed, paths, scores
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.ctc import align, greedy
from speechgraft.errors import InputError


@settings(max_examples=100)
@given(log_probs=scores(max_frames=6), data=st.data())
def test_the_best_path_that_spells_the_tokens_is_found(log_probs: torch.Tensor, data: st.DataObject) -> None:
    blank = data.draw(st.integers(0, log_probs.shape[1] - 1))
    every = paths(log_probs)
    tokens = data.draw(st.sampled_from(sorted({collapsed(path, blank) for path, _ in every})))
    [reading] = align(log_probs[None], [tokens], blank=blank)
    best, expected = max((each for each in every if collapsed(each[0], blank) == tokens), key=lambda each: each[1])
    assert reading.score == pytest.approx(expected, abs=1e-12)
    found = [blank] * len(log_probs)
    for token, (first, end) in zip(tokens, reading.spans, strict=True):
        found[first:end] = [token] * (end - first)
    assert tuple(found) == best


@settings(max_examples=50)
@given(log_probs=scores(max_frames=9, max_size=4))
def test_what_greedy_reads_is_where_greedy_reads_it(log_probs: torch.Tensor) -> None:
    [read] = greedy(log_probs[None], blank=0)
    [aligned] = align(log_probs[None], [read.tokens], blank=0)
    assert (aligned.tokens, aligned.spans) == (read.tokens, read.spans)
    assert aligned.score == pytest.approx(read.score, abs=1e-12)


def test_rows_end_where_their_lengths_say() -> None:
    logits = torch.zeros(2, 4, 3)
    logits[0, 3, 1] = 9.0
    short, long = align(logits, [[1], [1]], torch.tensor([2, 4]), blank=0)
    assert short.spans[0][1] <= 2
    assert short.score == pytest.approx(2 * torch.tensor(1 / 3).log().item())
    assert align(logits, [[], [1]], [0, 4], blank=0)[0].score == 0.0
    assert long.tokens == (1,)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([[1, 2, 2]], "row 0: 3 tokens need 4 frames, but there are 3"),
        ([[1], [1]], "tokens for 2 rows, but there are logits for 1"),
        ([[1, 0]], "row 0, token 1 is 0, expected one of 0 to 2 but blank 0"),
        ([[3]], "row 0, token 0 is 3, expected one of 0 to 2"),
        ([[-1]], "row 0, token 0 is -1"),
    ],
)
def test_tokens_that_cannot_be_aligned_are_refused(tokens: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        align(torch.zeros(1, 3, 3), tokens, blank=0)
