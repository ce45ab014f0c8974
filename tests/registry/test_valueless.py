"""What fails for want of values is told from what would fail anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from speechgraft.registry.valueless import NeedsValuesError, without_values

READS: dict[str, Callable[[torch.Tensor], Any]] = {
    "item": lambda x: x[0].item(),
    "int": lambda x: int(x[0]),
    "branch": lambda x: bool((x > 0).all()),
    "list": lambda x: x.tolist(),
    "array": lambda x: x.numpy(),
    "array of numpy": np.asarray,
    "other device": lambda x: x.cpu(),
    "places": lambda x: x.nonzero(),
    "mask": lambda x: x[x > 0],
    "repeats": lambda x: x.repeat_interleave(x.long()),
    "unique": lambda x: x.unique(),
    "values beside none": lambda x: x + torch.zeros(3, device="cpu"),
    "none beside values": lambda x: torch.zeros(3, 3, device="cpu") @ x,
    "copy": lambda x: torch.zeros(3, device="cpu").copy_(x),
}

FAULTS: dict[str, tuple[type[Exception], Callable[[torch.Tensor], Any]]] = {
    "shape": (RuntimeError, lambda x: x + torch.zeros(4)),
    "widths": (RuntimeError, lambda x: x @ torch.zeros(5, 2)),
    "index": (IndexError, lambda x: x[7]),
    "its own": (ValueError, lambda x: (_ for _ in ()).throw(ValueError("metals are unknown"))),
    "with values": (RuntimeError, lambda x: torch.zeros(3, device="cpu") + torch.zeros(4, device="cpu")),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_what_reads_values_is_told(read: Callable[[torch.Tensor], Any]) -> None:
    with pytest.raises(NeedsValuesError), without_values():
        read(torch.zeros(3))


@pytest.mark.parametrize(("kind", "fault"), FAULTS.values(), ids=FAULTS.keys())
def test_what_would_fail_anywhere_stays_what_it_is(kind: type[Exception], fault: Callable[[torch.Tensor], Any]) -> None:
    with pytest.raises(kind) as caught, without_values():
        fault(torch.zeros(3))
    assert not isinstance(caught.value, NeedsValuesError)


def test_a_module_that_knows_a_way_without_values_goes_it() -> None:
    with without_values():
        x = torch.zeros(3)
        try:
            length = int(x.sum())
        except RuntimeError:
            length = 3
        assert x[:length].is_meta
