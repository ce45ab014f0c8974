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


class Tables(NamedTuple):
    """Distances as the keys and as the queries of one attention, where it has a term that reads them.

    *Shapes:* `keys`, `queries` (buckets, size); `rows` as in `Distances`.
    """

    keys: Tensor | None
    queries: Tensor | None
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
        reach = self._reach(length)
        return Distances(self.vectors(reach), self.rows(length, reach))

    def vectors(self, reach: int) -> Tensor:
        """The vectors of so many buckets on either side. *Shapes:* (2 * reach, size)."""
        vectors = self.embedding.weight[self.span - reach : self.span + reach]
        return vectors if self.norm is None else self.norm(vectors)

    def rows(self, length: int, reach: int) -> Tensor:
        """Where among `vectors(reach)` the distances from `-length` to `length` are. *Shapes:* (2 * length + 1,)."""
        buckets = torch.arange(-length, length + 1, device=self.embedding.weight.device)
        if self.longest is not None:
            buckets = log_buckets(buckets, self.span // 2, self.longest)
        return buckets.clamp(-reach, reach - 1) + reach

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
        if not self.terms:
            return self.attend(hidden, mask, None, need_weights=need_weights)
        assert distances is not None, "the scores by distance want distances"
        return self.attend(hidden, mask, self.tables(distances), need_weights=need_weights)

    def tables(self, distances: Distances) -> Tables:
        """The distances as this attention reads them."""
        layers = {"key": self.key, "query": self.query, **self.distance}
        vectors = self.position_dropout(distances.vectors)
        return Tables(
            layers["key"](vectors) if "c2p" in self.terms else None,
            layers["query"](vectors) * self.scale if "p2c" in self.terms else None,
            distances.rows,
        )

    def attend(
        self, hidden: Tensor, mask: Tensor | None, tables: Tables | None, *, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """As `forward`, with the distances as `tables` gives them, or without any."""
        query = split_heads(self.query(hidden), self.heads) * self.scale
        key = split_heads(self.key(hidden), self.heads)
        value = split_heads(self.value(hidden), self.heads)
        scores = query @ key.mT  # (batch, heads, queries, keys)
        if tables is not None:
            scores = _with_distances(scores, query, key, tables)
        weights = masked_softmax(scores, mask)
        context = F.dropout(weights, self.dropout, self.training) @ value
        return self.output(merge_heads(context)), weights if need_weights else None


def _with_distances(scores: Tensor, query: Tensor, key: Tensor, tables: Tables) -> Tensor:
    # One after the other and in place: the largest tensors of the model are here.
    if tables.keys is not None:
        scores += by_distance(query, tables.keys[tables.rows.flip(0)])  # from the first key, the furthest behind
    if tables.queries is not None:
        scores += by_distance(key, tables.queries[tables.rows]).mT
    return scores


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
