"""Programs of modules, by `torch.export`, with sizes that stay free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from speechgraft.nn.cache import CacheTensors

_ROWS: Final = {0: Dim.DYNAMIC}
_ROWS_AND_LENGTH: Final = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}
_OF_HEADS: Final = {0: Dim.DYNAMIC, 2: Dim.DYNAMIC}  # (rows, heads, length, head_size)


def trace(module: nn.Module, example: Mapping[str, Tensor] | tuple[Any, ...], shapes: Any) -> ExportedProgram:
    """The program of a module that was shown one example.

    Args:
        module: In eval mode.
        example: Its arguments. Sizes that are to stay free differ from each other and are two at least: a one is
            taken for a constant, and what is the same twice for one size.
        shapes: Which sizes stay free, in the structure of the example.
    """
    args, named = (example, {}) if isinstance(example, tuple) else ((), dict(example))
    return torch.export.export(module, args, named, dynamic_shapes=shapes, strict=False)


def memory_shapes() -> Any:
    """Which sizes of the arguments of a `MemoryGraph` stay free: rows and inputs."""
    return _ROWS_AND_LENGTH, _ROWS_AND_LENGTH


def reading_shapes() -> Any:
    """Which sizes of the argument of a `ReadingGraph` stay free: rows and frames."""
    return (_ROWS_AND_LENGTH,)


def step_shapes(cache: CacheTensors) -> Any:
    """Which sizes of the arguments of a `StepGraph` stay free: rows, frames, and tokens seen."""
    return _ROWS, _ROWS_AND_LENGTH, (_OF_HEADS,) * len(cache.memory), (_OF_HEADS,) * len(cache.tokens)
