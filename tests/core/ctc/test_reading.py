"""Greedy reading: the best token of each frame, with the frames that it takes."""

from __future__ import annotations

from itertools import groupby

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.ctc import Reading, greedy


def peaked(paths: list[list[int]], size: int) -> torch.Tensor:
    """Log-probabilities whose best path is known; each best token has a probability of 0.9."""
    probs = torch.full((len(paths), len(paths[0]), size), 0.1 / (size - 1), dtype=torch.float64)
    return probs.scatter_(2, torch.tensor(paths)[..., None], 0.9).log()


def test_tokens_come_with_their_frames_and_score() -> None:
    [reading] = greedy(peaked([[0, 2, 2, 0, 2, 1, 1, 1, 0, 0]], 3), blank=0)
    assert reading.tokens == (2, 2, 1)
    assert reading.spans == ((1, 3), (4, 5), (5, 8))
    assert reading.score == reading.total == pytest.approx(10 * torch.tensor(0.9).log().item(), abs=1e-6)


def test_any_token_can_be_the_blank() -> None:
    [reading] = greedy(peaked([[0, 2, 2, 0]], 3), blank=2)
    assert (reading.tokens, reading.spans) == ((0, 0), ((0, 1), (3, 4)))


def test_nothing_is_read_from_no_frame() -> None:
    assert greedy(torch.zeros(2, 3, 4), [0, 0], blank=0) == [Reading((), (), 0.0)] * 2


@settings(max_examples=100)
@given(data=st.data(), rows=st.integers(1, 3), frames=st.integers(1, 12), size=st.integers(2, 4))
def test_spans_spell_the_best_path(data: st.DataObject, rows: int, frames: int, size: int) -> None:
    token = st.integers(0, size - 1)
    paths = data.draw(st.lists(st.lists(token, min_size=frames, max_size=frames), min_size=rows, max_size=rows))
    lengths = data.draw(st.lists(st.integers(0, frames), min_size=rows, max_size=rows))
    blank = data.draw(token)
    readings = greedy(peaked(paths, size), torch.tensor(lengths), blank=blank)
    for path, length, reading in zip(paths, lengths, readings, strict=True):
        spelt = [blank] * length
        for number, (first, end) in zip(reading.tokens, reading.spans, strict=True):
            spelt[first:end] = [number] * (end - first)
        assert spelt == path[:length]
        assert reading.tokens == tuple(number for number, _ in groupby(path[:length]) if number != blank)
        assert reading.score == pytest.approx(length * torch.tensor(0.9, dtype=torch.float64).log().item())
