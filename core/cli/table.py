"""Aligned columns of plain text, which read the same on a terminal, in a pipe and in a log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay out rows under a header, each column as wide as its widest cell.

    >>> print(table(("name", "stride"), [("wav2vec2", 320), ("sew", 640)]))
    name      stride
    wav2vec2  320
    sew       640
    """
    lines = [[*map(str, header)], *([*map(str, row)] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
