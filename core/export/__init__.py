"""Pairs as programs of their own, for onnxruntime or `torch.export`, and what runs them."""

from __future__ import annotations

from speechgraft.export.load import is_export, load_exported, load_exported_parts
from speechgraft.export.ports import Port, Ports, Target
from speechgraft.export.save import export_folder, export_pair

__all__ = [
    "Port",
    "Ports",
    "Target",
    "export_folder",
    "export_pair",
    "is_export",
    "load_exported",
    "load_exported_parts",
]
