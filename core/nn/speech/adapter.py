"""A convolutional adapter that shortens the frames behind an encoder (Li et al. 2021)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechgraft.nn.masks import length_mask
from speechgraft.nn.speech.lengths import ConvShape, Length
from speechgraft.nn.stack import skip


class ConvAdapter(nn.Module):
    """Strided convolutions with gated linear units, behind a projection where the width changes.

    Args:
        size: Width of the frames that go in.
        output_size: Width of the frames that come out.
        layers: Number of convolutions.
        kernel: Kernel of each, in frames.
        stride: Stride of each, in frames.
        layerdrop: Probability with which a convolution is left out in training.
        exact: Whether padded frames are zeroed before each convolution, so that they change nothing.
    """

    def __init__(
        self,
        size: int,
        output_size: int,
        *,
        layers: int,
        kernel: int,
        stride: int,
        layerdrop: float = 0.0,
        exact: bool = True,
    ) -> None:
        super().__init__()
        projected = output_size != size
        self.projection = nn.Linear(size, output_size) if projected else None
        self.norm = nn.LayerNorm(output_size) if projected else None
        self.shape = ConvShape(kernel, stride, padding=1)
        self.convs = nn.ModuleList(
            nn.Conv1d(output_size, 2 * output_size, kernel, stride=stride, padding=self.shape.padding)
            for _ in range(layers)
        )
        self.layerdrop = layerdrop
        self.exact = exact

    def forward(self, hidden: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """*Shapes:* (batch, frames, size) and (batch,) frames to (batch, fewer, output_size) and (batch,)."""
        if self.projection is not None and self.norm is not None:
            hidden = self.norm(self.projection(hidden))
        x = hidden.transpose(1, 2)  # (batch, output_size, frames)
        for conv in self.convs:
            if self.training and self.layerdrop > 0.0 and torch.rand([]) <= self.layerdrop:
                x = skip(conv, x)
                continue
            if lengths is not None and self.exact:
                x = torch.where(length_mask(lengths, x.shape[-1])[:, None], x, 0.0)
            x = F.glu(conv(x), dim=1)
            lengths = None if lengths is None else self.shape.output_length(lengths)
        return x.transpose(1, 2), lengths

    def output_lengths(self, lengths: Length) -> Length:
        """Frames that come out of so many frames."""
        for _ in self.convs:
            lengths = self.shape.output_length(lengths)
        return lengths

    @property
    def minimum_length(self) -> int:
        """Frames from which one frame comes out."""
        frames = 1
        for _ in self.convs:
            frames = self.shape.input_length(frames)
        return frames
