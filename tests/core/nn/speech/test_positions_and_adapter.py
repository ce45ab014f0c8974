"""Convolutional positions and the convolutional adapter."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.speech.adapter import ConvAdapter
from speechgraft.nn.speech.positions import ConvPositions, WeightNormConv


@pytest.mark.parametrize("kernel", [1, 4, 5, 8])
def test_positions_are_a_weight_normed_convolution(kernel):
    torch.manual_seed(0)
    positions = ConvPositions(WeightNormConv(8, kernel, 2), ACTIVATIONS["gelu"]).double()
    positions.conv.reset_parameters()
    conv = nn.Conv1d(8, 8, kernel, padding=kernel // 2, groups=2).double()
    nn.utils.parametrizations.weight_norm(conv, dim=2)
    with torch.no_grad():
        conv.parametrizations.weight.original0.copy_(positions.conv.weight_g.uniform_(0.5, 2))
        conv.parametrizations.weight.original1.copy_(positions.conv.weight_v)
        conv.bias.copy_(positions.conv.bias.normal_())
    hidden = torch.randn(2, 11, 8, dtype=torch.float64)
    expected = nn.functional.gelu(conv(hidden.transpose(1, 2))[..., :11]).transpose(1, 2)
    torch.testing.assert_close(positions(hidden), expected, rtol=0, atol=1e-12)


@settings(max_examples=40)
@given(
    frames=st.integers(1, 12),
    padding=st.integers(0, 6),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    layers=st.integers(1, 3),
    width=st.sampled_from([6, 4]),
)
def test_adapter_gives_the_same_frames_whatever_follows(frames, padding, kernel, stride, layers, width):
    torch.manual_seed(0)
    adapter = ConvAdapter(6, width, layers=layers, kernel=kernel, stride=stride).double().eval()
    frames = max(frames, adapter.minimum_length)
    hidden = torch.randn(1, frames + padding, 6, dtype=torch.float64)
    alone, none = adapter(hidden[:, :frames], None)
    padded, lengths = adapter(hidden, torch.tensor([frames]))
    assert none is None
    assert lengths.tolist() == [alone.shape[1]] == [adapter.output_lengths(frames)]
    assert alone.shape[2] == width
    torch.testing.assert_close(padded[:, : alone.shape[1]], alone, rtol=0, atol=1e-12)


def test_adapter_keeps_its_length_where_its_layers_are_dropped():
    adapter = ConvAdapter(6, 6, layers=2, kernel=3, stride=2, layerdrop=1.0).train()
    hidden, lengths = adapter(torch.ones(2, 8, 6), torch.tensor([8, 5]))
    assert hidden.shape == (2, 8, 6)
    assert lengths.tolist() == [8, 5]
