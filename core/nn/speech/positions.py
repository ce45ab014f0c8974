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
        return self.convolve(x, self.weight())

    def weight(self) -> Tensor:
        """The kernel that the two parameters make. *Shapes:* (size, size / groups, kernel)."""
        norm = torch.linalg.vector_norm(self.weight_v, dim=(0, 1), keepdim=True)  # (1, 1, kernel)
        return self.weight_g * self.weight_v / norm

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        """The convolution with a kernel that was made before."""
        padding = self.kernel_size[0] // 2
        return F.conv1d(x, weight, self.bias, stride=self.stride, padding=padding, groups=self.groups)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Normal with the variance of four over the fan-in of an ungrouped kernel; the bias zero."""
        size, _, kernel = self.weight_v.shape
        nn.init.normal_(self.weight_v, std=2 * math.sqrt(1 / (kernel * size)))
        self.weight_g.copy_(torch.linalg.vector_norm(self.weight_v, dim=(0, 1), keepdim=True))
        nn.init.zeros_(self.bias)


class FrameBatchNorm(nn.BatchNorm1d):
    """Each channel normalised over the frames of all utterances (Ioffe & Szegedy 2015).

    Args:
        size: Channels.
        exact: Whether padded frames are left out of the statistics and are zero afterwards, so that
            padding changes nothing; otherwise they are frames like any other, as published.
    """

    def __init__(self, size: int, *, exact: bool = True) -> None:
        super().__init__(size)
        self.exact = exact

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """*Shapes:* `x` (batch, size, frames); `mask` (batch, frames), bool."""
        if mask is None or not self.exact:
            return self._normalised(x)
        if not self.training:
            return torch.where(mask[:, None], self._normalised(x), 0.0)
        frames = x.transpose(1, 2)  # (batch, frames, size)
        normed = torch.zeros_like(frames)
        normed[mask] = self._normalised(frames[mask])
        return normed.transpose(1, 2)

    def _normalised(self, x: Tensor) -> Tensor:
        """*Shapes:* (batch, size, frames) or (frames, size) to the same."""
        if self.training and x.numel() > self.num_features:
            return super().forward(x)
        # Of a single frame there are no statistics to take, so those of earlier steps serve.
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


class ConvPositions(nn.Module):
    """What tells frames apart: a convolution over them, then an activation.

    Args:
        conv: Over (batch, size, frames), padded by half its kernel on both sides.
        activation: What follows it.
        norm: What comes before it, where the convolution has no weight norm.
    """

    def __init__(
        self, conv: WeightNormConv | nn.Conv1d, activation: Activation, norm: FrameBatchNorm | None = None
    ) -> None:
        super().__init__()
        self.conv = conv
        self.activation = activation
        self.norm = norm

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """Positions at every stride of the kernel.

        *Shapes:* `hidden` (batch, frames, size), zero where a frame is padding; `mask` (batch, frames), bool.
        """
        x = hidden.transpose(1, 2)
        x = self.conv(x if self.norm is None else self.norm(x, mask))
        if self.conv.kernel_size[0] % 2 == 0:  # an even kernel gives one frame more than went in
            x = x[..., :-1]
        return self.activation(x).transpose(1, 2)
