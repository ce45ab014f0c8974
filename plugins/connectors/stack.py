"""Frames side by side as one, then a projection."""

from __future__ import annotations

from torch import Tensor, nn

from speechgraft.contracts import Connector
from speechgraft.nn.init import init_uniform
from speechgraft.nn.shortening import blanked, filled_up, shortened_length, shortened_mask
from speechgraft.plugins.connectors.config import StackConfig


class StackConnector(Connector):
    """One frame of memory for each `num_frames` of the encoder, rounded up.

    Args:
        config: How many frames are made one.
        input_size: Width of the frames.
        output_size: Width of the memory.
    """

    def __init__(self, config: StackConfig, input_size: int, output_size: int) -> None:
        super().__init__()
        self.config = config
        self.input_size = input_size
        self.output_size = output_size
        self.projection = nn.Linear(input_size * config.num_frames, output_size)

    def output_lengths(self, lengths: Tensor) -> Tensor:
        """Frames of memory that come of so many frames. *Shapes:* (batch,) to (batch,)."""
        return shortened_length(lengths, self.config.num_frames)

    def forward(self, hidden: Tensor, frame_mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """*Shapes:* (batch, frames, input_size), (batch, frames) to (batch, fewer, output_size), (batch, fewer)."""
        count = self.config.num_frames
        frames = filled_up(blanked(hidden, frame_mask), count)  # (batch, fewer * count, input_size)
        memory = self.projection(frames.unflatten(1, (-1, count)).flatten(2))
        return memory, None if frame_mask is None else shortened_mask(frame_mask, count)

    def init_weights(self, module: nn.Module) -> None:
        """First values that keep the variance."""
        if module is self.projection:
            init_uniform(self.projection)
