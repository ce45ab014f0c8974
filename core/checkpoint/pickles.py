"""`pytorch_model.bin`: tensors in a pickle, of which nothing but tensors is taken and no code is run.

torch reads it with `weights_only=True`: an unpickler of its own, which knows how tensors are put together and refuses
nearly all else. Before that the pickle is gone through without being run, for what torch does not refuse: a `bytearray`
of any size, say.
"""

from __future__ import annotations

import io
import mmap
import pickletools
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from speechgraft.checkpoint.formats import Contents
from speechgraft.errors import CheckpointError

_LARGEST_PICKLE = 4 * 2**20
"""Bytes of what is pickled beside the tensors' values: names, shapes, strides; some 200 for each tensor."""

_MOST_OPERATIONS = 2**19
"""Of an unpickler, some 30 for each tensor."""


_NAMES = {
    "collections": ("OrderedDict",),
    "torch": ("Size", "device"),
    "torch.storage": ("UntypedStorage", "TypedStorage"),
    "torch.nn.parameter": ("Parameter",),
    "torch._utils": (
        "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter", "_rebuild_parameter_with_state",
    ),
    "torch._tensor": ("_rebuild_from_type_v2",),
}  # fmt: skip
"""What plain tensors are put together with, by module; and `torch`'s storages and dtypes."""

_NEVER = frozenset({"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4"})
"""Operations that torch's own pickles have no need of."""

_PICKLES_BEFORE_1_6 = 5
"""Magic number, version, facts of the system, the tensors, the keys of their values."""


def read_pickle(path: Path) -> Contents:
    """The tensors of one file by name, mapped from it where it is a zip file, as torch writes them since 1.6.

    Raises:
        CheckpointError: The file is missing or damaged, or holds anything but tensors by name.
    """
    try:
        zipped = zipfile.is_zipfile(path)
        if zipped:
            _check_archive(path)
        elif _begins_as_zip(path):
            raise CheckpointError(f"{path}: truncated: it begins as torch's files do, but its end is not there")
        else:
            _check_old(path)
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
            if entry.filename.endswith(".pkl"):
                if entry.file_size > _LARGEST_PICKLE:
                    raise CheckpointError(f"{path}: {entry.filename} takes {entry.file_size} bytes, too many for names")
                _check_operations(path, io.BytesIO(archive.read(entry)))


def _begins_as_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\3\4"


def _check_old(path: Path) -> None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        beginning = io.BytesIO(content[:_LARGEST_PICKLE])
    for _ in range(_PICKLES_BEFORE_1_6):
        _check_operations(path, beginning)


def _check_operations(path: Path, stream: io.BytesIO) -> None:
    """Go through one pickle, which is not run, and refuse what tensors are not put together with."""
    for number, (operation, argument, _) in enumerate(pickletools.genops(stream)):
        name = operation.name
        if number > _MOST_OPERATIONS:
            raise CheckpointError(f"{path}: takes more than {_MOST_OPERATIONS} steps to unpickle, too many for tensors")
        if name in _NEVER or (name == "GLOBAL" and not _is_known(str(argument))):
            asked = str(argument).replace(" ", ".")[:80] if argument is not None else name
            raise CheckpointError(f"{path}: asks for {asked}, expected what tensors are put together with, and no more")


def _is_known(argument: str) -> bool:
    """Whether `"module name"` is one that a plain tensor needs."""
    module, _, name = argument.partition(" ")
    if module == "torch" and (name.endswith("Storage") or isinstance(getattr(torch, name, None), torch.dtype)):
        return True
    return name in _NAMES.get(module, ())


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
    """What torch says is wrong, without its advice to run what the file holds."""
    told = str(error).partition("WeightsUnpickler error:")[2] or str(error)
    lines = told.strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__
