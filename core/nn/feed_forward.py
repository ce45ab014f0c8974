"""The position-wise feed-forward network (Vaswani et al. 2017, section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speechgraft.nn.activations import Activation


class FeedForward(nn.Module):
    """Two linear layers with an activation between them.

    Args:
        size: Width in and out.
        inner_size: Width between the layers.
        activation: What stands between them.
        inner_dropout: Dropout behind the activation.
        dropout: Dropout behind the second layer.
        chunk: Places of the sequence computed at a time, to bound memory; 0 for all at once, as a program that is
            traced for any length computes them.
    """

    def __init__(
        self,
        size: int,
        inner_size: int,
        activation: Activation,
        *,
        inner_dropout: float = 0.0,
        dropout: float = 0.0,
        chunk: int = 0,
    ) -> None:
        super().__init__()
        self.inner = nn.Linear(size, inner_size)
        self.outer = nn.Linear(inner_size, size)
        self.activation = activation
        self.inner_dropout = nn.Dropout(inner_dropout)
        self.dropout = nn.Dropout(dropout)
        self.chunk = chunk

    def forward(self, hidden: Tensor) -> Tensor:
        """*Shapes:* (batch, length, size) to the same."""
        if not self.chunk or torch.compiler.is_compiling():
            return self._transform(hidden)
        return torch.cat([self._transform(part) for part in hidden.split(self.chunk, dim=1)], dim=1)

    def _transform(self, hidden: Tensor) -> Tensor:
        hidden = self.inner_dropout(self.activation(self.inner(hidden)))  # (batch, length, inner_size)
        return self.dropout(self.outer(hidden))


class BottleneckAdapter(nn.Module):
    """A norm and two linear layers with a narrow middle, trained while the rest stays (Houlsby et al. 2019).

    Args:
        size: Width in and out.
        inner_size: Width between the layers.
    """

    def __init__(self, size: int, inner_size: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.inner = nn.Linear(size, inner_size)
        self.outer = nn.Linear(inner_size, size)

    def forward(self, hidden: Tensor) -> Tensor:
        """*Shapes:* (batch, length, size) to the same, to be added to what went in."""
        return self.outer(torch.relu(self.inner(self.norm(hidden))))
