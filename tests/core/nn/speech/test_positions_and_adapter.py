"""Convolutional positions and the convolutional adapter."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.masks import length_mask
from speechgraft.nn.speech.adapter import ConvAdapter
from speechgraft.nn.speech.positions import ConvPositions, FrameBatchNorm, WeightNormConv


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


def batch_norm(*, exact):
    torch.manual_seed(1)
    norm = FrameBatchNorm(4, exact=exact).double()
    for parameter in norm.parameters():
        torch.nn.init.normal_(parameter)
    torch.nn.init.uniform_(norm.running_var, 0.5, 2)
    return norm


@settings(max_examples=30)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=3), training=st.booleans())
def test_batch_norm_counts_frames_of_speech_alone(lengths, training):
    norm, plain = batch_norm(exact=True).train(training), nn.BatchNorm1d(4).double().train(training)
    plain.load_state_dict(norm.state_dict())
    if sum(lengths) == 1:
        plain.eval()  # which has nothing to measure
    x = torch.randn(len(lengths), 4, max(lengths), dtype=torch.float64)
    mask = length_mask(torch.tensor(lengths), max(lengths))
    expected = torch.zeros_like(x).transpose(1, 2)
    expected[mask] = plain(x.transpose(1, 2)[mask])
    torch.testing.assert_close(norm(x, mask), expected.transpose(1, 2), rtol=0, atol=1e-12)
    torch.testing.assert_close(norm.state_dict(), plain.state_dict(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("training", [False, True])
def test_batch_norm_counts_every_frame_in_reference_mode(training):
    norm, plain = batch_norm(exact=False).train(training), nn.BatchNorm1d(4).double().train(training)
    plain.load_state_dict(norm.state_dict())
    x = torch.randn(2, 4, 5, dtype=torch.float64)
    mask = length_mask(torch.tensor([5, 2]), 5)
    torch.testing.assert_close(norm(x, mask), plain(x), rtol=0, atol=1e-12)
    torch.testing.assert_close(norm.state_dict(), plain.state_dict(), rtol=0, atol=1e-12)
