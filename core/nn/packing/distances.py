"""Distances of disentangled attention, which no input changes: projected once for all inputs of every length."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from speechgraft.nn.disentangled import DisentangledAttention, Distances, RelativePositions, Tables
from speechgraft.nn.packing.weights import is_packable, remembered


def fast_distances(part: RelativePositions) -> Callable[[int], Distances] | None:
    """The vectors of all buckets, normalised once."""
    if not is_packable(part.embedding.weight):
        return None
    vectors = remembered(part, lambda: part.vectors(part.span).detach())

    def forward(length: int) -> Distances:
        return Distances(vectors, part.rows(length, part.span))

    return forward


def fast_disentangled(part: DisentangledAttention) -> Callable[..., tuple[Tensor, Tensor | None]] | None:
    """Attention whose keys and queries of distances are kept, unless memory counts for more than they save."""
    if not part.terms or not is_packable(part.key.weight):
        return None
    known: tuple[Tensor, Tables] | None = None

    def forward(
        hidden: Tensor, mask: Tensor | None, distances: Distances, *, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        nonlocal known
        vectors = distances.vectors
        if known is None or known[0] is not vectors:
            known = remembered(part, lambda: (vectors, part.tables(distances)), vectors)
        return part.attend(hidden, mask, known[1]._replace(rows=distances.rows), need_weights=need_weights)

    return forward
