"""Boolean masks: true is what counts, everywhere."""

from __future__ import annotations

import torch
from torch import Tensor


def length_mask(lengths: Tensor, size: int) -> Tensor:
    """True for the first `lengths[b]` places of row `b`. *Shapes:* (batch,) to (batch, size), bool."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def key_mask(mask: Tensor | None) -> Tensor | None:
    """A mask over keys as attention takes it. *Shapes:* (batch, keys) to (batch, 1, 1, keys), bool."""
    return None if mask is None else mask.to(torch.bool)[:, None, None, :]


def causal_mask(queries: int, keys: int, device: torch.device) -> Tensor | None:
    """Each query sees the keys up to its own place, the last query being the last key.

    *Shapes:* (1, 1, queries, keys), bool; `None` for a single query, which sees everything.
    """
    if queries == 1:
        return None
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)[None, None]


def both(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """What two masks both let through; `None` lets everything through."""
    if one is None or other is None:
        return one if other is None else other
    return one & other


def is_right_padded(mask: Tensor) -> Tensor:
    """Whether each row is ones, then zeros. *Shapes:* (batch, size) to (batch,), bool."""
    valid = mask.to(torch.bool)
    return (valid[:, 1:] <= valid[:, :-1]).all(dim=-1)
