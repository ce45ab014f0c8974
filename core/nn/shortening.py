"""Fewer frames out of many: every `stride` of them become one, and the last ones too where they are fewer."""

from __future__ import annotations

from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechgraft.nn.activations import Activation

Length = TypeVar("Length", int, Tensor)


def shortened_length(length: Length, stride: int) -> Length:
    """Groups of `stride` that so many frames fill, the last one perhaps in part.

    >>> [shortened_length(frames, 3) for frames in (1, 3, 4)]
    [1, 1, 2]
    """
    return (length + (stride - 1)) // stride


def shortened_mask(mask: Tensor, stride: int) -> Tensor:
    """True where any frame of a group counts. *Shapes:* (batch, frames) to (batch, groups), bool."""
    return filled_up(mask[..., None], stride)[..., 0].unflatten(1, (-1, stride)).any(dim=-1)


def filled_up(hidden: Tensor, stride: int) -> Tensor:
    """Zeros at the end of each row, up to whole groups. *Shapes:* (batch, frames, size) to (batch, more, size)."""
    return F.pad(hidden, (0, 0, 0, shortened_length(hidden.shape[1], stride) * stride - hidden.shape[1]))


def blanked(hidden: Tensor, mask: Tensor | None) -> Tensor:
    """Zeros in frames that do not count, whatever they hold. *Shapes:* (batch, frames, size), (batch, frames)."""
    return hidden if mask is None else torch.where(mask[..., None], hidden, 0.0)


class StridedConv(nn.Module):
    """A strided convolution over frames that gives one for each group of `stride`, then an activation.

    A group is seen with the frames around it that the kernel has room for, with zeros beyond both ends of a row and
    for frames that do not count. So the number of groups depends on the stride alone, and padding changes nothing.

    Args:
        conv: Without padding of its own, its kernel at least as long as its stride, which is the size of a group.
        activation: Applied to what it gives.
    """

    def __init__(self, conv: nn.Conv1d, activation: Activation) -> None:
        super().__init__()
        self.conv = conv
        self.activation = activation
        self.stride = conv.stride[0]
        room = conv.kernel_size[0] - self.stride
        self._around = (room // 2, room - room // 2)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """*Shapes:* (batch, frames, size), (batch, frames) to (batch, groups, channels), (batch, groups)."""
        x = filled_up(blanked(hidden, mask), self.stride).transpose(1, 2)  # (batch, size, groups * stride)
        mask = None if mask is None else shortened_mask(mask, self.stride)
        return self.activation(self.conv(F.pad(x, self._around))).transpose(1, 2), mask
