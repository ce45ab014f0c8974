"""The linear layer between an encoder and a decoder, where their widths differ."""

from __future__ import annotations

from torch import nn

from speechgraft.contracts import Decoder, Encoder
from speechgraft.errors import IncompatiblePairError


def projection(encoder: Encoder, decoder: Decoder) -> nn.Linear | None:
    """What makes encoder frames as wide as the decoder's memory; nothing where they are.

    Raises:
        IncompatiblePairError: The decoder's `cross_attention_hidden_size` is not the encoder's width.
    """
    if encoder.output_size == decoder.memory_size:
        return None
    if decoder.memory_size != decoder.hidden_size:
        raise IncompatiblePairError(
            f"the decoder's cross_attention_hidden_size is {decoder.memory_size}, but the encoder gives frames of "
            f"{encoder.output_size}; set it to {encoder.output_size}, or to None for a projection"
        )
    return nn.Linear(encoder.output_size, decoder.memory_size)
