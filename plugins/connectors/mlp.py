"""A norm and a perceptron with one hidden layer on each frame."""

from __future__ import annotations

from torch import Tensor, nn

from speechgraft.contracts import Connector
from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.init import init_common, init_uniform
from speechgraft.plugins.connectors.config import MLPConfig


class MLPConnector(Connector):
    """As many frames of memory as of the encoder, each made of one.

    Args:
        config: Width and activation of the hidden layer, and the norm before it.
        input_size: Width of the frames.
        output_size: Width of the memory.
    """

    def __init__(self, config: MLPConfig, input_size: int, output_size: int) -> None:
        super().__init__()
        size = config.hidden_size or output_size
        self.config = config
        self.input_size = input_size
        self.output_size = output_size
        self.norm = nn.LayerNorm(input_size, eps=config.layer_norm_eps) if config.norm == "layer" else None
        self.inner = nn.Linear(input_size, size)
        self.activation = ACTIVATIONS[config.hidden_act]
        self.outer = nn.Linear(size, output_size)

    def output_lengths(self, lengths: Tensor) -> Tensor:
        """As many as go in. *Shapes:* (batch,) to (batch,)."""
        return lengths

    def forward(self, hidden: Tensor, frame_mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """*Shapes:* (batch, frames, input_size) to (batch, frames, output_size), and the mask as it is."""
        x = hidden if self.norm is None else self.norm(hidden)
        return self.outer(self.activation(self.inner(x))), frame_mask

    def init_weights(self, module: nn.Module) -> None:
        """First values that keep the variance; the norm begins as the identity."""
        if isinstance(module, nn.Linear):
            init_uniform(module)
        else:
            init_common(module, std=0.0)
