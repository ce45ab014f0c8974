"""Samples that are in memory, of whatever type, as floats of which full scale is -1 to 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgraft.errors import InputError

# Type to what is silence and what is full scale: those of the integers that audio files hold.
_SCALES: dict[str, tuple[int, int]] = {
    "int8": (0, 1 << 7),
    "uint8": (128, 1 << 7),
    "int16": (0, 1 << 15),
    "int32": (0, 1 << 31),
}


def as_samples(values: Any, where: str) -> NDArray[np.float32]:
    """One row of samples: (samples,), float32.

    Floats stay as they are. Integers of 8, 16 and 32 bits become floats from -1 to 1, as `soundfile` reads them;
    unsigned ones have their silence at 128, as in wav files. The result may share memory with `values`.

    Args:
        values: An array, a tensor on any device, or a list of floats.
        where: How messages name it.

    Raises:
        InputError: These are no numbers, or of a type without a scale (64 bits, which Python's own integers become);
            there is more than one axis.
    """
    try:
        array = np.asarray(_on_cpu(values))
        if array.dtype.kind not in "iubc":
            array = np.asarray(array, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: not a row of numbers ({error})") from None
    if array.dtype != np.float32:
        array = _scaled(array, where)
    if array.ndim != 1:
        raise InputError(f"{where}: shape {array.shape}, expected (samples,) of one channel")
    return array


def _on_cpu(values: Any) -> Any:
    """A tensor as an array, told by what it can do: torch need not be there for arrays."""
    if not hasattr(values, "detach"):
        return values
    tensor = values.detach().cpu()
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _scaled(array: NDArray[Any], where: str) -> NDArray[np.float32]:
    if array.dtype.name not in _SCALES:
        raise InputError(
            f"{where}: values of type {array.dtype.name}, expected floats from -1 to 1, "
            f"or {', '.join(sorted(_SCALES))}, which are scaled to that"
        )
    silence, full = _SCALES[array.dtype.name]
    # From doubles, which hold 32 bits exactly, rounded once.
    scaled: NDArray[np.float32] = ((array.astype(np.float64) - silence) / full).astype(np.float32)
    return scaled
