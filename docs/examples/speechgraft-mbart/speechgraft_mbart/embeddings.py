"""Token embeddings, and what the two decoders have in common of the ways that tokens know their place."""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechgraft_mbart.fields import DecoderFields


class Embeddings(nn.Module):
    """Tokens to hidden states; a subclass adds places.

    Args:
        config: Sizes and choices; `pad_token_id` is read when it is used.
    """

    def __init__(self, config: DecoderFields) -> None:
        super().__init__()
        self.config = config
        self.scale = math.sqrt(config.d_model) if config.scale_embedding else 1.0
        self.word = nn.Embedding(config.vocab_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)

    @abstractmethod
    def forward(self, words: Tensor, ids: Tensor | None, *, seen: int = 0) -> Tensor:
        """Add places to tokens, the first of them behind `seen` others.

        *Shapes:* `words` (rows, tokens, d_model); `ids` (rows, tokens), or `None` where embeddings were handed in;
        to (rows, tokens, d_model).
        """

    def embed(self, input_ids: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens) to (rows, tokens, d_model); the padding token learns nothing here."""
        return F.embedding(input_ids, self.word.weight, padding_idx=self.config.pad_token_id) * self.scale

    @torch.no_grad()
    def clear_padding(self) -> None:
        """Make the padding token's embedding zero, as it begins."""
        if self.config.pad_token_id is not None:
            nn.init.zeros_(self.word.weight[self.config.pad_token_id])
