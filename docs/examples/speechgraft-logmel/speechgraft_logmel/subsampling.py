"""Fewer and wider frames, by strided convolutions that padding does not reach."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from speechgraft.nn.activations import Activation
from speechgraft.nn.masks import length_mask
from speechgraft.nn.speech.lengths import ConvShape, Length
from torch import Tensor, nn


class Subsampling(nn.Module):
    """Strided convolutions over time, each with an activation behind it.

    What lies behind a row's end is zero before each convolution, as it is before the row's beginning: a row gives the
    same frames alone and padded in a batch.

    Args:
        bins: Width of the frames that go in.
        size: Width of the frames that come out.
        shapes: Kernel and stride of each convolution; half of the kernel is padded on both sides.
        activation: Behind each.
    """

    def __init__(self, bins: int, size: int, shapes: Iterable[tuple[int, int]], activation: Activation) -> None:
        super().__init__()
        self.shapes = [ConvShape(kernel, stride, padding=kernel // 2) for kernel, stride in shapes]
        widths = [bins] + [size] * (len(self.shapes) - 1)
        self.convs = nn.ModuleList(
            nn.Conv1d(width, size, *shape) for width, shape in zip(widths, self.shapes, strict=True)
        )
        self.activation = activation

    def forward(self, features: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """*Shapes:* (batch, frames, bins) and (batch,) frames to (batch, fewer, size), zero behind, and (batch,)."""
        x = _cleared(features.transpose(1, 2), lengths)  # (batch, bins, frames)
        for conv, shape in zip(self.convs, self.shapes, strict=True):
            lengths = None if lengths is None else shape.output_length(lengths)
            x = _cleared(self.activation(conv(x)), lengths)
        return x.transpose(1, 2), lengths

    def output_lengths(self, lengths: Length) -> Length:
        """Frames that come out of so many frames."""
        for shape in self.shapes:
            lengths = shape.output_length(lengths)
        return lengths

    def input_length(self, frames: int) -> int:
        """The fewest frames from which so many come out."""
        for shape in reversed(self.shapes):
            frames = shape.input_length(frames)
        return frames


def _cleared(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Zero behind each row's end. *Shapes:* `x` (batch, channels, frames), `lengths` (batch,)."""
    return x if lengths is None else torch.where(length_mask(lengths, x.shape[-1])[:, None], x, 0.0)
