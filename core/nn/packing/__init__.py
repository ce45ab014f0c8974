"""Weights prepared for inference on the CPU, for as long as somebody generates.

```python
import torch
from torch import nn
from speechgraft.nn.packing import prepared

model = nn.Sequential(nn.Linear(8, 8), nn.ReLU()).eval()
with prepared(model), torch.inference_mode():
    model(torch.zeros(1, 8))
```

Modules stay what they are and know nothing of it: within the `with`, those that something faster is
known for answer by that. What was prepared is kept beside the modules and made anew when their weights
are others; it is in no state dict, copy or pickle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import torch
from torch import nn

from speechgraft.nn.attention import SelfAttention
from speechgraft.nn.disentangled import DisentangledAttention, RelativePositions
from speechgraft.nn.feed_forward import FeedForward
from speechgraft.nn.output import OutputLayer
from speechgraft.nn.packing.attention import fast_self_attention, joined_layers
from speechgraft.nn.packing.distances import fast_disentangled, fast_distances
from speechgraft.nn.packing.front_end import fast_front_end, front_end_stand_ins
from speechgraft.nn.packing.linear import fast_feed_forward, fast_linear, fast_output, linear_stand_ins
from speechgraft.nn.packing.positions import fast_positions, lean_positions
from speechgraft.nn.packing.small import fast_dropout, fast_norm
from speechgraft.nn.packing.weights import StandIn, can_pack, packing_pays, release
from speechgraft.nn.speech.front_end import ConvFrontEnd
from speechgraft.nn.speech.positions import WeightNormConv

__all__ = ["can_pack", "packing_pays", "prepared"]

Model = TypeVar("Model", bound=nn.Module)
Forward = Callable[..., Any]

_LEAN: dict[type[nn.Module], Callable[[Any], Forward | None]] = {
    nn.Linear: fast_linear,
    nn.LayerNorm: fast_norm,
    nn.Dropout: fast_dropout,
    FeedForward: fast_feed_forward,
    OutputLayer: fast_output,
    ConvFrontEnd: fast_front_end,
    WeightNormConv: lean_positions,
    RelativePositions: fast_distances,
}
"""What makes a faster forward of a module of this very class, or `None` where there is none for it."""

_FAST: dict[type[nn.Module], Callable[[Any], Forward | None]] = {
    **_LEAN,
    WeightNormConv: fast_positions,
    DisentangledAttention: fast_disentangled,
    SelfAttention: fast_self_attention,
}
"""The same where speed counts for more than memory."""

_COVERED: dict[type[nn.Module], Callable[[Any], Sequence[nn.Module]]] = {SelfAttention: joined_layers}
"""Parts of modules that need no preparation of their own where that of `_FAST` is in use."""

_STAND_INS: dict[type[nn.Module], Callable[[Any], list[StandIn]]] = {
    nn.Linear: linear_stand_ins,
    ConvFrontEnd: front_end_stand_ins,
}
"""What among that can take the place of plain weights."""


@contextmanager
def prepared(model: Model, *, packed: bool | None = None, replace: bool = False) -> Iterator[Model]:
    """Let a model's modules answer by faster means while no gradients are computed.

    The weights must not change within the `with`. In training mode, with gradients enabled, under
    autocast, and for weights that are not float32 on the CPU, everything is as without it.

    Args:
        model: Any module.
        packed: Whether to; `None`: where a trial on this machine finds that it pays (once a process).
        replace: Whether the packed form of linear layers and convolutions takes the place of the plain one
            meanwhile, to save memory. Their weights are on the meta device then; at the end the plain ones are
            back, bit for bit.

    Yields:
        The model.
    """
    wanted = packing_pays() if packed is None else packed
    if not wanted or not can_pack():
        yield model
        return
    owners = Counter(id(weight) for part in model.modules() for weight in part.parameters(recurse=False))
    covered: set[nn.Module] = set()
    with ExitStack() as undo:
        for part in model.modules():
            # Whoever came first, in this thread or another, takes it back as well.
            ready = "forward" in vars(part)
            fast = None if ready or part in covered else _fast(part, lean=replace)
            if not replace and (ready or fast is not None):
                covered.update(_covered(part))
            if fast is None:
                continue
            vars(part)["forward"] = _guarded(part, fast)
            undo.callback(vars(part).pop, "forward", None)
            for stand_in in _stand_ins(part) if replace else ():
                if owners[id(stand_in.owner.weight)] == 1:
                    undo.callback(release(stand_in, part))
        yield model


def _covered(part: nn.Module) -> Sequence[nn.Module]:
    parts = _COVERED.get(type(part))
    return () if parts is None else parts(part)


def _stand_ins(part: nn.Module) -> list[StandIn]:
    make = _STAND_INS.get(type(part))
    return [] if make is None else make(part)


def _fast(part: nn.Module, *, lean: bool) -> Forward | None:
    make = (_LEAN if lean else _FAST).get(type(part))
    return None if make is None or part.training else make(part)


def _guarded(part: nn.Module, fast: Forward) -> Forward:
    """The fast forward, or the module's own where its result will be differentiated or cast."""
    plain = type(part).forward

    def forward(*inputs: Any, **options: Any) -> Any:
        if torch.is_grad_enabled() or part.training or torch.is_autocast_enabled("cpu"):
            return plain(part, *inputs, **options)
        return fast(*inputs, **options)

    return forward
