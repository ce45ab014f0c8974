"""Which frames of an encoder a frame of memory is made of."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from speechgraft.contracts import Connector
from speechgraft.nn.projecting import LinearConnector
from speechgraft.nn.shortening import shortened_length
from speechgraft.times import frames_of_memory


class Lengths(Connector):
    """A connector of which only the lengths are asked."""

    def __init__(self, rule: Any) -> None:
        super().__init__()
        self.rule = rule

    def output_lengths(self, lengths: Tensor) -> Tensor:
        found: Tensor = self.rule(lengths)
        return found

    def forward(self, hidden: Tensor, frame_mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        raise NotImplementedError

    def init_weights(self, module: Any) -> None:
        raise NotImplementedError


@given(st.integers(1, 40), st.integers(1, 6))
def test_groups_of_frames(frames: int, stride: int) -> None:
    found = frames_of_memory(Lengths(lambda lengths: shortened_length(lengths, stride)), frames)
    expected = [list(range(frames))[begin : begin + stride] for begin in range(0, frames, stride)]
    assert found == [(group[0], group[-1]) for group in expected]


@pytest.mark.parametrize("frames", [1, 5])
def test_a_frame_each_where_nothing_is_shortened(frames: int) -> None:
    assert frames_of_memory(LinearConnector(4, 4), frames) == [(frame, frame) for frame in range(frames)]


def test_more_frames_than_there_were_stay_in_order_and_within() -> None:
    found = frames_of_memory(Lengths(lambda lengths: 2 * lengths), 3)
    assert found == [(0, 0), (0, 0), (1, 1), (1, 1), (2, 2), (2, 2)]


def test_frames_that_came_to_nothing_new_belong_to_the_last() -> None:
    found = frames_of_memory(Lengths(lambda lengths: torch.clamp(lengths // 3, min=1)), 8)
    assert found == [(0, 4), (5, 7)]
