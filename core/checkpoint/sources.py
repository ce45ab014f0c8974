"""The tensors of a checkpoint, whichever files hold them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from speechgraft.checkpoint.formats import (
    ALL_FORMATS,
    PICKLE,
    SAFETENSORS,
    TENSORFLOW,
    Contents,
    Format,
    Weights,
    find_files,
    missing,
)
from speechgraft.checkpoint.tensors import TensorFiles
from speechgraft.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor


def open_tensors(source: Path | str, weights: Weights = "torch") -> Mapping[str, Tensor]:
    """The tensors of a checkpoint by their published names: those of a folder, or of one file of any kind.

    Safetensors are mapped from the file when they are asked for, and so are pickles that torch wrote since 1.6.

    Args:
        source: A folder with `model.safetensors` or `pytorch_model.bin`, or shards of either; or one file of any kind.
        weights: `"tensorflow"`: the folder's `tf_model.h5`; `"flax"`: its `flax_model.msgpack`.

    Raises:
        CheckpointError: There is none, or a file is damaged, or holds more than tensors.
        MissingExtraError: The extra that reads such files is not installed.
    """
    return open_contents(source, weights)[0]


def open_contents(source: Path | str, weights: Weights = "torch") -> tuple[Mapping[str, Tensor], Mapping[str, str]]:
    """What `open_tensors` gives, and what tensors are called in the files where that is something else."""
    source = Path(source)
    if source.is_file():
        return _opened(_format_of(source), source)
    found = find_files(source, weights)
    if found is None:
        names = [path.name for path in source.glob("*")]
        raise CheckpointError(f"{source}: {missing(weights, names)}")
    return _opened(*found)


def _format_of(file: Path) -> Format:
    """What a file holds by its suffix; safetensors where that says nothing."""
    return next((kind for kind in ALL_FORMATS if file.suffix == kind.suffix), SAFETENSORS)


def _opened(kind: Format, places: Mapping[str, Path] | Path) -> tuple[Mapping[str, Tensor], Mapping[str, str]]:
    if kind is SAFETENSORS:
        return TensorFiles(places), {}
    whole = Contents({})
    for file in [places] if isinstance(places, Path) else sorted(set(places.values())):
        part = _reader(kind)(file)
        for name in part.tensors:
            if name in whole.tensors:
                raise CheckpointError(f"{file}: tensor {name!r} is in another shard too")
        whole.tensors.update(part.tensors)
        whole.origins.update(part.origins)
    return whole.tensors, whole.origins


def _reader(kind: Format) -> Callable[[Path], Contents]:
    """What reads one file; imported only now, for safetensors need neither torch nor an extra."""
    if kind is PICKLE:
        from speechgraft.checkpoint.pickles import read_pickle

        return read_pickle
    if kind is TENSORFLOW:
        from speechgraft.checkpoint.tensorflow import read_h5

        return read_h5
    from speechgraft.checkpoint.flax import read_msgpack

    return read_msgpack
