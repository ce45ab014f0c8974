"""Self-attention whose three projections are one product: a wider matrix is read faster than three."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from speechgraft.nn.attention import SelfAttention
from speechgraft.nn.packing.weights import is_packable, multiply, pack, remembered


def fast_self_attention(part: SelfAttention) -> Callable[..., tuple[Tensor, Tensor | None]] | None:
    """Query, key and value by one packed matrix, in place of the layers of each."""
    if not all(is_packable(layer.weight) for layer in joined_layers(part)):
        return None
    weight, bias = remembered(part, lambda: _joined(part))

    def forward(hidden: Tensor, mask: Tensor | None = None, **options: Any) -> tuple[Tensor, Tensor | None]:
        query, key, value = multiply(hidden, weight, bias).chunk(3, dim=-1)
        return part.attend(query, key, value, mask, **options)

    return forward


def joined_layers(part: SelfAttention) -> tuple[nn.Linear, nn.Linear, nn.Linear]:
    """The layers that become one."""
    return part.query, part.key, part.value


def _joined(part: SelfAttention) -> tuple[Tensor, Tensor]:
    """*Shapes:* (3 * size, size), packed, and (3 * size,)."""
    layers = joined_layers(part)
    bias = torch.cat([layer.bias.detach() for layer in layers])
    return pack(torch.cat([layer.weight.detach() for layer in layers])), bias
