"""Fewer frames through the transformer and all of them back: squeeze and up-sample (Wu et al. 2022, section 4.3)."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechgraft.nn.activations import Activation
from speechgraft.nn.masks import length_mask
from speechgraft.nn.speech.positions import ConvPositions


class Squeezed(NamedTuple):
    """Frames at the lower rate.

    *Shapes:* `hidden` (batch, squeezed frames, size); `lengths` (batch,), and `mask` (batch, squeezed
    frames), bool, or `None` where every frame counts.
    """

    hidden: Tensor
    lengths: Tensor | None
    mask: Tensor | None


class Squeeze(nn.Module):
    """The mean of every few frames, with positions added by a convolution of the same stride.

    Args:
        positions: What tells frames apart, over a convolution whose stride is `factor`.
        factor: Frames that become one; those that are left over at the end are dropped.
        exact: Whether a row keeps the frames alone that are made of its own frames, as it does by
            itself; otherwise a frame counts as soon as one of its own is in it, as published.
    """

    def __init__(self, positions: ConvPositions, factor: int, *, exact: bool = True) -> None:
        super().__init__()
        self.positions = positions
        self.factor = factor
        self.exact = exact

    def forward(self, hidden: Tensor, lengths: Tensor | None) -> Squeezed:
        """*Shapes:* `hidden` (batch, frames, size), zero where a frame is padding; `lengths` (batch,), frames."""
        pooled = F.avg_pool1d(hidden.transpose(1, 2), self.factor).transpose(1, 2)  # (batch, count, size)
        count = pooled.shape[1]
        squeezed = pooled + self.positions(hidden)[:, :count]
        if lengths is None:
            return Squeezed(squeezed, None, None)
        lengths = self.output_lengths(lengths).clamp(max=count)
        return Squeezed(squeezed, lengths, length_mask(lengths, count))

    def output_lengths(self, lengths: Tensor) -> Tensor:
        """Squeezed frames that count of so many frames. *Shapes:* (batch,) to (batch,)."""
        return (lengths if self.exact else lengths + self.factor - 1) // self.factor


class Upsample(nn.Module):
    """A linear layer that makes several frames of each, and zeros for the frames that a squeeze dropped.

    Args:
        size: Width of the frames, which stays.
        factor: Frames that come out of each.
        activation: What follows the linear layer.
        exact: Whether what lies behind the up-sampled frames of a row is zero, as it is by itself;
            otherwise behind those of the batch alone, as published.
    """

    def __init__(self, size: int, factor: int, activation: Activation, *, exact: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(size, size * factor)
        self.factor = factor
        self.activation = activation
        self.exact = exact

    def forward(self, squeezed: Squeezed, frames: int) -> Tensor:
        """*Shapes:* frames that were squeezed, to (batch, frames, size)."""
        x = self.activation(self.linear(squeezed.hidden))  # (batch, squeezed frames, factor * size)
        x = x.unflatten(2, (self.factor, -1)).flatten(1, 2)  # (batch, squeezed frames * factor, size)
        x = F.pad(x, (0, 0, 0, frames - x.shape[1]))
        if squeezed.lengths is None or not self.exact:
            return x
        return torch.where(length_mask(squeezed.lengths * self.factor, frames)[..., None], x, 0.0)
