"""`flax_model.msgpack`: what Flax wrote of JAX models, under the names and in the layouts that PyTorch files have.

The file is a tree of maps whose leaves are extension values of type 1: an array's shape, the name of its type and its
bytes, packed once more (`flax.serialization`). Arrays above 1 GB are cut into pieces.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from speechgraft.checkpoint.formats import Contents
from speechgraft.checkpoint.tensorflow import kernel_layout
from speechgraft.errors import CheckpointError, MissingExtraError

_ARRAY, _COMPLEX, _SCALAR = 1, 2, 3
_CHUNKED = "__msgpack_chunked_array__"
_MOST_DIMENSIONS = 32
_DEEPEST = 32

_LEAVES = {"kernel": "weight", "scale": "weight", "embedding": "weight", "mean": "running_mean", "var": "running_var"}
"""What Flax calls the tensors of a layer beside what PyTorch does."""

_DTYPES = {
    name: getattr(torch, name)
    for name in ("float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")
}


def read_msgpack(path: Path) -> Contents:
    """The tensors of one file, by the names of PyTorch files and in their layouts.

    Raises:
        CheckpointError: The file is missing or damaged, or holds anything but arrays by name.
        MissingExtraError: msgpack is not installed.
    """
    try:
        import msgpack
    except ImportError:
        raise MissingExtraError("reading weights of Flax", "msgpack", "convert") from None
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            # Lists appear inside of arrays alone. A list's room is made before its values are read.
            tree = msgpack.unpackb(memoryview(content), ext_hook=_leaf, max_array_len=0)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such file") from None
    except (OSError, ValueError, TypeError, LookupError, msgpack.UnpackException, MemoryError, RecursionError) as error:
        problem = str(error) or type(error).__name__
        raise CheckpointError(f"{path}: not what Flax writes, or damaged ({problem})") from error
    if not isinstance(tree, dict):
        raise CheckpointError(f"{path}: holds a {type(tree).__name__}, expected arrays by name")
    contents = Contents({})
    for parts, tensor in _leaves(path, tree):
        name = published_name(parts)
        if name in contents.tensors:
            raise CheckpointError(f"{path}: {'/'.join(parts)} and another array are both {name!r}")
        contents.tensors[name] = kernel_layout(tensor) if parts[-1] == "kernel" else tensor
        contents.origins[name] = "/".join(parts)
    return contents


def published_name(parts: list[str]) -> str:
    """A tensor's name in PyTorch files from its path in the tree.

    >>> published_name(["bert", "encoder", "layer", "0", "output", "LayerNorm", "scale"])
    'bert.encoder.layer.0.output.LayerNorm.weight'
    """
    return ".".join([*parts[:-1], _LEAVES.get(parts[-1], parts[-1])])


def _leaf(code: int, data: bytes) -> Tensor:
    """The array that an extension value holds."""
    import msgpack

    if code not in (_ARRAY, _SCALAR):
        kind = "a complex number" if code == _COMPLEX else f"an extension value of type {code}"
        raise ValueError(f"it holds {kind}, expected arrays")
    match msgpack.unpackb(data, max_array_len=_MOST_DIMENSIONS):
        case [list() as shape, str() as dtype, bytes() as values]:
            return _array(shape, dtype, values)
    raise ValueError("an array lacks shape, type or values")


def _array(shape: list[Any], dtype: str, values: bytes) -> Tensor:
    if dtype not in _DTYPES:
        raise ValueError(f"an array is of {dtype[:40]!r}, expected one of {', '.join(_DTYPES)}")
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"an array has shape {shape}, expected integers not below 0")
    expected = prod(shape) * _DTYPES[dtype].itemsize
    if expected != len(values):
        raise ValueError(f"an array of shape {tuple(shape)} and {dtype} takes {expected} bytes, it has {len(values)}")
    if not values:
        return torch.empty(shape, dtype=_DTYPES[dtype])
    # A copy, since tensors can be written to and the file's bytes cannot.
    return torch.frombuffer(bytearray(values), dtype=torch.uint8).view(_DTYPES[dtype]).reshape(shape)


def _leaves(path: Path, tree: dict[str, Any]) -> Iterator[tuple[list[str], Tensor]]:
    """All arrays with their paths; the collections that parameters and statistics may be in are no part of a path."""
    collections = tree.values() if tree and tree.keys() <= {"params", "batch_stats"} else (tree,)
    waiting: list[tuple[list[str], Any]] = [([], collection) for collection in collections]
    while waiting:
        parts, value = waiting.pop()
        if isinstance(value, Tensor):
            yield parts, value
        elif isinstance(value, dict) and _CHUNKED in value:
            yield parts, _joined(path, parts, value)
        elif isinstance(value, dict) and len(parts) < _DEEPEST:
            waiting += [([*parts, str(name)], part) for name, part in value.items()]
        else:
            raise CheckpointError(
                f"{path}: {'/'.join(parts) or 'the tree'} is a {type(value).__name__} or too deep, expected an array"
            )


def _joined(path: Path, parts: list[str], pieces: Mapping[str, Any]) -> Tensor:
    """An array that was cut into pieces."""
    shape, chunks = pieces.get("shape"), pieces.get("chunks")
    if isinstance(shape, dict) and isinstance(chunks, dict):
        sizes: list[Any] = [shape.get(str(i)) for i in range(len(shape))]
        flat: list[Any] = [chunks.get(str(i)) for i in range(len(chunks))]
        if all(type(size) is int and size >= 0 for size in sizes) and all(isinstance(each, Tensor) for each in flat):
            whole = torch.cat([each.reshape(-1) for each in flat]) if flat else torch.empty(0)
            if whole.numel() == prod(sizes):
                return whole.reshape(sizes)
    raise CheckpointError(f"{path}: the pieces of {'/'.join(parts)} do not make an array of its shape")
