"""Strided convolutions that shorten the frames, then a projection."""

from __future__ import annotations

from torch import Tensor, nn

from speechgraft.contracts import Connector
from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.init import init_conv, init_uniform
from speechgraft.nn.shortening import StridedConv, shortened_length
from speechgraft.plugins.connectors.config import ConvConfig


class ConvConnector(Connector):
    """One frame of memory for each `stride ** num_layers` of the encoder, rounded up.

    Args:
        config: Number and shape of the convolutions.
        input_size: Width of the frames.
        output_size: Width of the memory.
    """

    def __init__(self, config: ConvConfig, input_size: int, output_size: int) -> None:
        super().__init__()
        self.config = config
        self.input_size = input_size
        self.output_size = output_size
        size = config.hidden_size or output_size
        self.convs = nn.ModuleList(
            StridedConv(
                nn.Conv1d(size if layer else input_size, size, config.kernel_size, config.stride),
                ACTIVATIONS[config.hidden_act],
            )
            for layer in range(config.num_layers)
        )
        self.projection = nn.Linear(size, output_size)

    def output_lengths(self, lengths: Tensor) -> Tensor:
        """Frames of memory that come of so many frames. *Shapes:* (batch,) to (batch,)."""
        for _ in self.convs:
            lengths = shortened_length(lengths, self.config.stride)
        return lengths

    def forward(self, hidden: Tensor, frame_mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """*Shapes:* (batch, frames, input_size), (batch, frames) to (batch, fewer, output_size), (batch, fewer)."""
        for conv in self.convs:
            hidden, frame_mask = conv(hidden, frame_mask)
        return self.projection(hidden), frame_mask

    def init_weights(self, module: nn.Module) -> None:
        """First values that keep the variance."""
        if isinstance(module, nn.Conv1d):
            init_conv(module)
        elif isinstance(module, nn.Linear):
            init_uniform(module)
