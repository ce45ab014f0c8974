"""Speech2Text2's decoder (Wang et al. 2021): norms after each part, and positions that are waves."""

from __future__ import annotations

import math

import torch
from speechgraft.nn.layers import PostNormDecoderLayer
from speechgraft.nn.stack import DecoderStack
from torch import Tensor

from speechgraft_mbart.decoder import TextDecoder, layer_parts, layer_settings
from speechgraft_mbart.embeddings import Embeddings
from speechgraft_mbart.speech2text2.config import Speech2Text2Config

_LONGEST = 10_000
"""The longest wave is so many times as long as the shortest, which turns once in 2 pi positions."""


def waves(positions: Tensor, size: int) -> Tensor:
    """Sines, then cosines of positions (Vaswani et al. 2017, section 3.5, in the order of tensor2tensor and fairseq).

    Computed in float32, as they were where published checkpoints were trained.

    *Shapes:* (tokens,), integers, to (tokens, size), float32; the last of an odd size is zero.
    """
    half = size // 2
    rates = torch.arange(half, device=positions.device).float() * -(math.log(_LONGEST) / (half - 1))
    angles = positions.float()[:, None] * rates.exp()[None]  # (tokens, half)
    both = torch.cat([angles.sin(), angles.cos()], dim=1)
    return torch.nn.functional.pad(both, (0, size % 2))


class SinusoidalEmbeddings(Embeddings):
    """Token embeddings and waves, added.

    A padding token has no place: nothing is added to it. It counts all the same, so that a token's place is its own
    whether the tokens before it come with it or came before.
    """

    def forward(self, words: Tensor, ids: Tensor | None, *, seen: int = 0) -> Tensor:
        """See `Embeddings.forward`; embeddings that were handed in all have places."""
        # fairseq counts from behind the padding token's id, wherever that is.
        padding = self.config.pad_token_id
        start = seen + 1 + (0 if padding is None else padding)
        places = waves(torch.arange(start, start + words.shape[1], device=words.device), words.shape[2]).to(words)
        if ids is not None and padding is not None:
            places = torch.where((ids == padding)[..., None], 0.0, places)
        hidden: Tensor = self.dropout(words + places)
        return hidden


def build(config: Speech2Text2Config) -> TextDecoder:
    """A decoder of newly made or empty parts."""
    settings = layer_settings(config)
    layers = (PostNormDecoderLayer(*layer_parts(config), **settings) for _ in range(config.decoder_layers))
    return TextDecoder(
        config,
        SinusoidalEmbeddings(config),
        DecoderStack(layers, layerdrop=config.decoder_layerdrop),
        max_positions=config.max_target_positions,
    )
