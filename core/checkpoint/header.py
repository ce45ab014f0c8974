"""The header of a safetensors file, checked before anything is mapped from it.

The format: eight bytes with the header's length, the header as JSON, then the tensors' bytes
without gaps (https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

import attrs

from speechgraft.errors import CheckpointError

# Some 150 bytes for each tensor; what they become takes up to 30 times as much.
_LARGEST_HEADER = 4 * 2**20
_MOST_VALUES = 2**19
_MOST_DIMENSIONS = 32

_SIZES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
}


@attrs.frozen
class Entry:
    """What a header says of one tensor: dtype (`"F32"`), shape, and first and last byte in the data."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def read_header(path: Path) -> dict[str, Entry]:
    """The tensors of a file by name.

    Raises:
        CheckpointError: The file is missing or damaged; the message names the tensor, what was
            expected and what is there.
    """
    try:
        found = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if found < 8 or length > min(found - 8, _LARGEST_HEADER):
                raise CheckpointError(
                    f"{path}: truncated or no safetensors file: "
                    + (f"its header takes {length} bytes, " if found >= 8 else "at least 8 bytes were expected, ")
                    + f"the whole file has {found}"
                )
            text = file.read(length)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such file") from None
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from None
    entries = {name: _entry(path, name, entry) for name, entry in _parse(path, text).items() if name != "__metadata__"}
    _check_layout(path, entries, found - 8 - length)
    return entries


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    if sum(map(text.count, (b",", b":", b"[", b"{"))) > _MOST_VALUES:
        raise CheckpointError(f"{path}: its header holds more than {_MOST_VALUES} values, expected those of tensors")
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: no safetensors file: its header is not JSON ({error})") from None
    if not isinstance(header, dict):
        raise CheckpointError(f"{path}: no safetensors file: its header is not an object")
    return header


def _entry(path: Path, name: str, entry: Any) -> Entry:
    match entry:
        case {"dtype": str() as dtype, "shape": list() as shape, "data_offsets": [int() as begin, int() as end]}:
            pass
        case _:
            raise CheckpointError(f"{path}: tensor {name!r}: its header lacks dtype, shape or data_offsets")
    if dtype not in _SIZES:
        raise CheckpointError(f"{path}: tensor {name!r} has dtype {dtype!r}, expected one of {', '.join(_SIZES)}")
    if len(shape) > _MOST_DIMENSIONS:
        raise CheckpointError(
            f"{path}: tensor {name!r} has {len(shape)} dimensions, expected {_MOST_DIMENSIONS} or fewer"
        )
    if not all(type(size) is int and 0 <= size < 2**63 for size in shape):
        raise CheckpointError(f"{path}: tensor {name!r} has shape {shape}, expected integers not below 0 of 63 bits")
    expected = prod(shape) * _SIZES[dtype]
    if begin < 0 or end - begin != expected:
        raise CheckpointError(
            f"{path}: tensor {name!r}: {dtype} of shape {tuple(shape)} takes {expected} bytes, "
            f"but the header gives it bytes {begin} to {end}"
        )
    return Entry(dtype, tuple(shape), begin, end)


def _check_layout(path: Path, entries: dict[str, Entry], found: int) -> None:
    """Tensors follow each other without gaps or overlaps, up to the end of the file."""
    position = 0
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != position:
            raise CheckpointError(
                f"{path}: tensor {name!r} begins at byte {entry.begin} of the data, expected {position}"
            )
        position = entry.end
        if position > found:
            raise CheckpointError(
                f"{path}: truncated: tensor {name!r} needs {position} bytes of data, the file has {found}"
            )
    if position != found:
        raise CheckpointError(f"{path}: expected {position} bytes of data, found {found}")
