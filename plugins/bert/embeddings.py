"""BERT's embeddings, which its encoder and its decoder share (Devlin et al. 2019, section 3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechgraft.plugins.bert.config import BertConfig


class BertEmbeddings(nn.Module):
    """Word, position and token type embeddings, added and normalised."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.config = config
        self.word = nn.Embedding(config.vocab_size, size)
        self.position = nn.Embedding(config.max_position_embeddings, size)
        self.token_type = nn.Embedding(config.type_vocab_size, size)
        self.norm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(
        self, words: Tensor, position_ids: Tensor | None, token_type_ids: Tensor | None, *, seen: int = 0
    ) -> Tensor:
        """Add the three and normalise.

        *Shapes:* `words` (rows, tokens, size); `position_ids` (rows or 1, tokens), counting on from `seen`
        where not given; `token_type_ids` (rows, tokens), zero where not given.
        """
        if position_ids is None:
            position_ids = torch.arange(seen, seen + words.shape[1], device=words.device)[None]
        types = self.token_type.weight[0] if token_type_ids is None else self.token_type(token_type_ids)
        return self.dropout(self.norm(words + types + self.position(position_ids)))

    def embed(self, input_ids: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens) to (rows, tokens, size); the padding token learns nothing here."""
        return F.embedding(input_ids, self.word.weight, padding_idx=self.config.pad_token_id)

    def id_options(self) -> dict[str, int]:
        """How many ids there are of each kind beside words."""
        return {"token_type_ids": self.token_type.num_embeddings, "position_ids": self.position.num_embeddings}

    @torch.no_grad()
    def clear_padding(self) -> None:
        """Make the padding token's embedding zero, as it begins."""
        if self.config.pad_token_id is not None:
            nn.init.zeros_(self.word.weight[self.config.pad_token_id])
