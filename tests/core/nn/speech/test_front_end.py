"""The convolutional front end: norms that padding does not reach."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from speechgraft.nn.speech.front_end import ChannelNorm, ConvFrontEnd, ConvLayer, TimeNorm


def normed_conv(*, bias=True):
    """A convolution of one channel and the norm behind it."""
    torch.manual_seed(0)
    conv, norm = nn.Conv1d(1, 3, 4, 2, bias=bias).double(), TimeNorm(3).double()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return ConvLayer(conv, norm, nn.Identity())


def one_after_the_other(layer, x):
    """The convolution, then the norm of what it gives."""
    norm = layer.norm
    return nn.functional.group_norm(layer.conv(x), norm.num_groups, norm.weight, norm.bias, norm.eps)


@settings(max_examples=30)
@given(lengths=st.lists(st.integers(6, 20), min_size=1, max_size=4), seed=st.integers(0, 10**6), bias=st.booleans())
def test_time_norm_over_valid_frames_is_group_norm_of_the_utterance_alone(lengths, seed, bias):
    layer = normed_conv(bias=bias)
    torch.manual_seed(seed)
    x = 3 + torch.randn(len(lengths), 1, max(lengths), dtype=torch.float64)
    frames = layer.shape.output_length(torch.tensor(lengths))
    normed = layer(x, frames)
    for row, (length, count) in enumerate(zip(lengths, frames.tolist(), strict=True)):
        expected = one_after_the_other(layer, x[row : row + 1, :, :length])
        torch.testing.assert_close(normed[row : row + 1, :, :count], expected, rtol=0, atol=1e-9)


def test_time_norm_counts_all_frames_where_no_lengths_are_given():
    layer, x = normed_conv(), torch.randn(2, 1, 17, dtype=torch.float64)
    torch.testing.assert_close(layer(x, None), one_after_the_other(layer, x), rtol=0, atol=1e-10)


def test_time_norm_has_the_gradients_of_convolution_and_norm():
    layer, x = normed_conv(), torch.randn(2, 1, 17, dtype=torch.float64)
    weight = torch.randn(2, 3, 7, dtype=torch.float64)
    found = torch.autograd.grad((layer(x, None) * weight).sum(), list(layer.parameters()))
    expected = torch.autograd.grad((one_after_the_other(layer, x) * weight).sum(), list(layer.parameters()))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


def test_time_norm_survives_an_empty_row_and_silence():
    layer = normed_conv()
    x = torch.zeros(2, 1, 12, dtype=torch.float64, requires_grad=True)
    out = layer(x, torch.tensor([0, 5]))
    out.sum().backward()
    assert out.isfinite().all()
    assert x.grad.isfinite().all()


def test_channel_norm_normalises_each_frame():
    norm, x = ChannelNorm(5).double(), torch.randn(2, 5, 4, dtype=torch.float64)
    torch.testing.assert_close(norm(x).mean(dim=1), torch.zeros(2, 4, dtype=torch.float64), rtol=0, atol=1e-12)


def front_end(*, exact):
    torch.manual_seed(0)
    first = ConvLayer(nn.Conv1d(1, 4, 4, 2, bias=False), TimeNorm(4), torch.tanh)
    return ConvFrontEnd([first, ConvLayer(nn.Conv1d(4, 3, 3, 2), None, torch.tanh)], exact=exact).double()


@settings(max_examples=20)
@given(length=st.integers(8, 30), padding=st.integers(0, 9))
def test_exact_front_end_gives_the_same_frames_whatever_follows(length, padding):
    stack = front_end(exact=True)
    wave = torch.randn(1, length + padding, dtype=torch.float64)
    alone, padded = stack(wave[:, :length]), stack(wave, torch.tensor([length]))
    assert stack.output_lengths(length) == alone.shape[1]
    torch.testing.assert_close(padded[:, : alone.shape[1]], alone, rtol=0, atol=1e-9)


def test_reference_front_end_counts_the_padded_row():
    stack = front_end(exact=False)
    wave = torch.randn(1, 40, dtype=torch.float64)
    assert torch.equal(stack(wave, torch.tensor([20])), stack(wave))


def test_input_length_is_the_least_for_so_many_frames():
    stack = front_end(exact=True)
    for frames in range(1, 6):
        least = stack.input_length(frames)
        assert stack.output_lengths(least) == frames
        assert stack.output_lengths(least - 1) == frames - 1
