"""The positional convolution by Fourier transforms, its weight norm folded.

A kernel of 128 frames costs 128 products a frame and channel; in blocks of 256 frames a transform there
and back with one product a frequency costs a tenth (overlap-save: Oppenheim & Schafer 1989, section 8.7.3).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from speechgraft.nn.packing.weights import is_packable, remembered
from speechgraft.nn.speech.positions import WeightNormConv

_LONG = 64
"""Kernels from this length on are transformed; shorter ones are faster as they are."""


def fast_positions(part: WeightNormConv) -> Callable[[Tensor], Tensor] | None:
    """The convolution of a folded weight, by Fourier transforms where its kernel is long."""
    if not is_packable(part.weight_v):
        return None
    if part.kernel_size[0] < _LONG:
        weight = remembered(part, lambda: part.weight().detach())
        return lambda x: part.convolve(x, weight)
    size = 1 << (2 * part.kernel_size[0] - 1).bit_length()
    spectrum = remembered(part, lambda: _spectrum(part.weight().detach(), part.groups, size))
    return lambda x: _by_transform(x, spectrum, part, size)


def _spectrum(weight: Tensor, groups: int, size: int) -> Tensor:
    """*Shapes:* (out, in / groups, kernel) to (frequencies, groups, in / groups, out / groups), complex."""
    out = weight.shape[0] // groups
    spectrum = weight.new_empty(size // 2 + 1, groups, weight.shape[1], out, dtype=torch.complex64)
    for index, kernels in enumerate(weight.split(out)):  # one after another, to need little memory meanwhile
        spectrum[:, index] = torch.fft.rfft(kernels.flip(-1), size).permute(2, 1, 0)
    return spectrum


def _by_transform(x: Tensor, spectrum: Tensor, part: WeightNormConv, size: int) -> Tensor:
    """*Shapes:* `x` (batch, channels, frames) to the same at every stride, one more for an even kernel."""
    kernel, groups = part.kernel_size[0], part.groups
    frames = x.shape[-1] + 2 * (kernel // 2) - kernel + 1
    step = size - kernel + 1
    blocks = -(-frames // step)
    left = kernel // 2
    padded = F.pad(x, (left, blocks * step + kernel - 1 - left - x.shape[-1]))
    windows = padded.unfold(-1, size, step)  # (batch, channels, blocks, size)
    transformed = torch.fft.rfft(windows)  # (batch, channels, blocks, frequencies)
    by_group = transformed.unflatten(1, (groups, -1)).permute(4, 1, 0, 3, 2).flatten(2, 3)
    product = by_group @ spectrum  # (frequencies, groups, batch * blocks, out / groups)
    back = torch.fft.irfft(product.permute(1, 3, 2, 0), size)[..., kernel - 1 :]  # (groups, out, batch * blocks, step)
    rows = back.flatten(0, 1).unflatten(1, (x.shape[0], blocks)).transpose(0, 1).flatten(2)
    return rows[..., : frames : part.stride] + part.bias[:, None]
