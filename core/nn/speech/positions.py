"""Relative positions by a convolution over time (Mohamed et al. 2019; Baevski et al. 2020, section 2)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechgraft.nn.activations import Activation


class ConvPositions(nn.Module):
    """A wide grouped convolution with weight norm over its kernel's places (Salimans & Kingma 2016).

    Args:
        size: Width of the sequence.
        kernel: Frames the kernel spans.
        groups: Groups of the convolution; divides `size`.
        activation: What follows it.
    """

    def __init__(self, size: int, kernel: int, groups: int, activation: Activation) -> None:
        super().__init__()
        self.weight_g = nn.Parameter(torch.empty(1, 1, kernel))
        self.weight_v = nn.Parameter(torch.empty(size, size // groups, kernel))
        self.bias = nn.Parameter(torch.empty(size))
        self.groups = groups
        self.activation = activation

    def forward(self, hidden: Tensor) -> Tensor:
        """*Shapes:* (batch, frames, size) to the same."""
        kernel = self.weight_g.shape[-1]
        x = F.conv1d(hidden.transpose(1, 2), self._weight(), self.bias, padding=kernel // 2, groups=self.groups)
        if kernel % 2 == 0:  # an even kernel gives one frame more than went in
            x = x[..., :-1]
        return self.activation(x).transpose(1, 2)

    def _weight(self) -> Tensor:
        return self.weight_g * self.weight_v / torch.linalg.vector_norm(self.weight_v, dim=(0, 1), keepdim=True)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Normal with the variance of four over the fan-in of an ungrouped kernel; the bias zero."""
        size, _, kernel = self.weight_v.shape
        nn.init.normal_(self.weight_v, std=2 * math.sqrt(1 / (kernel * size)))
        self.weight_g.copy_(torch.linalg.vector_norm(self.weight_v, dim=(0, 1), keepdim=True))
        nn.init.zeros_(self.bias)
