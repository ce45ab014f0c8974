"""Matrices in the order in which this processor multiplies fastest, by the operators of oneDNN that torch brings.

They are no public interface of torch: nothing outside this package calls them, and without them
everything runs as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechgraft.nn.activations import ACTIVATIONS, Activation

_OPERATORS = ("_reorder_linear_weight", "_linear_pointwise")

FUSED: Final[Mapping[Activation | None, tuple[str, str]]] = {
    None: ("none", ""),
    F.gelu: ("gelu", "none"),
    ACTIVATIONS["gelu_new"]: ("gelu", "tanh"),
    F.relu: ("relu", ""),
}
"""Activations that `multiply` computes while the product is still at hand, by the operator's names for them."""

_FEW = 4
_LARGE = 2**20
"""Numbers of a matrix from which on one or two rows are multiplied as if they were `_FEW`: such a matrix comes from
memory, and the operator reads it about a seventh faster for four rows than for one or two (Zen 4 and Zen 5)."""

Made = TypeVar("Made")


@cache
def can_pack() -> bool:
    """Whether torch has the operators."""
    return torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in _OPERATORS)


@cache
def packing_pays() -> bool:
    """Whether a packed matrix multiplies faster here than a plain one: tried once, in a few dozen milliseconds."""
    if not can_pack():
        return False
    with torch.inference_mode():
        # Of no random numbers, whose state is the caller's, and of a type that can be packed whatever the default is.
        x, weight = torch.ones(128, 768, dtype=torch.float32), torch.ones(3072, 768, dtype=torch.float32)
        matrix = pack(weight)
        plain = min(_seconds(lambda: F.linear(x, weight)) for _ in range(7))
        packed = min(_seconds(lambda: multiply(x, matrix, None)) for _ in range(7))
    return packed < plain


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def pack(weight: Tensor) -> Tensor:
    """A matrix in another order, which `multiply` alone can read. *Shapes:* (out, in)."""
    return torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous(), None)


def multiply(x: Tensor, packed: Tensor, bias: Tensor | None, activation: Activation | None = None) -> Tensor:
    """`F.linear` of a packed weight, and one of the activations in `FUSED`. *Shapes:* (..., in) to (..., out)."""
    rows = x.numel() // x.shape[-1]
    if 0 < rows < 3 and packed.numel() >= _LARGE:
        widened = torch.cat([x.reshape(rows, -1)] * (_FEW // rows))
        return _multiply(widened, packed, bias, activation)[:rows].view(*x.shape[:-1], -1)
    return _multiply(x, packed, bias, activation)


def _multiply(x: Tensor, packed: Tensor, bias: Tensor | None, activation: Activation | None) -> Tensor:
    kind, algorithm = FUSED[activation]
    return torch.ops.mkldnn._linear_pointwise(x, packed, bias, kind, [], algorithm)


def multiply_add(x: Tensor, packed: Tensor, other: Tensor) -> Tensor:
    """`F.linear` of a packed weight, added to `other`. *Shapes:* (..., in) and (..., out) to (..., out)."""
    return torch.ops.mkldnn._linear_pointwise.binary(x, other, packed, None, "add")


def is_packable(weight: Tensor) -> bool:
    """Whether a weight is of the kind that is packed."""
    return weight.device.type == "cpu" and weight.dtype == torch.float32 and weight.numel() > 0


class _Stamp(NamedTuple):
    """What tells that a parameter is as it was."""

    identity: int
    place: int
    version: int
    sample: Tensor

    @classmethod
    def of(cls, weight: Tensor) -> _Stamp:
        # Changes through `.data` leave the version as it is; a sample of the values tells of them.
        flat = weight.detach().reshape(-1)
        sample = flat[:: max(flat.numel() // 64, 1)].clone()
        version = 0 if weight.is_inference() else weight._version
        return cls(id(weight), weight.data_ptr(), version, sample)

    def holds(self, other: _Stamp) -> bool:
        return self[:3] == other[:3] and torch.equal(self.sample, other.sample)


_kept: WeakKeyDictionary[nn.Module, tuple[list[_Stamp], Any]] = WeakKeyDictionary()


def remembered(module: nn.Module, make: Callable[[], Made], *others: Tensor) -> Made:
    """What `make` made of this module, made anew where its parameters, or the others, are not what they were then."""
    stamps = [_Stamp.of(weight) for weight in (*module.parameters(), *others)]
    found = _kept.get(module)
    if found is not None and len(found[0]) == len(stamps) and all(map(_Stamp.holds, found[0], stamps)):
        return found[1]
    made = make()
    _kept[module] = stamps, made
    return made


def packed_weight(linear: nn.Linear) -> Tensor:
    """The packed weight of a linear layer."""
    return remembered(linear, lambda: pack(linear.weight))


class StandIn(NamedTuple):
    """A packed form that can take the place of the `weight` of `owner`, for it gives it back bit for bit."""

    owner: nn.Module
    dense: Callable[[], Tensor]


def release(stand_in: StandIn, packer: nn.Module) -> Callable[[], None]:
    """Give the memory of a plain weight back; the result undoes that, and forgets what was packed for `packer`."""
    owner, weight = stand_in.owner, stand_in.owner.weight
    assert isinstance(weight, nn.Parameter)
    owner.register_parameter("weight", nn.Parameter(weight.detach().to("meta"), requires_grad=False))
    weight.data = torch.empty(0)

    def restore() -> None:
        weight.data = stand_in.dense()
        owner.register_parameter("weight", weight)
        _kept.pop(packer, None)

    return restore
