"""From samples to feature frames: strided convolutions (Baevski et al. 2020, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

import torch
from torch import Tensor, nn

from speechgraft.nn.activations import Activation
from speechgraft.nn.masks import length_mask
from speechgraft.nn.speech.lengths import ConvShape, Length


class TimeNorm(nn.GroupNorm):
    """Each channel normalised over time, over the frames that belong to the utterance alone.

    A group norm with one channel a group, behind the convolution that reads the waveform. Given lengths,
    its statistics leave the padding out, so that an utterance gets the same features alone and in a batch.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)

    def fold(self, conv: nn.Conv1d, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """A convolution and this norm behind it as one: a kernel and a bias for each row of `x`.

        Mean and variance of a channel over time follow from those of the windows that its kernel sees, so
        that what is normalised need not be there.

        *Shapes:* `x` (batch, places), which a convolution of one channel reads; `lengths` (batch,), of its
        output's frames; to (batch, channels, kernel) and (batch, channels).
        """
        windows = x.unfold(1, conv.kernel_size[0], conv.stride[0])  # (batch, frames, kernel)
        windows = windows.to(torch.promote_types(x.dtype, torch.float32))
        count: Tensor | int = windows.shape[1]
        if lengths is not None:
            valid = length_mask(lengths, windows.shape[1])[..., None]
            windows = torch.where(valid, windows, 0.0)
            count = lengths.clamp(min=1)[:, None, None]
        mean = windows.sum(dim=1, keepdim=True) / count  # (batch, 1, kernel)
        centred = windows - mean if lengths is None else torch.where(valid, windows - mean, 0.0)
        covariance = centred.mT @ centred / count  # (batch, kernel, kernel)
        weight = conv.weight[:, 0].to(windows.dtype)  # (channels, kernel)
        variance = ((weight @ covariance) * weight).sum(dim=-1).clamp(min=0.0)  # (batch, channels)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        bias = self.bias - (mean @ weight.mT)[:, 0] * scale
        if conv.bias is not None:  # the mean that is taken off holds it too; it stays a part of the graph
            bias = bias + (conv.bias - conv.bias) * scale
        return (weight * scale[..., None]).to(x.dtype), bias.to(x.dtype)


class ChannelNorm(nn.LayerNorm):
    """Each frame normalised over its channels."""

    def forward(self, x: Tensor) -> Tensor:
        """*Shapes:* (batch, channels, frames) to the same."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class ConvLayer(nn.Module):
    """A strided convolution, a norm where one is handed in, an activation."""

    def __init__(self, conv: nn.Conv1d, norm: TimeNorm | ChannelNorm | None, activation: Activation) -> None:
        super().__init__()
        self.conv = conv
        self.norm = norm
        self.activation = activation
        self.shape = ConvShape(conv.kernel_size[0], conv.stride[0])

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """*Shapes:* `x` (batch, channels in, places); `lengths` (batch,), of the output's frames."""
        if isinstance(self.norm, TimeNorm):
            weight, bias = self.norm.fold(self.conv, x[:, 0], lengths)
            windows = x[:, 0].unfold(1, self.shape.kernel, self.shape.stride)  # (batch, frames, kernel)
            return self.activation(torch.baddbmm(bias[..., None], weight, windows.mT))
        x = self.conv(x)
        return self.activation(x if self.norm is None else self.norm(x))


class ConvFrontEnd(nn.Module):
    """Convolutions from a waveform to frames of features.

    Args:
        layers: The convolutions, first to last; the first takes one channel.
        exact: Whether lengths keep padding out of the norms; otherwise they do not look at them,
            as the published implementation does.
    """

    def __init__(self, layers: Sequence[ConvLayer], *, exact: bool = True) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.shapes = [layer.shape for layer in layers]
        self.exact = exact

    @classmethod
    def published(
        cls,
        channels: Sequence[int],
        kernels: Sequence[int],
        strides: Sequence[int],
        *,
        bias: bool,
        norm: Literal["group", "layer"],
        activation: Activation,
        exact: bool,
    ) -> Self:
        """The convolutions of wav2vec 2.0 and its kin, each given by channels, kernel and stride.

        Args:
            channels: Of each convolution's output.
            kernels: Of each convolution, in places of its input.
            strides: Of each convolution, in places of its input.
            bias: Whether the convolutions have one.
            norm: `"group"`: the first has a norm over time; `"layer"`: each has one over channels.
            activation: What follows each.
            exact: See the class.
        """
        layers = []
        for index, (size, kernel, stride) in enumerate(zip(channels, kernels, strides, strict=True)):
            conv = nn.Conv1d(channels[index - 1] if index else 1, size, kernel, stride, bias=bias)
            chosen: TimeNorm | ChannelNorm | None = None
            if norm == "layer":
                chosen = ChannelNorm(size)
            elif index == 0:
                chosen = TimeNorm(size)
            layers.append(ConvLayer(conv, chosen, activation))
        return cls(layers, exact=exact)

    def forward(self, waveform: Tensor, lengths: Tensor | None = None) -> Tensor:
        """*Shapes:* `waveform` (batch, samples), `lengths` (batch,) samples; to (batch, frames, channels)."""
        x = waveform[:, None]
        for layer, shape in zip(self.layers, self.shapes, strict=True):
            lengths = None if lengths is None else shape.output_length(lengths)
            x = layer(x, lengths if self.exact else None)
        return x.transpose(1, 2)

    def output_lengths(self, lengths: Length) -> Length:
        """Frames that come out of so many samples."""
        for shape in self.shapes:
            lengths = shape.output_length(lengths)
        return lengths

    def input_length(self, frames: int) -> int:
        """The fewest samples from which so many frames come out."""
        for shape in reversed(self.shapes):
            frames = shape.input_length(frames)
        return frames


class FeatureProjection(nn.Module):
    """Features normalised, then projected to the width of the transformer; either where it is handed in.

    Args:
        norm: Of the features, or `None`.
        linear: From their width to the transformer's, or `None` where the two are the same.
        dropout: Probability with which a projected feature is dropped in training.
    """

    def __init__(self, norm: nn.LayerNorm | None, linear: nn.Linear | None, *, dropout: float) -> None:
        super().__init__()
        self.norm = norm
        self.linear = linear
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """*Shapes:* (batch, frames, features) to (batch, frames, size) and the normalised features."""
        normed = features if self.norm is None else self.norm(features)
        return self.dropout(normed if self.linear is None else self.linear(normed)), normed
