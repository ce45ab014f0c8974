"""Modules without weights: how a model is built before a checkpoint, or `init_weights`, gives it its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


@contextmanager
def weightless() -> Iterator[None]:
    """Build modules on the meta device, without the first values that their constructors would draw.

    `torch.device("meta")` alone does that as well, but it carries the initialisers out, for nothing, by code that
    takes a second and 50 MB to import.

    ```python
    from torch import nn
    from speechgraft.nn.meta import weightless

    with weightless():
        linear = nn.Linear(4096, 4096)
    assert linear.weight.is_meta
    ```
    """
    with torch.device("meta"), _Uninitialised():
        yield


class _Uninitialised(TorchFunctionMode):
    """Leaves out what `torch.nn.init` would do."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)
