"""Linear layers, output layers and feed-forwards on packed weights."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from speechgraft.nn.feed_forward import FeedForward
from speechgraft.nn.output import OutputLayer
from speechgraft.nn.packing.weights import FUSED, StandIn, is_packable, multiply, pack, packed_weight, remembered


def fast_linear(linear: nn.Linear) -> Callable[[Tensor], Tensor] | None:
    """A linear layer by its packed weight."""
    if not is_packable(linear.weight):
        return None
    packed, bias = packed_weight(linear), linear.bias

    def forward(x: Tensor) -> Tensor:
        return multiply(x, packed, bias)

    return forward


def linear_stand_ins(linear: nn.Linear) -> list[StandIn]:
    """The packed weight, for the plain one."""
    return [StandIn(linear, packed_weight(linear).to_dense)]


def fast_output(part: OutputLayer) -> Callable[[Tensor, Tensor], Tensor] | None:
    """An output layer by its packed matrix, be that its own or the embedding's, which the first call shows."""
    known: tuple[Tensor, Tensor] | None = None

    def forward(hidden: Tensor, embedding: Tensor) -> Tensor:
        nonlocal known
        if known is None or known[0] is not embedding:
            matrix = embedding if part.weight is None else part.weight
            if not is_packable(matrix):
                return OutputLayer.forward(part, hidden, embedding)
            known = embedding, remembered(part, lambda: pack(matrix), embedding)
        return multiply(hidden, known[1], part.bias)

    return forward


def fast_feed_forward(part: FeedForward) -> Callable[[Tensor], Tensor] | None:
    """A feed-forward whose activation is computed while the first product is still at hand."""
    inner = fast_linear(part.inner)
    if inner is None or part.activation not in FUSED or part.chunk:
        return None
    packed, bias = packed_weight(part.inner), part.inner.bias

    def forward(hidden: Tensor) -> Tensor:
        return part.outer(multiply(hidden, packed, bias, part.activation))

    return forward
