"""The convolutions over a waveform as products of packed matrices, a stretch of time after another.

A convolution of kernel k and stride s over frames that lie one behind another in memory, (frames, channels),
is a sum of matrix products, of which none copies its input: s neighbouring frames are one row of s * channels
numbers. The stretches are so short that what lies between two layers stays in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechgraft.nn.packing.weights import StandIn, is_packable, multiply, multiply_add, pack, remembered
from speechgraft.nn.speech.front_end import ChannelNorm, ConvFrontEnd, TimeNorm

_STRETCH = 64
"""Frames of the output that are computed at a time: of 20 ms each, a good second."""


class _Taps(NamedTuple):
    """Neighbouring taps of a kernel: the first, how many, and their packed weights (out, taps * channels)."""

    first: int
    taps: int
    weight: Tensor


class _Layer(NamedTuple):
    """A convolution, the norm over channels behind it where there is one, and a GELU."""

    kernel: list[_Taps]
    bias: Tensor | None
    size: int
    stride: int
    norm: ChannelNorm | None

    def run(self, x: Tensor) -> Tensor:
        """*Shapes:* (places, channels), contiguous, to (frames, out)."""
        fused = self.norm is None and len(self.kernel) == 1
        first, *others = self.kernel
        y = multiply(self._rows(x, first), first.weight, self.bias, F.gelu if fused else None)
        for taps in others:
            y = multiply_add(self._rows(x, taps), taps.weight, y)
        if self.norm is not None:
            y = F.layer_norm(y, y.shape[-1:], self.norm.weight, self.norm.bias, self.norm.eps)
        return y if fused else _gelu_in_place(y)

    def _rows(self, x: Tensor, taps: _Taps) -> Tensor:
        """What some taps see for each frame, without a copy. *Shapes:* to (frames, taps * channels)."""
        places, channels = x.shape
        frames = (places - self.size) // self.stride + 1
        offset = x.storage_offset() + taps.first * channels
        return x.as_strided((frames, taps.taps * channels), (self.stride * channels, 1), offset)


def fast_front_end(part: ConvFrontEnd) -> Callable[..., Tensor] | None:
    """The whole front end, where its weights can be packed and its activations are GELU."""
    layers: list[Any] = list(part.layers)
    fits = (is_packable(layer.conv.weight) and layer.activation is F.gelu for layer in layers)
    if not all(fits) or any(isinstance(layer.norm, TimeNorm) for layer in layers[1:]):
        return None
    chain = _chain(part)
    first, ratio = layers[0], prod(shape.stride for shape in part.shapes)

    def forward(waveform: Tensor, lengths: Tensor | None = None) -> Tensor:
        known = lengths if part.exact else None
        whole = part.output_lengths(waveform.shape[1])
        counts = [whole] * len(waveform) if known is None else part.output_lengths(known).tolist()
        starts = [chain[0]] * len(waveform)
        if isinstance(first.norm, TimeNorm):
            frames = None if known is None else first.shape.output_length(known)
            kernels, biases = first.norm.fold(first.conv, waveform, frames)  # (batch, out, kernel), (batch, out)
            starts = [_folded(chain[0], *row) for row in zip(kernels, biases, strict=True)]
        out = waveform.new_zeros(len(waveform), whole, layers[-1].conv.out_channels)
        for row, (samples, start, count) in enumerate(zip(waveform, starts, counts, strict=True)):
            for begin in range(0, count, _STRETCH):
                end = min(begin + _STRETCH, count)
                stretch = samples[begin * ratio :][: part.input_length(end - begin)]
                out[row, begin:end] = _run([start, *chain[1:]], stretch[:, None].contiguous())
        return out

    return forward


def front_end_stand_ins(part: ConvFrontEnd) -> list[StandIn]:
    """The packed taps, for the kernels of all layers but the first: that is small, and a norm may be folded into it."""
    convs: list[nn.Conv1d] = [layer.conv for layer in list[Any](part.layers)[1:]]
    pairs = zip(convs, _chain(part)[1:], strict=True)
    return [StandIn(conv, partial(_dense, packed, conv.in_channels)) for conv, packed in pairs]


def _chain(part: ConvFrontEnd) -> list[_Layer]:
    layers: list[Any] = list(part.layers)
    return remembered(part, lambda: [_layer(layer.conv, layer.norm) for layer in layers])


def _dense(layer: _Layer, channels: int) -> Tensor:
    """The kernel that `_layer` packed. *Shapes:* (out, channels, kernel)."""
    taps = [taps.weight.to_dense().unflatten(1, (-1, channels)) for taps in layer.kernel]  # (out, taps, channels)
    return torch.cat(taps, dim=1).transpose(1, 2).contiguous()


def _layer(conv: nn.Conv1d, norm: TimeNorm | ChannelNorm | None) -> _Layer:
    """The taps in groups of as many as the stride, the last group smaller."""
    size, stride = conv.kernel_size[0], conv.stride[0]
    weight = conv.weight.detach().transpose(1, 2)  # (out, taps, channels)
    # One channel leaves rows too narrow to be worth a product each; its windows are copied instead.
    step = size if conv.in_channels == 1 else stride
    groups = [(first, min(step, size - first)) for first in range(0, size, step)]
    kernel = [_Taps(first, taps, pack(weight[:, first : first + taps].flatten(1))) for first, taps in groups]
    return _Layer(kernel, conv.bias, size, stride, norm if isinstance(norm, ChannelNorm) else None)


def _folded(layer: _Layer, kernel: Tensor, bias: Tensor) -> _Layer:
    """The first layer with the norm over time of one utterance in it."""
    return layer._replace(kernel=[_Taps(0, layer.size, pack(kernel))], bias=bias)


def _run(chain: Sequence[_Layer], x: Tensor) -> Tensor:
    """*Shapes:* (samples, 1) to (frames, channels)."""
    for layer in chain:
        x = layer.run(x)
    return x


def _gelu_in_place(x: Tensor) -> Tensor:
    return torch.ops.aten.gelu_(x)
