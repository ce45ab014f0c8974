"""The decoder half of mBART (Liu et al. 2020, section 2.2): norms before each part, and one behind all layers."""

from __future__ import annotations

import torch
from speechgraft.nn.layers import PreNormDecoderLayer
from speechgraft.nn.stack import DecoderStack
from torch import Tensor, nn

from speechgraft_mbart.decoder import EPS, TextDecoder, layer_parts, layer_settings
from speechgraft_mbart.embeddings import Embeddings
from speechgraft_mbart.mbart.config import MBartConfig

_OFFSET = 2
"""Rows of the position table before the first position: fairseq began to count behind its padding token."""


class LearnedEmbeddings(Embeddings):
    """Token and learned position embeddings, added and normalised."""

    def __init__(self, config: MBartConfig) -> None:
        super().__init__(config)
        self.position = nn.Embedding(config.max_position_embeddings + _OFFSET, config.d_model)
        self.norm = nn.LayerNorm(config.d_model, eps=EPS)

    def forward(self, words: Tensor, ids: Tensor | None, *, seen: int = 0) -> Tensor:
        """See `Embeddings.forward`; padding tokens have a place like any other."""
        start = seen + _OFFSET
        places = torch.arange(start, start + words.shape[1], device=words.device)[None]
        hidden: Tensor = self.dropout(self.norm(words + self.position(places)))
        return hidden


def build(config: MBartConfig) -> TextDecoder:
    """A decoder of newly made or empty parts."""
    layers = (PreNormDecoderLayer(*layer_parts(config), **layer_settings(config)) for _ in range(config.decoder_layers))
    return TextDecoder(
        config,
        LearnedEmbeddings(config),
        DecoderStack(layers, layerdrop=config.decoder_layerdrop),
        nn.LayerNorm(config.d_model, eps=EPS),
        max_positions=config.max_position_embeddings,
    )
