"""Squeeze and up-sample: what comes out, and that padding changes nothing where it must not."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.masks import length_mask
from speechgraft.nn.speech.init import init_speech
from speechgraft.nn.speech.positions import ConvPositions, WeightNormConv
from speechgraft.nn.speech.squeeze import Squeeze, Upsample

SIZE = 4


def pair(factor: int, *, kernel: int = 4, exact: bool = True) -> tuple[Squeeze, Upsample]:
    torch.manual_seed(0)
    positions = ConvPositions(WeightNormConv(SIZE, kernel, 2, stride=factor), ACTIVATIONS["gelu"])
    squeeze = Squeeze(positions, factor, exact=exact)
    upsample = Upsample(SIZE, factor, ACTIVATIONS["gelu"], exact=exact)
    for module in (*squeeze.modules(), *upsample.modules()):
        init_speech(module, std=0.5)
    return squeeze.double(), upsample.double()


def through(factor: int, kernel: int, exact: bool, hidden: Tensor, lengths: Tensor | None) -> Tensor:
    squeeze, upsample = pair(factor, kernel=kernel, exact=exact)
    return upsample(squeeze(hidden, lengths), hidden.shape[1])


@given(factor=st.integers(1, 5), kernel=st.integers(1, 6), lengths=st.lists(st.integers(5, 17), min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
def test_a_row_in_a_batch_equals_the_row_alone(factor: int, kernel: int, lengths: list[int]) -> None:
    hidden = torch.randn(len(lengths), max(lengths), SIZE, dtype=torch.float64)
    hidden = torch.where(length_mask(torch.tensor(lengths), max(lengths))[..., None], hidden, 0.0)
    together = through(factor, kernel, True, hidden, torch.tensor(lengths))
    assert together.shape == hidden.shape
    for row, length in enumerate(lengths):
        alone = through(factor, kernel, True, hidden[row : row + 1, :length], None)
        assert torch.allclose(together[row, :length], alone[0])
        assert not together[row, length // factor * factor :].any()


def test_a_squeezed_frame_is_the_mean_of_its_frames_where_positions_say_nothing() -> None:
    squeeze, _ = pair(3)
    squeeze.positions.conv.weight_g.data.zero_()
    hidden = torch.arange(8 * SIZE, dtype=torch.float64).reshape(1, 8, SIZE)
    expected = torch.stack([hidden[0, :3].mean(0), hidden[0, 3:6].mean(0)])
    assert torch.allclose(squeeze(hidden, None).hidden[0], expected)


@pytest.mark.parametrize(("exact", "expected"), [(True, [2, 1, 1]), (False, [2, 2, 1])])
def test_a_frame_of_padding_and_speech_counts_as_published_in_reference_mode_alone(
    exact: bool, expected: list[int]
) -> None:
    squeeze, _ = pair(2, exact=exact)
    squeezed = squeeze(torch.zeros(3, 5, SIZE, dtype=torch.float64), torch.tensor([5, 3, 2]))
    assert squeezed.lengths is not None and squeezed.lengths.tolist() == expected
    assert squeezed.mask is not None and squeezed.mask.sum(-1).tolist() == expected


def test_reference_mode_leaves_what_padding_became() -> None:
    hidden = torch.randn(1, 6, SIZE, dtype=torch.float64)
    hidden[:, 3:] = 0.0
    assert through(2, 3, False, hidden, torch.tensor([3]))[0, 3:].any()


class Round(nn.Module):
    """There and back."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze, self.upsample = pair(2)

    def forward(self, hidden: Tensor, lengths: Tensor) -> Tensor:
        return self.upsample(self.squeeze(hidden, lengths), hidden.shape[1])


def test_one_export_serves_odd_and_even_numbers_of_frames() -> None:
    module, auto = Round(), torch.export.Dim.AUTO
    example = (torch.randn(2, 9, SIZE, dtype=torch.float64), torch.tensor([9, 5]))
    exported = torch.export.export(module, example, dynamic_shapes=({0: auto, 1: auto}, {0: auto})).module()
    for frames in (7, 8):
        hidden, lengths = torch.randn(2, frames, SIZE, dtype=torch.float64), torch.tensor([frames, 5])
        assert torch.allclose(exported(hidden, lengths), module(hidden, lengths))
