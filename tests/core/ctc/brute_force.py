"""Every path through a few frames: what searches are compared with."""

from __future__ import annotations

import math
from itertools import groupby, product

import torch
from hypothesis import strategies as st


def collapsed(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    return tuple(token for token, _ in groupby(path) if token != blank)


def paths(log_probs: torch.Tensor) -> list[tuple[tuple[int, ...], float]]:
    """Each path with its logarithm. *Shapes:* (frames, vocabulary)."""
    table = log_probs.tolist()
    every = product(range(log_probs.shape[1]), repeat=len(table))
    return [(path, sum(row[token] for row, token in zip(table, path, strict=True))) for path in every]


def summed(log_probs: torch.Tensor, blank: int) -> dict[tuple[int, ...], float]:
    """The logarithm of the probability of all tokens that can be spelt."""
    totals: dict[tuple[int, ...], float] = {}
    for path, score in paths(log_probs):
        tokens = collapsed(path, blank)
        totals[tokens] = totals.get(tokens, 0.0) + math.exp(score)
    return {tokens: math.log(total) for tokens, total in totals.items()}


@st.composite
def scores(draw: st.DrawFn, max_frames: int = 5, min_size: int = 2, max_size: int = 3) -> torch.Tensor:
    """(frames, vocabulary): log-probabilities."""
    frames, size = draw(st.integers(1, max_frames)), draw(st.integers(min_size, max_size))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    spread = draw(st.sampled_from([0.3, 1.0, 4.0]))
    return (spread * torch.randn(frames, size, dtype=torch.float64, generator=generator)).log_softmax(-1)
