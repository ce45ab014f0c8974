"""The transformer layers of wav2vec 2.0 and its kin."""

from __future__ import annotations

from speechgraft.nn.activations import Activation
from speechgraft.nn.attention import SelfAttention
from speechgraft.nn.feed_forward import BottleneckAdapter, FeedForward
from speechgraft.nn.layers import PostNormEncoderLayer, PreNormEncoderLayer
from speechgraft.nn.stack import EncoderStack


def speech_layers(
    count: int,
    size: int,
    heads: int,
    inner: int,
    *,
    activation: Activation,
    eps: float,
    dropout: float,
    attention_dropout: float,
    activation_dropout: float,
    layerdrop: float,
    norm_first: bool = False,
    adapter: int | None = None,
) -> EncoderStack:
    """Layers of self-attention and feed-forward.

    Args:
        count: How many.
        size: Width of the frames.
        heads: Of each attention; they divide `size`.
        inner: Width inside each feed-forward.
        activation: Inside each feed-forward.
        eps: Added to variances in the norms.
        dropout: Of what attention and feed-forward give, in training.
        attention_dropout: Of attention weights, in training.
        activation_dropout: Behind the activation, in training.
        layerdrop: Probability with which a layer is left out in training.
        norm_first: Whether norms come before attention and feed-forward instead of after each.
        adapter: Width of the bottleneck at the end of each layer whose norms come first; `None`: there is none.
    """

    def layer() -> PreNormEncoderLayer | PostNormEncoderLayer:
        attention = SelfAttention(size, heads, dropout=attention_dropout)
        feed_forward = FeedForward(size, inner, activation, inner_dropout=activation_dropout, dropout=dropout)
        if not norm_first:
            return PostNormEncoderLayer(attention, feed_forward, size=size, eps=eps, dropout=dropout)
        bottleneck = None if adapter is None else BottleneckAdapter(size, adapter)
        return PreNormEncoderLayer(attention, feed_forward, bottleneck, size=size, eps=eps, dropout=dropout)

    return EncoderStack((layer() for _ in range(count)), layerdrop=layerdrop)
