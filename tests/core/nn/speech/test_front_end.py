"""The convolutional front end: norms that padding does not reach."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from speechgraft.nn.speech.front_end import ChannelNorm, ConvFrontEnd, ConvLayer, TimeNorm


def time_norm(channels=3):
    torch.manual_seed(0)
    norm = TimeNorm(channels).double()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm


@settings(max_examples=30)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4), seed=st.integers(0, 10**6))
def test_time_norm_over_valid_frames_is_group_norm_of_the_utterance_alone(lengths, seed):
    torch.manual_seed(seed)
    norm, x = time_norm(), 3 + torch.randn(len(lengths), 3, max(lengths), dtype=torch.float64)
    normed = norm(x, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        alone = x[row : row + 1, :, :length]
        expected = torch.group_norm(alone, 3, norm.weight, norm.bias, norm.eps)
        torch.testing.assert_close(normed[row : row + 1, :, :length], expected, rtol=0, atol=1e-9)
        torch.testing.assert_close(norm(alone), expected, rtol=0, atol=1e-12)


def test_time_norm_is_a_group_norm_where_no_lengths_are_given():
    norm, x = time_norm(), torch.randn(2, 3, 7, dtype=torch.float64)
    assert torch.equal(norm(x), nn.functional.group_norm(x, 3, norm.weight, norm.bias, norm.eps))


def test_time_norm_survives_an_empty_row_and_silence():
    norm = time_norm()
    x = torch.zeros(2, 3, 4, dtype=torch.float64, requires_grad=True)
    out = norm(x, torch.tensor([0, 4]))
    out.sum().backward()
    assert out.isfinite().all()
    assert x.grad.isfinite().all()


def test_channel_norm_normalises_each_frame():
    norm, x = ChannelNorm(5).double(), torch.randn(2, 5, 4, dtype=torch.float64)
    torch.testing.assert_close(norm(x).mean(dim=1), torch.zeros(2, 4, dtype=torch.float64), rtol=0, atol=1e-12)
    assert torch.equal(norm(x), norm(x, torch.tensor([1, 2])))


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
