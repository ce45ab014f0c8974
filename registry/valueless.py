"""Running modules on meta tensors, which have shapes and no values, and telling what fails for want of values alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_READ = frozenset({torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape})
"""What torch calls operators whose result, or its shape, hangs on values."""


class NeedsValuesError(NotImplementedError):
    """An operation needs the values of tensors that have none; on a device with memory it may well do."""


@contextmanager
def without_values() -> Iterator[None]:
    """Run what stands beneath on the meta device.

    Raises:
        NeedsValuesError: It reads values (`int(x)`, `x.tolist()`, `x.numpy()`, a mask for an index), mixes tensors that
            have values with those that have none, or uses an operator that knows no shapes.
    """
    with torch.no_grad(), torch.device("meta"), _Arrays(), _Operators():  # type: ignore[no-untyped-call]
        yield


class _Operators(TorchDispatchMode):
    """Looks at why an operator fails."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        try:
            return func(*args, **(kwargs or {}))
        except RuntimeError as error:
            given = [part for part in tree_leaves((args, kwargs)) if isinstance(part, Tensor)]
            meta = [tensor.is_meta for tensor in given]
            unknown = isinstance(error, NotImplementedError) or not _READ.isdisjoint(func.tags)
            if any(meta) and (unknown or not all(meta)):
                raise NeedsValuesError(str(error)) from error
            raise


class _Arrays(TorchFunctionMode):
    """Looks at tensors that are to become arrays, for which no operator is asked."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in (Tensor.numpy, Tensor.__array__) and args[0].is_meta:
            raise NeedsValuesError("a tensor without values cannot become an array")
        return func(*args, **(kwargs or {}))
