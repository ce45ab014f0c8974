"""Named rows or tensors of one batch, and what its rows are filled up to."""

from __future__ import annotations

from enum import Enum
from typing import Any, Self

import numpy as np

from speechgraft.errors import InputError


class Batch(dict[str, Any]):
    """Named lists, arrays or tensors of one batch, that read as keys and as attributes.

    >>> batch = Batch(input_ids=[[1, 2]])
    >>> batch.input_ids is batch["input_ids"]
    True
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no {name!r} here, only {sorted(self)}") from None

    def to(self, device: Any = None, dtype: Any = None) -> Self:
        """The same batch with its tensors on another device, floats in another precision; lists and arrays stay.

        Args:
            device: Where to; a dtype in this place is taken for one.
            dtype: Of the tensors of floats; those of ids and masks keep theirs.
        """
        import torch

        if isinstance(device, torch.dtype):
            device, dtype = None, device
        found = type(self)(self)
        for name, value in self.items():
            if isinstance(value, torch.Tensor):
                found[name] = value.to(device, dtype if value.is_floating_point() else None)
        return found


class Padding(Enum):
    """What rows are padded to."""

    LONGEST = "longest"
    MAX_LENGTH = "max_length"
    DO_NOT_PAD = "do_not_pad"

    @classmethod
    def parse(cls, value: Any) -> Padding:
        """From the argument of a call: `True` is the longest row, `False` no padding.

        Raises:
            InputError: It is none of them.
        """
        if isinstance(value, bool) or value is None:
            return cls.LONGEST if value else cls.DO_NOT_PAD
        try:
            return cls(value)
        except ValueError:
            choices = ", ".join(repr(kind.value) for kind in cls)
            raise InputError(f"padding={value!r}, expected True, False, {choices}") from None


def rounded_up(length: int, multiple: int | None) -> int:
    """The smallest multiple that is no less than `length`.

    Raises:
        InputError: The multiple is not positive.
    """
    if multiple is None:
        return length
    if multiple <= 0:
        raise InputError(f"pad_to_multiple_of={multiple}, expected a positive number")
    return -(-length // multiple) * multiple


def check_tensors(kind: object) -> None:
    """Refuse what no tensors can be made as.

    Raises:
        InputError: `return_tensors` is neither `"pt"`, `"np"` nor `None`.
    """
    if kind not in ("pt", "np", None):
        raise InputError(f"return_tensors={kind!r}, expected 'pt', 'np' or None")


def integers(rows: list[Any], kind: str | None, name: str) -> Any:
    """Rows of integers as one tensor of 64 bits (`"pt"`), one array (`"np"`), or as they are.

    Raises:
        InputError: The rows differ in length.
    """
    check_tensors(kind)
    if kind is None:
        return rows
    lengths = {len(row) for row in rows if isinstance(row, list)}
    if len(lengths) > 1:
        raise InputError(
            f"{name}: rows of {min(lengths)} to {max(lengths)} tokens make no single tensor; pass padding=True, "
            "and truncation=True where they may be cut"
        )
    array = np.asarray(rows, dtype=np.int64)
    if kind == "np":
        return array
    import torch

    return torch.from_numpy(array)
