"""Tensors in safetensors files, one or several shards with an index, read one by one as they are asked for."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from speechgraft.checkpoint.formats import SAFETENSORS
from speechgraft.checkpoint.header import DTYPES, Entry, read_header
from speechgraft.errors import CheckpointError
from speechgraft.json_files import open_to_all, write_json

if TYPE_CHECKING:
    from torch import Tensor

SINGLE_FILE = SAFETENSORS.single
INDEX_FILE = SAFETENSORS.index

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


class TensorFiles(Mapping[str, "Tensor"]):
    """Tensors by name, mapped from their files when they are asked for.

    Args:
        places: The file of each tensor.

    Raises:
        CheckpointError: A file is missing, damaged, or lacks a tensor that it should have.
    """

    def __init__(self, places: Mapping[str, Path] | Path) -> None:
        files = {places} if isinstance(places, Path) else set(places.values())
        headers = {file: read_header(file) for file in sorted(files)}
        if isinstance(places, Path):
            places = dict.fromkeys(headers[places], places)
        for name, file in places.items():
            if name not in headers[file]:
                raise CheckpointError(f"{file}: tensor {name!r} is not in it, though the index says so")
        self._places = dict(places)
        self._entries = {name: headers[file][name] for name, file in self._places.items()}

    def __getitem__(self, name: str) -> Tensor:
        file = self._places[name]
        try:
            return mapped(file, self._entries[name])
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{file}: tensor {name!r} cannot be read ({error})") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def entry(self, name: str) -> Entry:
        """Shape and dtype of a tensor, without reading it."""
        return self._entries[name]


def mapped(file: Path, entry: Entry) -> Tensor:
    """One tensor, by a mapping of its own bytes alone.

    So one that is given up, such as a weight that was packed, gives its memory back. What is written to it stays here.

    Raises:
        OSError: The file cannot be mapped.
        ValueError: It has become shorter than it was.
    """
    import torch

    dtype = getattr(torch, DTYPES[entry.dtype][1])
    if entry.begin == entry.end:
        return torch.empty(entry.shape, dtype=dtype)
    before = entry.begin % mmap.ALLOCATIONGRANULARITY
    first = entry.begin - before
    with file.open("rb") as opened:
        pages = mmap.mmap(opened.fileno(), entry.end - first, access=mmap.ACCESS_COPY, offset=first)
    return torch.frombuffer(pages, dtype=dtype, offset=before, count=prod(entry.shape)).view(entry.shape)


def write_tensors(folder: Path | str, tensors: Mapping[str, Tensor], max_shard_size: int | str = "5GB") -> list[Path]:
    """Write `model.safetensors`, or shards and their index where the tensors take more than `max_shard_size`.

    Each file is written whole or not at all. What an earlier save left under these names goes.

    Args:
        folder: Where; it is made if it is not there.
        tensors: By name on disk.
        max_shard_size: Bytes of one file at most, as a number or such as `"5GB"`; one tensor is never cut in two.

    Raises:
        CheckpointError: They cannot be written.
    """
    folder = Path(folder)
    shards = _shards(tensors, _bytes(max_shard_size))
    count = len(shards)
    names = [SINGLE_FILE] if count == 1 else [f"model-{n:05}-of-{count:05}.safetensors" for n in range(1, count + 1)]
    for name, shard in zip(names, shards, strict=True):
        write_file(folder / name, shard)
    if count > 1:
        places = {tensor: name for name, shard in zip(names, shards, strict=True) for tensor in shard}
        total = sum(tensor.nbytes for tensor in tensors.values())
        write_json(folder / INDEX_FILE, {"metadata": {"total_size": total}, "weight_map": places})
        names.append(INDEX_FILE)
    for file in list(folder.iterdir()):
        if is_weights(file.name) and file.name not in names:
            file.unlink()
    return [folder / name for name in names]


def is_weights(name: str) -> bool:
    """Whether `write_tensors` gives files this name."""
    return SAFETENSORS.holds(name)


def _shards(tensors: Mapping[str, Tensor], limit: int) -> list[dict[str, Tensor]]:
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        if shards[-1] and size + tensor.nbytes > limit:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += tensor.nbytes
    return shards


def write_file(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write one safetensors file, whole or not at all; its folder is made if it is not there.

    Raises:
        CheckpointError: It cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    scratch = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file(whole, scratch, metadata={"format": "pt"})
        open_to_all(scratch)
        scratch.replace(path)
    except (SafetensorError, OSError, RuntimeError) as error:
        scratch.unlink(missing_ok=True)
        raise CheckpointError(f"{path}: cannot be written ({error})") from error


def _bytes(size: int | str) -> int:
    """`"5GB"` as a number."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]?I?B)\s*", str(size).upper())
    value = size if isinstance(size, int) else float(found[1]) * _UNITS[found[2]] if found else 0
    if value < 1:
        raise CheckpointError(f"max_shard_size is {size!r}, expected a number of bytes or such as '5GB'")
    return int(value)
