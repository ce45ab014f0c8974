"""Features of single utterances, put together to a batch of one length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from speechgraft.audio.padding import pad_rows, planned_length, truncate_rows
from speechgraft.batch import Padding
from speechgraft.errors import InputError

Given = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""Features of a batch, or of each utterance by itself."""

VALUES = "input_values"
MASK = "attention_mask"


@attrs.frozen
class Columns:
    """Features of a batch by what they are."""

    values: list[NDArray[np.float32]]
    """Samples of each utterance."""

    masks: list[NDArray[np.int32]] | None
    """1 for samples and 0 for what is none, where that is known."""

    others: dict[str, list[Any]]
    """What goes with each utterance besides."""

    kind: Literal["pt", "np"]
    """What they came as."""

    @classmethod
    def of(cls, given: Given) -> Columns:
        """Features as they are handed to `pad`.

        Raises:
            InputError: There are no `input_values`, they are no numbers, or utterances have different features.
        """
        columns = _columns(given)
        alone = _is_alone(columns[VALUES])
        rows = {name: [values] if alone else list(values) for name, values in columns.items()}
        values = [_array(row, place, np.float32) for place, row in enumerate(rows.pop(VALUES))]
        if not values:
            raise InputError("a batch of no utterances, expected at least one")
        masks = rows.pop(MASK, None)
        for name, others in rows.items():
            if len(others) != len(values):
                raise InputError(f"{name}: {len(others)} rows for {len(values)} utterances")
        found = None if masks is None else [_array(mask, place, np.int32) for place, mask in enumerate(masks)]
        if found is not None and [len(mask) for mask in found] != [len(row) for row in values]:
            raise InputError(f"{MASK}: its rows are not as long as those of {VALUES}")
        is_tensor = hasattr(columns[VALUES] if alone else next(iter(columns[VALUES])), "detach")
        return cls(values, found, rows, "pt" if is_tensor else "np")

    def padded(
        self,
        padding: bool | str,
        max_length: int | None,
        truncation: bool,
        multiple: int | None,
        *,
        value: float,
        side: Literal["left", "right"],
    ) -> tuple[list[NDArray[np.float32]], list[NDArray[np.int32]]]:
        """Values and masks, cut and filled up.

        Raises:
            InputError: A length is asked for, and none given.
        """
        rows = truncate_rows(self.values, max_length, multiple, truncation)
        length = planned_length(rows, Padding.parse(padding), max_length, multiple)
        values, masks = pad_rows(rows, length, value, side)
        if self.masks is None:
            return values, masks
        for mask, given in zip(masks, self.masks, strict=True):
            mask[mask == 1] = given[: int(mask.sum())]
        return values, masks


def _columns(given: Given) -> dict[str, Any]:
    if isinstance(given, Mapping):
        columns = dict(given)
    elif isinstance(given, list | tuple) and given and all(isinstance(each, Mapping) for each in given):
        names = given[0].keys()
        if any(each.keys() != names for each in given):
            raise InputError("not every utterance has the same features")
        columns = {name: [each[name] for each in given] for name in names}
    else:
        raise InputError(f"expected features: a mapping with {VALUES}, or a list of such mappings")
    if VALUES not in columns:
        raise InputError(f"there are no {VALUES} to pad, only {', '.join(map(repr, columns)) or 'nothing'}")
    return columns


def _is_alone(values: Any) -> bool:
    if isinstance(values, list | tuple):
        return bool(values) and np.ndim(values[0]) == 0
    return np.ndim(values) < 2


def _array(row: Any, place: int, kind: type) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.asarray(row.detach().cpu().numpy() if hasattr(row, "detach") else row, dtype=kind)
    except (TypeError, ValueError) as error:
        raise InputError(f"row {place}: not a row of numbers ({error})") from None
    if array.ndim != 1:
        raise InputError(f"row {place}: shape {array.shape}, expected one axis")
    return array
