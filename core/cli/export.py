"""`speechgraft export`: a pair as ONNX files, or as programs of torch.export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def command(
    source: Annotated[str, typer.Argument(help="The folder or hub id of a pair.", metavar="DIR", show_default=False)],
    out: Annotated[Path, typer.Argument(help="The folder to write, new or empty.", show_default=False)],
    to: Annotated[Literal["onnx", "torch"], typer.Option(help="What to write: .onnx files, or .pt2 files.")] = "onnx",
) -> None:
    """Write a pair as programs that run without it: its encoder, and its decoder's step on a cache of plain tensors."""
    from speechgraft.export import export_folder

    for name, ports in export_folder(source, out, to=to).items():
        taken, given = (", ".join(port.name for port in side) for side in (ports.inputs, ports.outputs))
        print(f"{name}: {taken} -> {given}")
