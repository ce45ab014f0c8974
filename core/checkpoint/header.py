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

DTYPES = {
    "BOOL": (1, "bool"),
    "U8": (1, "uint8"),
    "I8": (1, "int8"),
    "F8_E4M3": (1, "float8_e4m3fn"),
    "F8_E5M2": (1, "float8_e5m2"),
    "U16": (2, "uint16"),
    "I16": (2, "int16"),
    "F16": (2, "float16"),
    "BF16": (2, "bfloat16"),
    "U32": (4, "uint32"),
    "I32": (4, "int32"),
    "F32": (4, "float32"),
    "U64": (8, "uint64"),
    "I64": (8, "int64"),
    "F64": (8, "float64"),
    "C64": (8, "complex64"),
}
"""Bytes of a value, and torch's name of the dtype."""


@attrs.frozen
class Entry:
    """What a header says of one tensor: dtype (`"F32"`), shape, and where in the file its bytes begin and end."""

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
    start = 8 + length
    told = _parse(path, text)
    entries = {name: _entry(path, name, told[name], start) for name in told if name != "__metadata__"}
    _check_layout(path, entries, start, found)
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


def _entry(path: Path, name: str, entry: Any, start: int) -> Entry:
    match entry:
        case {"dtype": str() as dtype, "shape": list() as shape, "data_offsets": [int() as begin, int() as end]}:
            pass
        case _:
            raise CheckpointError(f"{path}: tensor {name!r}: its header lacks dtype, shape or data_offsets")
    if dtype not in DTYPES:
        raise CheckpointError(f"{path}: tensor {name!r} has dtype {dtype!r}, expected one of {', '.join(DTYPES)}")
    if len(shape) > _MOST_DIMENSIONS:
        raise CheckpointError(
            f"{path}: tensor {name!r} has {len(shape)} dimensions, expected {_MOST_DIMENSIONS} or fewer"
        )
    if not all(type(size) is int and 0 <= size < 2**63 for size in shape):
        raise CheckpointError(f"{path}: tensor {name!r} has shape {shape}, expected integers not below 0 of 63 bits")
    expected = prod(shape) * DTYPES[dtype][0]
    if begin < 0 or end - begin != expected:
        raise CheckpointError(
            f"{path}: tensor {name!r}: {dtype} of shape {tuple(shape)} takes {expected} bytes, "
            f"but the header gives it bytes {begin} to {end}"
        )
    return Entry(dtype, tuple(shape), start + begin, start + end)


def _check_layout(path: Path, entries: dict[str, Entry], start: int, found: int) -> None:
    """Tensors follow each other without gaps or overlaps, from the header's end to that of the file."""
    position = start
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != position:
            raise CheckpointError(
                f"{path}: tensor {name!r} begins at byte {entry.begin - start} of the data, expected {position - start}"
            )
        position = entry.end
        if position > found:
            raise CheckpointError(
                f"{path}: truncated: tensor {name!r} needs {position - start} bytes of data, the file has "
                f"{found - start}"
            )
    if position != found:
        raise CheckpointError(f"{path}: expected {position - start} bytes of data, found {found - start}")
