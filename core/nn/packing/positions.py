"""The positional convolution by Fourier transforms, its weight norm folded.

A kernel of 128 frames costs 128 products a frame and channel; in blocks of 256 frames a transform there
and back with one product a frequency costs a tenth (overlap-save: Oppenheim & Schafer 1989, section 8.7.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

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
    size = _size(part)
    spectra = remembered(part, lambda: list(_spectra(part, size)))
    return lambda x: _by_transform(x, spectra, part, size)


def lean_positions(part: WeightNormConv) -> Callable[[Tensor], Tensor] | None:
    """As `fast_positions`, but a long kernel, whose transform is twice its size, is transformed each time."""
    if part.kernel_size[0] < _LONG or not is_packable(part.weight_v):
        return fast_positions(part)
    return lambda x: _by_transform(x, _spectra(part, _size(part)), part, _size(part))


def _size(part: WeightNormConv) -> int:
    """Frames of a block: a power of two, at least twice the kernel."""
    return 1 << (2 * part.kernel_size[0] - 1).bit_length()


def _spectra(part: WeightNormConv, size: int) -> Iterator[Tensor]:
    """Each group's kernels, transformed. *Shapes:* (frequencies, in / groups, out / groups), complex."""
    norm = torch.linalg.vector_norm(part.weight_v.detach(), dim=(0, 1))  # (kernel,)
    scale = part.weight_g.detach() / norm  # (1, 1, kernel)
    for kernels in part.weight_v.detach().chunk(part.groups):
        yield torch.fft.rfft((scale * kernels).flip(-1), size).permute(2, 1, 0).contiguous()


def _by_transform(x: Tensor, spectra: Iterable[Tensor], part: WeightNormConv, size: int) -> Tensor:
    """*Shapes:* `x` (batch, channels, frames) to the same at every stride, one more for an even kernel."""
    kernel, groups = part.kernel_size[0], part.groups
    frames = x.shape[-1] + 2 * (kernel // 2) - kernel + 1
    step = size - kernel + 1
    blocks = -(-frames // step)
    left = kernel // 2
    padded = F.pad(x, (left, blocks * step + kernel - 1 - left - x.shape[-1]))
    windows = padded.unfold(-1, size, step)  # (batch, channels, blocks, size)
    transformed = torch.fft.rfft(windows)  # (batch, channels, blocks, frequencies)
    by_group = transformed.unflatten(1, (groups, -1)).permute(1, 4, 0, 3, 2).flatten(2, 3)
    products = [group @ spectrum for group, spectrum in zip(by_group, spectra, strict=True)]
    back = torch.fft.irfft(torch.stack(products).permute(0, 3, 2, 1), size)[..., kernel - 1 :]
    rows = back.flatten(0, 1).unflatten(1, (x.shape[0], blocks)).transpose(0, 1).flatten(2)
    return rows[..., : frames : part.stride] + part.bias[:, None]
