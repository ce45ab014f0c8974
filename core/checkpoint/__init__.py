"""Checkpoints in the hub's format: safetensors, weight maps, load reports, saving all or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speechgraft.checkpoint.atomic import repair, replacing
from speechgraft.checkpoint.formats import Weights
from speechgraft.checkpoint.hub import CONFIG_FILE, SETTINGS_FILES, locate
from speechgraft.checkpoint.report import LoadReport
from speechgraft.checkpoint.rows import Row, duplicate, fallback, old_spelling, rename, split, transpose
from speechgraft.checkpoint.sources import open_tensors
from speechgraft.checkpoint.tensors import TensorFiles, write_file, write_tensors
from speechgraft.checkpoint.weight_map import Mapped, WeightMap
from speechgraft.json_files import read_json, write_json

if TYPE_CHECKING:
    from speechgraft.checkpoint.load import load_into, materialise

__all__ = [
    "CONFIG_FILE",
    "SETTINGS_FILES",
    "LoadReport",
    "Mapped",
    "Row",
    "TensorFiles",
    "WeightMap",
    "Weights",
    "duplicate",
    "fallback",
    "load_into",
    "locate",
    "materialise",
    "old_spelling",
    "open_tensors",
    "read_json",
    "rename",
    "repair",
    "replacing",
    "split",
    "transpose",
    "write_file",
    "write_json",
    "write_tensors",
]


def __getattr__(name: str) -> Any:
    """`load_into` and `materialise` import torch, so they come when they are asked for."""
    if name in ("load_into", "materialise"):
        from speechgraft.checkpoint import load

        return getattr(load, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
