"""From a checkpoint's tensors to a module's parameters, and first values for those it lacks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from speechgraft.checkpoint.report import LoadReport, named
from speechgraft.checkpoint.sources import open_tensors
from speechgraft.checkpoint.weight_map import Mapped, WeightMap
from speechgraft.contracts import Component
from speechgraft.errors import CheckpointError, PluginError

Device = torch.device | str

_MADE_FREELY = 64 * 2**20
"""Bytes of parameters that any checkpoint may lack; beyond them as many as it has."""


def load_into(
    module: nn.Module,
    source: Mapping[str, Tensor] | Path | str,
    weight_map: WeightMap,
    *,
    dtype: torch.dtype | Literal["auto"] | None = None,
    device: Device = "cpu",
    strict: bool = True,
    ignore_mismatched_sizes: bool = False,
) -> LoadReport:
    """Give a module that was built on the meta device (`speechgraft.nn.meta.weightless`) the tensors of a checkpoint.

    They are put in as they are mapped from the file. Parameters that the weight map says a checkpoint may
    lack are made by the module's own `init_weights`.

    Args:
        module: What to fill.
        source: Tensors by name on disk, or the folder or file that has them.
        weight_map: Names on disk beside those of the module.
        dtype: Of the parameters; `"auto"`: as in the file, for newly made ones as those that were loaded;
            `None`: as the module was built.
        device: Where the parameters go.
        strict: Whether missing and unexpected tensors are an error. Otherwise missing ones are made.
        ignore_mismatched_sizes: Whether wrongly shaped tensors are left out, and the parameters made.

    Raises:
        CheckpointError: Tensors are wrongly shaped, missing or unexpected: all of them, with their names on disk.
    """
    disk = source if isinstance(source, Mapping) else open_tensors(source)
    place = "" if isinstance(source, Mapping) else f"{source}: "
    mapped = weight_map.to_ours(disk)
    slots = module.state_dict(keep_vars=True)
    reshaped = _take_out_reshaped(mapped, slots) if ignore_mismatched_sizes else {}
    _check_shapes(mapped, slots, place)
    lacking = [name for name in slots if name not in mapped.tensors]
    reasons = {name: reshaped.get(name) or weight_map.fresh_reason(name) for name in lacking}
    made = {name: reason for name, reason in reasons.items() if reason is not None}
    missing = tuple(name for name in lacking if name not in made)
    surplus = [mapped.sources[name] for name in mapped.tensors if name not in slots]
    unexpected = tuple(dict.fromkeys((*mapped.unexpected, *surplus)))
    if strict:
        _check_complete(missing, unexpected, weight_map, place, frozenset(slots))
    _check_room(module, mapped.tensors, place)
    _assign(module, {name: mapped.tensors[name] for name in slots if name in mapped.tensors}, dtype, device)
    materialise(module, dtype=_dtype_of(module) if dtype == "auto" else dtype, device=device)
    return LoadReport(
        loaded=tuple(name for name in slots if name in mapped.tensors),
        missing=missing,
        unexpected=unexpected,
        ignored={**mapped.ignored, **{mapped.sources[name]: reason for name, reason in reshaped.items()}},
        made=made,
    )


def _take_out_reshaped(mapped: Mapped, slots: Mapping[str, Tensor]) -> dict[str, str]:
    """Take the tensors out that have another shape than the config asks for: our names, each with the reason."""
    wrong = [name for name, tensor in mapped.tensors.items() if slots.get(name, tensor).shape != tensor.shape]
    shapes = {name: (tuple(mapped.tensors.pop(name).shape), tuple(slots[name].shape)) for name in wrong}
    return {name: f"the checkpoint's is {has}, the config asks for {asks}" for name, (has, asks) in shapes.items()}


def _check_shapes(mapped: Mapped, slots: Mapping[str, Tensor], place: str) -> None:
    wrong = []
    for name, tensor in mapped.tensors.items():
        slot = slots.get(name, tensor)
        if slot.shape != tensor.shape:
            wrong.append(
                f"{mapped.sources[name]} (our {name}): the config asks for {tuple(slot.shape)}, "
                f"the checkpoint has {tuple(tensor.shape)}"
            )
        elif slot.is_floating_point() and not tensor.is_floating_point():
            wrong.append(
                f"{mapped.sources[name]} (our {name}): expected floating point, the checkpoint has {tensor.dtype}"
            )
    if wrong:
        raise CheckpointError("\n  ".join([f"{place}{len(wrong)} tensors do not fit the config:", *wrong]))


def _check_complete(
    missing: tuple[str, ...], unexpected: tuple[str, ...], weight_map: WeightMap, place: str, slots: Collection[str]
) -> None:
    on_disk = [weight_map.name_on_disk(name) or name for name in missing]
    lines = [*named("missing", on_disk), *named("unexpected", unexpected)]
    if lines:
        if missing and any(name in slots and name not in on_disk for name in unexpected):
            lines.append(
                "these are names of parameters in memory, as torch.save and trainers write them: load_state_dict takes "
                "them, and save_pretrained (Trainer: processing_class=model) writes those that are read here"
            )
        raise CheckpointError(f"{place}the checkpoint does not fit the model; " + "; ".join(lines))


def _check_room(module: nn.Module, tensors: Mapping[str, Tensor], place: str) -> None:
    """Refuse to make far more than was loaded: a config may ask for any size where the checkpoint has no tensor."""
    slots = [*module.named_parameters(), *module.named_buffers()]
    made = sum(slot.nbytes for name, slot in slots if slot.is_meta and name not in tensors)
    held = sum(tensor.nbytes for tensor in tensors.values())
    if made > held + _MADE_FREELY:
        largest = max((slot.nbytes, name) for name, slot in slots if slot.is_meta and name not in tensors)[1]
        raise CheckpointError(
            f"{place}the config asks for {made} bytes of parameters beside the {held} of the checkpoint, most of them "
            f"for {largest}; where that is meant, build the model from the config and load the tensors into it"
        )


def _assign(
    module: nn.Module, tensors: dict[str, Tensor], dtype: torch.dtype | Literal["auto"] | None, device: Device
) -> None:
    slots = module.state_dict(keep_vars=True)
    for name, tensor in tensors.items():
        wanted = tensor.dtype if dtype == "auto" else dtype or slots[name].dtype
        tensors[name] = tensor.to(device, wanted if tensor.is_floating_point() else None).contiguous()
    module.load_state_dict(tensors, strict=False, assign=True)


def _dtype_of(module: nn.Module) -> torch.dtype | None:
    """The dtype of the first parameter that was loaded."""
    return next((value.dtype for value in module.parameters() if not value.is_meta), None)


def materialise(module: nn.Module, *, dtype: torch.dtype | None = None, device: Device = "cpu") -> nn.Module:
    """Make the parameters of a module that are still on the meta device, with first values by `init_weights`.

    Each sub-module is begun by the nearest `Component` that it belongs to. Parameters that are there
    already stay as they are.

    Args:
        module: What to fill.
        dtype: Of the new parameters; `None`: as the module was built.
        device: Where they go.

    Returns:
        The module.

    Raises:
        PluginError: A parameter belongs to no `Component`, or `init_weights` leaves it without values.
    """
    owners: dict[str, Component] = {}
    for path, part in module.named_modules():
        owner = part if isinstance(part, Component) else owners.get(path.rpartition(".")[0])
        if owner is not None:
            owners[path] = owner
        own = [*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)]
        if not any(tensor.is_meta for _, tensor in own):
            continue
        if owner is None:
            raise PluginError(
                f"{path or type(part).__name__}: no Component that could give it first values contains it"
            )
        _make(path, part, owner, dtype, device)
    return module


def _make(path: str, part: nn.Module, owner: Component, dtype: torch.dtype | None, device: Device) -> None:
    """First values for what `part` itself lacks; what it has is set aside meanwhile."""
    had: list[tuple[dict[str, Any], str, Tensor]] = []
    tables: list[dict[str, Any]] = [part._parameters, part._buffers]
    for tensors in tables:
        for name, tensor in tensors.items():
            if tensor is not None:
                tensors[name] = _blank(tensor, dtype, device)
                if not tensor.is_meta:
                    had.append((tensors, name, tensor))
    owner.init_weights(part)
    for name, tensor in (item for tensors in tables for item in tensors.items()):
        if tensor is not None and tensor.is_floating_point() and tensor.isnan().any():
            raise PluginError(
                f"{path or type(part).__name__}: init_weights of {type(owner).__name__} leaves {name} unset"
            )
    for tensors, name, tensor in had:
        tensors[name] = tensor


def _blank(tensor: Tensor, dtype: torch.dtype | None, device: Device) -> Tensor:
    """A tensor of the same kind without values: what `init_weights` forgets stays not-a-number."""
    if not tensor.is_floating_point():
        return torch.zeros(tensor.shape, device=device, dtype=tensor.dtype)
    blank = torch.full(tensor.shape, torch.nan, device=device, dtype=dtype or tensor.dtype)
    return nn.Parameter(blank, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else blank
