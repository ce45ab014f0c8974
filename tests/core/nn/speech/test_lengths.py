"""How long a convolution's output is, forwards and backwards."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from speechgraft.nn.speech.lengths import ConvShape

SHAPES = st.builds(ConvShape, kernel=st.integers(1, 6), stride=st.integers(1, 4), padding=st.integers(0, 2))


@settings(max_examples=60)
@given(shape=SHAPES, length=st.integers(1, 40))
def test_output_length_is_that_of_the_convolution(shape, length):
    conv = nn.Conv1d(1, 1, shape.kernel, shape.stride, shape.padding)
    promised = shape.output_length(length)
    if length + 2 * shape.padding >= shape.kernel:
        assert conv(torch.zeros(1, 1, length)).shape[-1] == promised
    else:
        assert promised == 0
    assert shape.output_length(torch.tensor([length])).tolist() == [promised]


@given(shape=SHAPES, frames=st.integers(1, 20))
def test_input_length_is_the_least_that_suffices(shape, frames):
    least = shape.input_length(frames)
    assert shape.output_length(least) >= frames
    assert least == 1 or shape.output_length(least - 1) < frames
