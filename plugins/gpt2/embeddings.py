"""GPT-2's embeddings: of tokens, and of positions."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GPT2Embeddings(nn.Module):
    """Token and position embeddings, added.

    Args:
        vocab_size: Tokens of the vocabulary.
        positions: The most tokens of a text.
        size: Width of the embeddings.
        dropout: Of the sum, in training.
    """

    def __init__(self, vocab_size: int, positions: int, size: int, *, dropout: float) -> None:
        super().__init__()
        self.word = nn.Embedding(vocab_size, size)
        self.position = nn.Embedding(positions, size)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, words: Tensor, position_ids: Tensor | None, token_type_ids: Tensor | None, *, seen: int = 0
    ) -> Tensor:
        """Add them; types of tokens are tokens themselves, and nothing where not given.

        *Shapes:* `words` (rows, tokens, size); `position_ids` (rows or 1, tokens), counting on from `seen`
        where not given; `token_type_ids` (rows, tokens).
        """
        if position_ids is None:
            position_ids = torch.arange(seen, seen + words.shape[1], device=words.device)[None]
        hidden = words + self.position(position_ids)
        return self.dropout(hidden if token_type_ids is None else hidden + self.word(token_type_ids))

    def id_options(self) -> dict[str, int]:
        """How many ids there are of each kind beside tokens."""
        return {"token_type_ids": self.word.num_embeddings, "position_ids": self.position.num_embeddings}
