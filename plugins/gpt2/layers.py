"""GPT-2's layers."""

from __future__ import annotations

from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.attention import CrossAttention, SelfAttention
from speechgraft.nn.feed_forward import FeedForward
from speechgraft.nn.layers import PreNormDecoderLayer
from speechgraft.plugins.gpt2.config import GPT2Config


def decoder_layer(config: GPT2Config, index: int, memory_size: int | None) -> PreNormDecoderLayer:
    """Self-attention, cross-attention, feed-forward, each behind a norm; without a memory no cross-attention.

    `index` counts the layers from zero.
    """
    size, heads, upcast = config.n_embd, config.n_head, config.reorder_and_upcast_attn
    scale, dropout = attention_scale(config, index), config.attn_pdrop
    cross_attention = None
    if memory_size is not None:
        cross_attention = CrossAttention(
            size, heads, memory_size=memory_size, dropout=dropout, scale=scale, upcast=upcast
        )
    return PreNormDecoderLayer(
        SelfAttention(size, heads, dropout=dropout, scale=scale, upcast=upcast),
        cross_attention,
        FeedForward(
            size,
            config.n_inner or 4 * size,
            ACTIVATIONS[config.activation_function],
            dropout=config.resid_pdrop,
            chunk=config.chunk_size_feed_forward,
        ),
        size=size,
        eps=config.layer_norm_epsilon,
        dropout=config.resid_pdrop,
    )


def attention_scale(config: GPT2Config, index: int) -> float:
    """What scores of both attentions of a layer are multiplied by."""
    scale = (config.n_embd // config.n_head) ** -0.5 if config.scale_attn_weights else 1.0
    return scale / (index + 1) if config.scale_attn_by_inverse_layer_idx else scale
