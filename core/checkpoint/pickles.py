"""`pytorch_model.bin`: tensors in a pickle, of which nothing but tensors is taken and no code is run.

torch reads it with `weights_only=True`: an unpickler of its own, which knows how tensors are put together and refuses
all else.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from speechgraft.checkpoint.formats import Contents
from speechgraft.errors import CheckpointError

_LARGEST_PICKLE = 256 * 2**20
"""Bytes of what is pickled beside the tensors' values: names, shapes, strides."""


def read_pickle(path: Path) -> Contents:
    """The tensors of one file by name, mapped from it where it is a zip file, as torch writes them since 1.6.

    Raises:
        CheckpointError: The file is missing or damaged, or holds anything but tensors by name.
    """
    try:
        zipped = zipfile.is_zipfile(path)
        if zipped:
            _check_archive(path)
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped or None)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such file") from None
    except CheckpointError:
        raise
    except Exception as error:  # torch's unpickler stumbles over damage and malice in every way that there is
        raise CheckpointError(f"{path}: cannot be read as tensors alone ({_first_line(error)})") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: holds a {type(found).__name__}, expected tensors by name")
    return Contents({_name(path, name): _plain(path, name, value) for name, value in found.items()})


def _check_archive(path: Path) -> None:
    """Refuse a zip file whose contents are larger than the file, before torch makes room for them."""
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        total = 0
        for entry in archive.infolist():
            total += entry.file_size
            if entry.compress_type != zipfile.ZIP_STORED or total > size:
                raise CheckpointError(
                    f"{path}: {entry.filename} is compressed or overlaps others, which torch's files never are"
                )
            if entry.filename.endswith("data.pkl") and entry.file_size > _LARGEST_PICKLE:
                raise CheckpointError(f"{path}: {entry.filename} takes {entry.file_size} bytes, too many for names")


def _name(path: Path, name: Any) -> str:
    if not isinstance(name, str):
        raise CheckpointError(f"{path}: a key is {str(name)[:40]!r}, expected names of tensors alone")
    return name


def _plain(path: Path, name: str, value: Any) -> Tensor:
    """A tensor that takes no more memory than the file has for it."""
    if not isinstance(value, Tensor):
        raise CheckpointError(f"{path}: {name!r} is a {type(value).__name__}, expected a tensor")
    tensor = value.detach()
    if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized or type(tensor) is not Tensor:
        raise CheckpointError(f"{path}: tensor {name!r} is sparse, quantised or without values, expected a plain one")
    held = tensor.untyped_storage().nbytes()
    if tensor.nbytes > held:
        raise CheckpointError(
            f"{path}: tensor {name!r} of shape {tuple(tensor.shape)} takes {tensor.nbytes} bytes, the file has {held}"
        )
    return tensor


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
