"""The layer between hidden states and logits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class OutputLayer(nn.Module):
    """Hidden states to logits, by a matrix of its own or by that of the token embedding (Press & Wolf 2017).

    A tied layer holds no matrix: it is handed the embedding's at each call, so that there is one parameter
    of one name to load, to train, to move and to save.

    Args:
        size: Width of the hidden states.
        vocab_size: How many tokens there are.
        bias: Whether each token has a bias.
        tied: Whether the matrix is the embedding's.
    """

    def __init__(self, size: int, vocab_size: int, *, bias: bool = False, tied: bool) -> None:
        super().__init__()
        self.weight = None if tied else nn.Parameter(torch.empty(vocab_size, size))
        self.bias = nn.Parameter(torch.empty(vocab_size)) if bias else None

    def forward(self, hidden: Tensor, embedding: Tensor) -> Tensor:
        """*Shapes:* `hidden` (rows, tokens, size); `embedding` (vocab_size, size); to (rows, tokens, vocab_size)."""
        return F.linear(hidden, embedding if self.weight is None else self.weight, self.bias)

    @torch.no_grad()
    def init_weights(self, *, std: float) -> None:
        """Normal weights, zero biases."""
        if self.weight is not None:
            nn.init.normal_(self.weight, std=std)
        if self.bias is not None:
            nn.init.zeros_(self.bias)
