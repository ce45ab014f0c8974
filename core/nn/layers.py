"""Transformer layers, put together from parts that are handed in."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from speechgraft.nn.attention import CrossAttention, SelfAttention
from speechgraft.nn.cache import CrossStore, SelfStore
from speechgraft.nn.disentangled import DisentangledAttention
from speechgraft.nn.feed_forward import BottleneckAdapter, FeedForward

_NO_MEMORY = "a memory for a layer without cross-attention"


class PostNormEncoderLayer(nn.Module):
    """Each part's result is added to its input, then normalised (Vaswani et al. 2017)."""

    def __init__(
        self,
        attention: SelfAttention | DisentangledAttention,
        feed_forward: FeedForward,
        *,
        size: int,
        eps: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self.attention = attention
        self.attention_norm = nn.LayerNorm(size, eps=eps)
        self.feed_forward = feed_forward
        self.feed_forward_norm = nn.LayerNorm(size, eps=eps)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, hidden: Tensor, mask: Tensor | None = None, *shared: Any, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """*Shapes:* `hidden` (batch, length, size), `mask` (batch, 1, 1, length); `shared` goes to the attention."""
        attended, weights = self.attention(hidden, mask, *shared, need_weights=need_weights)
        hidden = self.attention_norm(hidden + self.dropout(attended))
        return self.feed_forward_norm(hidden + self.feed_forward(hidden)), weights


class PreNormEncoderLayer(nn.Module):
    """Each part's input is normalised, its result added (Xiong et al. 2020; "stable layer norm").

    Args:
        attention: Over the sequence.
        feed_forward: At each place.
        adapter: What is added behind both, where it is handed in.
        size: Width of the sequence.
        eps: Added to variances in the norms.
        dropout: Of what the attention gives, in training.
    """

    def __init__(
        self,
        attention: SelfAttention,
        feed_forward: FeedForward,
        adapter: BottleneckAdapter | None = None,
        *,
        size: int,
        eps: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self.attention = attention
        self.attention_norm = nn.LayerNorm(size, eps=eps)
        self.feed_forward = feed_forward
        self.feed_forward_norm = nn.LayerNorm(size, eps=eps)
        self.adapter = adapter
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, hidden: Tensor, mask: Tensor | None = None, *, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """*Shapes:* `hidden` (batch, length, size), `mask` (batch, 1, 1, length)."""
        attended, weights = self.attention(self.attention_norm(hidden), mask, need_weights=need_weights)
        hidden = hidden + self.dropout(attended)
        hidden = hidden + self.feed_forward(self.feed_forward_norm(hidden))
        return hidden if self.adapter is None else hidden + self.adapter(hidden), weights


class _DecoderLayer(nn.Module):
    """What decoder layers are made of, wherever they normalise.

    Args:
        self_attention: Over the tokens.
        cross_attention: Over the memory; `None` in a language model that has none.
        feed_forward: At each token.
        size: Width of the sequence.
        eps: Added to variances in the norms.
        dropout: Of what the attentions give, in training.
    """

    def __init__(
        self,
        self_attention: SelfAttention,
        cross_attention: CrossAttention | None,
        feed_forward: FeedForward,
        *,
        size: int,
        eps: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self.self_attention = self_attention
        self.self_attention_norm = nn.LayerNorm(size, eps=eps)
        self.cross_attention = cross_attention
        self.cross_attention_norm = None if cross_attention is None else nn.LayerNorm(size, eps=eps)
        self.feed_forward = feed_forward
        self.feed_forward_norm = nn.LayerNorm(size, eps=eps)
        self.dropout = nn.Dropout(dropout)


class PostNormDecoderLayer(_DecoderLayer):
    """Self-attention, cross-attention where there is a memory, feed-forward; normalised after each."""

    def forward(
        self,
        hidden: Tensor,
        mask: Tensor | None,
        memory: Tensor | None,
        memory_mask: Tensor | None,
        stores: tuple[SelfStore, CrossStore] | None = None,
        *,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Attend to the tokens before and to the memory, then transform.

        *Shapes:* `hidden` (rows, tokens, size); `mask` (rows, 1, tokens, tokens seen); `memory`
        (utterances, frames, memory_size); `memory_mask` (utterances, 1, 1, frames).
        """
        self_store, cross_store = stores or (None, None)
        attended, weights = self.self_attention(hidden, mask, store=self_store, need_weights=need_weights)
        hidden = self.self_attention_norm(hidden + self.dropout(attended))
        cross_weights = None
        if memory is not None or (cross_store is not None and cross_store.filled):
            assert self.cross_attention is not None and self.cross_attention_norm is not None, _NO_MEMORY
            attended, cross_weights = self.cross_attention(
                hidden, memory, memory_mask, store=cross_store, need_weights=need_weights
            )
            hidden = self.cross_attention_norm(hidden + self.dropout(attended))
        return self.feed_forward_norm(hidden + self.feed_forward(hidden)), weights, cross_weights


class PreNormDecoderLayer(_DecoderLayer):
    """Self-attention, cross-attention where there is a memory, feed-forward; each normalises its input and adds."""

    def forward(
        self,
        hidden: Tensor,
        mask: Tensor | None,
        memory: Tensor | None,
        memory_mask: Tensor | None,
        stores: tuple[SelfStore, CrossStore] | None = None,
        *,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Attend to the tokens before and to the memory, then transform. *Shapes:* as in `PostNormDecoderLayer`."""
        self_store, cross_store = stores or (None, None)
        attended, weights = self.self_attention(
            self.self_attention_norm(hidden), mask, store=self_store, need_weights=need_weights
        )
        hidden = hidden + self.dropout(attended)
        cross_weights = None
        if memory is not None or (cross_store is not None and cross_store.filled):
            assert self.cross_attention is not None and self.cross_attention_norm is not None, _NO_MEMORY
            attended, cross_weights = self.cross_attention(
                self.cross_attention_norm(hidden), memory, memory_mask, store=cross_store, need_weights=need_weights
            )
            hidden = hidden + self.dropout(attended)
        return hidden + self.feed_forward(self.feed_forward_norm(hidden)), weights, cross_weights
