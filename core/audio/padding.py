"""Cutting and filling rows to one length."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from speechgraft.batch import Padding, rounded_up
from speechgraft.errors import InputError

Row = NDArray[np.float32]


def truncate_rows(rows: list[Row], max_length: int | None, multiple: int | None, truncation: bool) -> list[Row]:
    """Cut rows at `max_length` samples, rounded up to a multiple."""
    if not truncation:
        return rows
    if max_length is None:
        raise InputError("truncation=True needs max_length")
    length = rounded_up(max_length, multiple)
    return [row[:length] for row in rows]


def planned_length(rows: list[Row], padding: Padding, max_length: int | None, multiple: int | None) -> int | None:
    """The length that rows are padded to, `None` where they are left as they are."""
    if padding is Padding.DO_NOT_PAD:
        return None
    if padding is Padding.LONGEST:
        max_length = max(len(row) for row in rows)
    if max_length is None:
        raise InputError("padding='max_length' needs max_length")
    return rounded_up(max_length, multiple)


def pad_rows(
    rows: list[Row], length: int | None, value: float, side: Literal["left", "right"]
) -> tuple[list[Row], list[NDArray[np.int32]]]:
    """Rows filled up to `length` with `value` on one side, and a mask of 1 and 0 for each."""
    values, masks = [], []
    for row in rows:
        missing = max(0, (length or 0) - len(row))
        width = (missing, 0) if side == "left" else (0, missing)
        values.append(np.pad(row, width, constant_values=value) if missing else row)
        masks.append(np.pad(np.ones(len(row), np.int32), width))
    return values, masks
