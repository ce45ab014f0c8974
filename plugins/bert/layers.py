"""BERT's layers, of the encoder and of the decoder."""

from __future__ import annotations

from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.attention import CrossAttention, SelfAttention
from speechgraft.nn.feed_forward import FeedForward
from speechgraft.nn.layers import PostNormDecoderLayer, PostNormEncoderLayer
from speechgraft.plugins.bert.config import BertConfig


def encoder_layer(config: BertConfig) -> PostNormEncoderLayer:
    """Self-attention, feed-forward, a norm after each."""
    return PostNormEncoderLayer(
        _self_attention(config),
        _feed_forward(config),
        size=config.hidden_size,
        eps=config.layer_norm_eps,
        dropout=config.hidden_dropout_prob,
    )


def decoder_layer(config: BertConfig, memory_size: int | None) -> PostNormDecoderLayer:
    """Self-attention, cross-attention, feed-forward, a norm after each; without a memory no cross-attention."""
    size, heads, dropout = config.hidden_size, config.num_attention_heads, config.attention_probs_dropout_prob
    return PostNormDecoderLayer(
        _self_attention(config),
        None if memory_size is None else CrossAttention(size, heads, memory_size=memory_size, dropout=dropout),
        _feed_forward(config),
        size=size,
        eps=config.layer_norm_eps,
        dropout=config.hidden_dropout_prob,
    )


def _self_attention(config: BertConfig) -> SelfAttention:
    return SelfAttention(config.hidden_size, config.num_attention_heads, dropout=config.attention_probs_dropout_prob)


def _feed_forward(config: BertConfig) -> FeedForward:
    return FeedForward(
        config.hidden_size,
        config.intermediate_size,
        ACTIVATIONS[config.hidden_act],
        dropout=config.hidden_dropout_prob,
        chunk=config.chunk_size_feed_forward,
    )
