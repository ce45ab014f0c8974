"""Modules without weights: how a model is built before a checkpoint, or `init_weights`, gives it its values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from speechgraft.errors import ConfigError

_OF_SIZES = re.compile(r"overflow|too large|out of range|too big|negative", re.IGNORECASE)


FREE_TENSORS = 2000
"""What any model may be made of: pairs of the largest published parts have some 1,500."""

_TIMES = 8
"""By how much a model may have more tensors than its checkpoint: stacked projections are cut in three, cross-attention
doubles a decoder's."""


@contextmanager
def weightless(held: Callable[[], int | None] | None = None) -> Iterator[None]:
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

    Args:
        held: How many tensors the checkpoint has that the modules are built for. A config that asks for far more, by
            ten million layers say, is refused before they are made. It is asked only where a model is large. It gives
            `None` where there is no checkpoint to count, for a config from strangers all the same.

    Raises:
        ConfigError: Too many tensors are made, or one of a size that cannot be counted.
    """
    try:
        with torch.device("meta"), _Uninitialised(held):
            yield
    except (OverflowError, RuntimeError, TypeError) as error:
        if held is None or not _OF_SIZES.search(str(error)):
            raise
        told = str(error).splitlines()[0]
        raise ConfigError(f"a config asks for tensors larger than can be counted ({told})") from None


class _Uninitialised(TorchFunctionMode):
    """Leaves out what `torch.nn.init` would do, and counts the tensors that are made."""

    def __init__(self, held: Callable[[], int | None] | None) -> None:
        super().__init__()
        self._held, self._made, self._most = held, 0, FREE_TENSORS

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        made = func(*args, **kwargs)
        if self._held is not None and isinstance(made, torch.Tensor):
            self._count(self._held)
        return made

    def _count(self, held: Callable[[], int | None]) -> None:
        self._made += 1
        if self._made <= self._most:
            return
        has = held()
        most = _TIMES * (FREE_TENSORS if has is None else has)
        self._most = max(self._made, most)
        if self._made > most:
            against = "" if has is None else f", and the checkpoint has {has}"
            raise ConfigError(
                f"a config asks for more than {self._made - 1} tensors{against}: see its numbers of layers"
            )
