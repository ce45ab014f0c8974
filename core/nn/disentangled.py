"""Attention in which content and relative position each have a say (DeBERTa; He et al. 2021, section 3.1)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechgraft.nn.attention import masked_softmax, merge_heads, split_heads

Term = Literal["c2p", "p2c"]


class Distances(NamedTuple):
    """A vector for each distance between a query and a key, for sequences of one length.

    *Shapes:* `vectors` (buckets, size); `rows` (2 * length + 1,), int64: the rows of `vectors` for the
    distances (query place - key place) from `-length` to `length`.
    """

    vectors: Tensor
    rows: Tensor


class RelativePositions(nn.Module):
    """Learned vectors of the distances between places of a sequence (He et al. 2021, section 3.1.1).

    Args:
        size: Width of a vector.
        span: Buckets on either side; what is further away is in the outermost one.
        longest: Where given, distances above half the span share buckets that widen with the logarithm, of which the
            outermost begins at `longest - 1`; otherwise each distance is a bucket of its own.
        norm: Of the vectors, where they are normalised.
    """

    def __init__(self, size: int, span: int, *, longest: int | None = None, norm: nn.LayerNorm | None = None) -> None:
        super().__init__()
        self.embedding = nn.Embedding(2 * span, size)
        self.norm = norm
        self.span = span
        self.longest = longest

    def forward(self, length: int) -> Distances:
        """The vectors that a sequence of so many places needs."""
        weight = self.embedding.weight
        steps = torch.arange(-length, length + 1, device=weight.device)
        if self.longest is not None:
            steps = log_buckets(steps, self.span // 2, self.longest)
        reach = self._reach(length)
        vectors = weight[self.span - reach : self.span + reach]
        return Distances(vectors if self.norm is None else self.norm(vectors), steps.clamp(-reach, reach - 1) + reach)

    def _reach(self, length: int) -> int:
        """Buckets on either side that a sequence can need.

        A bucket lies no further out than its distances where the logarithm begins no steeper than they do.
        """
        middle = self.span // 2
        if self.longest is not None and self.longest - 1 < 3 * middle:  # e suffices
            return self.span
        return torch.sym_min(length, self.span)


def log_buckets(distances: Tensor, middle: int, longest: int) -> Tensor:
    """Buckets of distances: up to `middle` each its own, then as wide as their logarithms are apart.

    The distance `longest - 1` falls into bucket `2 * middle - 1`. In single precision whatever the model's, because
    the logarithm's last bit decides where a bucket ends. *Shapes:* any, int64, to the same.
    """
    sizes = distances.abs()
    far = (sizes.clamp(min=middle).to(torch.float32) / middle).log()
    farthest = torch.tensor((longest - 1) / middle, dtype=torch.float32, device=distances.device).log()
    buckets = (far / farthest * (middle - 1)).ceil().to(torch.int64) + middle
    return torch.where(sizes <= middle, distances, buckets * distances.sign())


class DisentangledAttention(nn.Module):
    """Attention of a sequence to itself, scored by content and by distance.

    A query's content meets the key's content, the vector of their distance (`"c2p"`), and that vector meets the
    key's content (`"p2c"`).

    Args:
        size: Width of the sequence.
        heads: Number of heads; divides `size`.
        scale: What scores are multiplied by.
        terms: The scores by distance.
        shared: Whether distances become keys and queries by the layers of the content, or by layers of their own.
        dropout: Probability with which an attention weight is dropped in training.
        position_dropout: Probability with which a value of a distance's vector is dropped in training.
    """

    def __init__(
        self,
        size: int,
        heads: int,
        *,
        scale: float,
        terms: Collection[Term],
        shared: bool,
        dropout: float = 0.0,
        position_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.scale = scale
        self.terms = frozenset(terms)
        self.dropout = dropout
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size)
        self.value = nn.Linear(size, size)
        self.output = nn.Linear(size, size)
        self.position_dropout = nn.Dropout(position_dropout)
        own = not shared
        self.distance = nn.ModuleDict()
        if own and "c2p" in self.terms:
            self.distance["key"] = nn.Linear(size, size)
        if own and "p2c" in self.terms:
            self.distance["query"] = nn.Linear(size, size)

    def forward(
        self,
        hidden: Tensor,
        mask: Tensor | None = None,
        distances: Distances | None = None,
        *,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend; without a term, `distances` are not read.

        *Shapes:* `hidden` (batch, length, size); `mask` bool, broadcast to (batch, heads, length, length). Returns the
        like of `hidden` and, on request, the weights (batch, heads, length, length) before dropout.
        """
        query = split_heads(self.query(hidden), self.heads) * self.scale
        key = split_heads(self.key(hidden), self.heads)
        value = split_heads(self.value(hidden), self.heads)
        scores = query @ key.mT  # (batch, heads, queries, keys)
        if self.terms:
            assert distances is not None, "the scores by distance want distances"
            scores = self._add_terms(scores, query, key, distances)
        weights = masked_softmax(scores, mask)
        context = F.dropout(weights, self.dropout, self.training) @ value
        return self.output(merge_heads(context)), weights if need_weights else None

    def _add_terms(self, scores: Tensor, query: Tensor, key: Tensor, distances: Distances) -> Tensor:
        vectors, rows = self.position_dropout(distances.vectors), distances.rows
        # One after the other and in place: the largest tensors of the model are here.
        if "c2p" in self.terms:
            far_to_near = self._layer("key")(vectors)[rows.flip(0)]  # as keys come, from the first to the last
            scores += by_distance(query, far_to_near)
        if "p2c" in self.terms:
            scores += by_distance(key, self._layer("query")(vectors)[rows] * self.scale).mT
        return scores

    def _layer(self, name: Literal["key", "query"]) -> nn.Module:
        if name in self.distance:
            return self.distance[name]
        return self.key if name == "key" else self.query


def by_distance(x: Tensor, vectors: Tensor) -> Tensor:
    """Products of each place with the vectors of its distances to all places.

    Every place is multiplied with every distance once; a view then starts each row one distance further on, so
    that no index as large as the result is needed (Dai et al. 2019, appendix B).

    *Shapes:* `x` (batch, heads, length, head_size); `vectors` (2 * length + 1, heads * head_size), for the other
    place's lead over the one in `x`, from `-length` to `length`; to (batch, heads, length, length).
    """
    batch, heads, length, _ = x.shape
    table = vectors.unflatten(-1, (heads, -1)).permute(1, 2, 0)  # (heads, head_size, leads)
    products = torch.bmm(x.transpose(0, 1).flatten(1, 2), table)  # (heads, batch * length, leads)
    leads = 2 * length + 1
    strides = (length * leads, batch * length * leads, leads - 1, 1)  # a place on, its leads begin one earlier
    return products.as_strided((batch, heads, length, length), strides, length)
