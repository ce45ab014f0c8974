"""Relative positions by a convolution over time (Mohamed et al. 2019; Baevski et al. 2020, section 2)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechgraft.nn.activations import Activation


class WeightNormConv(nn.Module):
    """A wide grouped convolution over time, with weight norm over its kernel's places (Salimans & Kingma 2016).

    Args:
        size: Channels in and out.
        kernel: Frames the kernel spans; half of it is padded on both sides.
        groups: Groups of the convolution; divides `size`.
        stride: Frames from one place of the kernel to the next.
    """

    def __init__(self, size: int, kernel: int, groups: int, *, stride: int = 1) -> None:
        super().__init__()
        self.weight_g = nn.Parameter(torch.empty(1, 1, kernel))
        self.weight_v = nn.Parameter(torch.empty(size, size // groups, kernel))
        self.bias = nn.Parameter(torch.empty(size))
        self.kernel_size = (kernel,)
        self.groups = groups
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """*Shapes:* (batch, size, frames) to (batch, size, frames at every `stride`)."""
        norm = torch.linalg.vector_norm(self.weight_v, dim=(0, 1), keepdim=True)  # (1, 1, kernel)
        weight = self.weight_g * self.weight_v / norm
        padding = self.kernel_size[0] // 2
        return F.conv1d(x, weight, self.bias, stride=self.stride, padding=padding, groups=self.groups)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Normal with the variance of four over the fan-in of an ungrouped kernel; the bias zero."""
        size, _, kernel = self.weight_v.shape
        nn.init.normal_(self.weight_v, std=2 * math.sqrt(1 / (kernel * size)))
        self.weight_g.copy_(torch.linalg.vector_norm(self.weight_v, dim=(0, 1), keepdim=True))
        nn.init.zeros_(self.bias)


class ConvPositions(nn.Module):
    """What tells frames apart: a convolution over them, then an activation.

    Args:
        conv: Over (batch, size, frames), padded by half its kernel on both sides.
        activation: What follows it.
    """

    def __init__(self, conv: WeightNormConv | nn.Conv1d, activation: Activation) -> None:
        super().__init__()
        self.conv = conv
        self.activation = activation

    def forward(self, hidden: Tensor) -> Tensor:
        """*Shapes:* (batch, frames, size), zero where a frame is padding, to the same at every stride of the kernel."""
        x = self.conv(hidden.transpose(1, 2))
        if self.conv.kernel_size[0] % 2 == 0:  # an even kernel gives one frame more than went in
            x = x[..., :-1]
        return self.activation(x).transpose(1, 2)
