"""Scaled dot-product attention over heads (Vaswani et al. 2017, section 3.2)."""

from __future__ import annotations

from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechgraft.nn.cache import CrossStore, SelfStore


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    dropout: float = 0.0,
    need_weights: bool = False,
    scale: float | None = None,
    upcast: bool = False,
    fused: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Attend from `query` to `key`; a query whose every key is masked gets zeros.

    *Shapes:* `query` (batch, heads, queries, head_size); `key`, `value` (batch, heads, keys,
    head_size); `mask` bool, broadcast to (batch, heads, queries, keys). Returns the context like
    `query` and, on request, the weights (batch, heads, queries, keys) before dropout.

    `scale` multiplies the scores, by default one over the square root of `head_size`; `upcast` computes
    scores and weights in float32 at least; `fused` lets torch choose a kernel that does all in one.
    """
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    if need_weights or upcast or not fused:
        scores = upcast_scores(query, key, scale) if upcast else query @ key.mT * scale
        weights = masked_softmax(scores, mask)  # (batch, heads, queries, keys)
        weights = weights.to(value.dtype) if upcast else weights
        return F.dropout(weights, dropout) @ value, weights if need_weights else None
    context = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout, scale=scale)
    if mask is not None:
        context = torch.where(mask.any(dim=-1, keepdim=True), context, 0.0)
    return context, None


def upcast_scores(query: Tensor, key: Tensor, scale: float) -> Tensor:
    """Scores in float32 at least, under autocast too. *Shapes:* as in `attend`, to (batch, heads, queries, keys)."""
    wide = torch.promote_types(query.dtype, torch.float32)
    # The meta device, on which a pair is tried, knows no autocast.
    with nullcontext() if query.is_meta else torch.autocast(query.device.type, enabled=False):
        return query.to(wide) @ key.to(wide).mT * scale


def masked_softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Attention weights; a query whose every key is masked gets zeros.

    *Shapes:* `scores` (batch, heads, queries, keys), `mask` bool, broadcast to it; to the like of `scores`.
    """
    if mask is None:
        return scores.softmax(dim=-1)
    floor = torch.finfo(scores.dtype).min
    weights = scores.masked_fill(~mask, floor).softmax(dim=-1)
    return torch.where(mask, weights, 0.0)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """*Shapes:* (batch, length, size) to (batch, heads, length, size / heads)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """*Shapes:* (batch, heads, length, head_size) to (batch, length, heads * head_size)."""
    return x.transpose(1, 2).flatten(2)


class SelfAttention(nn.Module):
    """Attention of a sequence to itself, over `heads` heads.

    Args:
        size: Width of the sequence.
        heads: Number of heads; divides `size`.
        dropout: Probability with which an attention weight is dropped in training.
        scale: What scores are multiplied by; `None`: one over the square root of a head's width.
        upcast: Whether scores and weights are computed in float32 at least.
    """

    def __init__(
        self, size: int, heads: int, *, dropout: float = 0.0, scale: float | None = None, upcast: bool = False
    ) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.scale = scale
        self.upcast = upcast
        self.fused = True
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size)
        self.value = nn.Linear(size, size)
        self.output = nn.Linear(size, size)

    def forward(
        self, hidden: Tensor, mask: Tensor | None = None, *, store: SelfStore | None = None, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """*Shapes:* `hidden` (batch, length, size); `mask` as in `attend`, keys counted with the stored ones."""
        return self.attend(
            self.query(hidden), self.key(hidden), self.value(hidden), mask, store=store, need_weights=need_weights
        )

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None = None,
        *,
        store: SelfStore | None = None,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """What follows on the three projections of the sequence. *Shapes:* (batch, length, size) each."""
        key, value = split_heads(key, self.heads), split_heads(value, self.heads)
        if store is not None:
            key, value = store.append(key, value)
        context, weights = attend(
            split_heads(query, self.heads),
            key,
            value,
            mask,
            dropout=self.dropout if self.training else 0.0,
            need_weights=need_weights,
            scale=self.scale,
            upcast=self.upcast,
            fused=self.fused,
        )
        return self.output(merge_heads(context)), weights


class CrossAttention(nn.Module):
    """Attention of a sequence to a memory, over `heads` heads.

    Several rows of the sequence may share one utterance of the memory (the beams of a search):
    they attend to it as further queries, and its keys and values are never copied for them.

    Args:
        size: Width of the sequence.
        heads: Number of heads; divides `size`.
        memory_size: Width of the memory.
        dropout: Probability with which an attention weight is dropped in training.
        scale: What scores are multiplied by; `None`: one over the square root of a head's width.
        upcast: Whether scores and weights are computed in float32 at least.
    """

    def __init__(
        self,
        size: int,
        heads: int,
        *,
        memory_size: int,
        dropout: float = 0.0,
        scale: float | None = None,
        upcast: bool = False,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.scale = scale
        self.upcast = upcast
        self.fused = True
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(memory_size, size)
        self.value = nn.Linear(memory_size, size)
        self.output = nn.Linear(size, size)

    def forward(
        self,
        hidden: Tensor,
        memory: Tensor | None,
        mask: Tensor | None = None,
        *,
        store: CrossStore | None = None,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend to `memory`, or to what an earlier call left of it in `store`.

        *Shapes:* `hidden` (rows, length, size); `memory` (utterances, frames, memory_size), where
        `rows` is a multiple of `utterances`; `mask` (utterances, 1, 1, frames).
        """
        key, value = self._keys_and_values(memory, store)
        utterances, rows, length = key.shape[0], hidden.shape[0], hidden.shape[1]
        query = split_heads(self.query(hidden).reshape(utterances, -1, hidden.shape[-1]), self.heads)
        context, weights = attend(
            query,
            key,
            value,
            mask,
            dropout=self.dropout if self.training else 0.0,
            need_weights=need_weights,
            scale=self.scale,
            upcast=self.upcast,
            fused=self.fused,
        )
        if weights is not None:  # (utterances, heads, beams * length, frames) to (rows, heads, length, frames)
            weights = weights.unflatten(2, (-1, length)).transpose(1, 2).flatten(0, 1)
        return self.output(merge_heads(context).reshape(rows, length, -1)), weights

    def _keys_and_values(self, memory: Tensor | None, store: CrossStore | None) -> tuple[Tensor, Tensor]:
        if store is not None and store.filled:
            return store.read()
        assert memory is not None, "a memory, or a store that an earlier call filled"
        key = split_heads(self.key(memory), self.heads)
        value = split_heads(self.value(memory), self.heads)
        return (key, value) if store is None else store.fill(key, value)
