"""The connector of published checkpoints: a linear layer where widths differ, nothing where they agree."""

from __future__ import annotations

from torch import Tensor, nn

from speechgraft.contracts import Connector
from speechgraft.nn.init import init_common


class LinearConnector(Connector):
    """Each frame by itself, projected to the width of the memory; as it is where it has that width.

    Args:
        input_size: Width of the frames.
        output_size: Width of the memory.
        std: Deviation with which the weight begins; the bias begins as zero.
    """

    def __init__(self, input_size: int, output_size: int, *, std: float = 0.02) -> None:
        super().__init__()
        self.config = None
        self.input_size = input_size
        self.output_size = output_size
        self.projection = None if input_size == output_size else nn.Linear(input_size, output_size)
        self._std = std

    def output_lengths(self, lengths: Tensor) -> Tensor:
        """As many as go in. *Shapes:* (batch,) to (batch,)."""
        return lengths

    def forward(self, hidden: Tensor, frame_mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """*Shapes:* (batch, frames, input_size) to (batch, frames, output_size), and the mask as it is."""
        return hidden if self.projection is None else self.projection(hidden), frame_mask

    def init_weights(self, module: nn.Module) -> None:
        """Normal weights and a zero bias, as the linear layers of a decoder begin."""
        init_common(module, std=self._std)
