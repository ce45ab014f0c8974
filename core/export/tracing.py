"""Programs of modules, by `torch.export`, with sizes that stay free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx import Node

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
    exported = torch.export.export(module, args, named, dynamic_shapes=shapes, strict=False)
    _leave_out_idle(exported)
    return exported


def _leave_out_idle(exported: ExportedProgram) -> None:
    """Take out what no result hangs on, and parameters that nothing reads: files would hold them."""
    exported.graph.eliminate_dead_code(_does_something)
    idle = {node.name: node for node in exported.graph.find_nodes(op="placeholder") if not node.users}
    specs = exported.graph_signature.input_specs
    for spec in [spec for spec in specs if spec.target is not None and spec.arg.name in idle]:
        specs.remove(spec)
        exported.state_dict.pop(spec.target, None)
        exported.constants.pop(spec.target, None)
        exported.graph.erase_node(idle[spec.arg.name])
    exported.graph_module.recompile()


def memory_shapes() -> Any:
    """Which sizes of the arguments of a `MemoryGraph` stay free: rows and inputs."""
    return _ROWS_AND_LENGTH, _ROWS_AND_LENGTH


def reading_shapes() -> Any:
    """Which sizes of the argument of a `ReadingGraph` stay free: rows and frames."""
    return (_ROWS_AND_LENGTH,)


def step_shapes(cache: CacheTensors) -> Any:
    """Which sizes of the arguments of a `StepGraph` stay free: rows, frames, and tokens seen."""
    return _ROWS, _ROWS_AND_LENGTH, (_OF_HEADS,) * len(cache.memory), (_OF_HEADS,) * len(cache.tokens)


def _does_something(node: Node) -> bool:
    """Whether a node is there for more than its result. What may draw random numbers is taken for such a one."""
    draws = torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
    return not draws and bool(node.is_impure())
