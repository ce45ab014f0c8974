"""`tf_model.h5`: what Keras wrote of TensorFlow models, under the names and in the layouts that PyTorch files have.

In the file each tensor lies in a group for its layer, then in one for its model, then under its own path:
`hubert/tf_hubert_model/hubert/encoder/layers.0/attention/k_proj/kernel:0`. Shards have the path alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from speechgraft.checkpoint.formats import Contents
from speechgraft.errors import CheckpointError, MissingExtraError

if TYPE_CHECKING:
    import h5py

_DEEPEST = 32
"""Groups in groups; those of published models are some ten deep."""

_LEAVES = {
    "kernel": "weight",
    "embeddings": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""What Keras calls the tensors of a layer beside what PyTorch does."""

_DTYPES = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")


def read_h5(path: Path) -> Contents:
    """The tensors of one file, by the names of PyTorch files and in their layouts.

    Raises:
        CheckpointError: The file is missing or damaged, or has links, compressed or far too many values, or tensors
            of other types.
        MissingExtraError: h5py is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("reading weights of TensorFlow", "h5py", "convert") from None
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file")
    try:
        with h5py.File(path, "r") as file:
            return _renamed(path, _datasets(path, file), _levels(file))
    except CheckpointError:
        raise
    except (OSError, RuntimeError, ValueError, TypeError, LookupError, MemoryError, OverflowError) as error:
        raise CheckpointError(f"{path}: no HDF5 file, or a damaged one ({error})") from error


def _levels(file: h5py.File) -> int:
    """How many groups are those of layer and model: none in shards, whose layers are listed with their whole paths."""
    layers = file.attrs.get("layer_names")
    return 0 if layers is None or any("/" in str(name) for name in layers) else 2


def _renamed(path: Path, datasets: Iterator[tuple[list[str], h5py.Dataset]], levels: int) -> Contents:
    """The tensors by name. Those that several layers share lie under each of them."""
    room = path.stat().st_size
    contents = Contents({})
    tensors = contents.tensors
    for parts, dataset in datasets:
        room -= _size(path, dataset)
        if room < 0:
            raise CheckpointError(f"{path}: {dataset.name} and others before it take more bytes than the file has")
        name = published_name(parts, levels)
        tensor = published_layout(name, parts[-1], torch.from_numpy(dataset[()]))
        if name in tensors and not torch.equal(tensors[name], tensor):
            raise CheckpointError(f"{path}: {dataset.name} differs from another tensor that is {name!r} too")
        tensors.setdefault(name, tensor)
        contents.origins.setdefault(name, "/".join(parts))
    return contents


def published_name(parts: list[str], levels: int) -> str:
    """A tensor's name in PyTorch files.

    Args:
        parts: Its path in the file.
        levels: How many of the path are the layer's and the model's, which the name does without.

    >>> published_name("bert/tf_bert_model/bert/encoder/layer_._0/output/LayerNorm/gamma:0".split("/"), 2)
    'bert.encoder.layer.0.output.LayerNorm.weight'
    """
    if len(parts) > levels:
        parts = parts[levels:]
    elif len(parts) > 1:
        parts = parts[-1:]  # a tensor of the model itself, which has no path
    elif parts[0] != parts[-1]:
        parts = parts[1:]
    if len(parts) > 1 and parts[0] == parts[1] and "." in parts[0]:
        parts = parts[1:]  # in shards, embeddings that two halves share have their path twice
    leaf = parts[-1].removesuffix(":0")
    path = [re.sub(r"^.*___", "", part).replace("_._", ".") for part in parts[:-1]]
    return ".".join([*(part for part in path if part), _LEAVES.get(leaf, leaf)])


def published_layout(name: str, leaf: str, tensor: Tensor) -> Tensor:
    """A tensor as PyTorch lays it out: linear layers (outputs, inputs), convolutions (outputs, inputs, width).

    Keras has the outputs of kernels and of the lengths of weight norm last, and biases of GPT-2's layers as one row.
    """
    if leaf.startswith(("kernel", "weight_g")):
        return kernel_layout(tensor)
    if name.endswith(".bias") and tensor.dim() == 2 and len(tensor) == 1:
        return tensor[0]
    return tensor


def kernel_layout(tensor: Tensor) -> Tensor:
    """A kernel (width ..., inputs, outputs) as PyTorch has it: (outputs, inputs, width ...)."""
    if tensor.dim() < 2:
        return tensor
    order = (tensor.dim() - 1, tensor.dim() - 2, *range(tensor.dim() - 2))
    return tensor.permute(order).contiguous()


def _datasets(path: Path, file: h5py.File) -> Iterator[tuple[list[str], h5py.Dataset]]:
    """All tensors with their paths. Nothing is followed that may lead out of the file or round in circles."""
    import h5py

    seen: set[int] = set()
    waiting: list[tuple[list[str], Any]] = [([], file)]
    while waiting:
        parts, group = waiting.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen or len(parts) > _DEEPEST:
            raise CheckpointError(f"{path}: {group.name} is in itself, in two places, or too deep")
        seen.add(address)
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise CheckpointError(f"{path}: {group.name}/{name} is a link, which may lead out of the file")
            item = group[name]
            if isinstance(item, h5py.Group):
                waiting.append(([*parts, name], item))
            elif isinstance(item, h5py.Dataset):
                yield [*parts, name], item


def _size(path: Path, dataset: h5py.Dataset) -> int:
    """The bytes of a tensor, all of which lie in the file as they are."""
    if dataset.dtype.name not in _DTYPES or dataset.shape is None:
        raise CheckpointError(f"{path}: {dataset.name} is of {dataset.dtype}, expected one of {', '.join(_DTYPES)}")
    size: int = prod(dataset.shape) * dataset.dtype.itemsize
    plain = dataset.chunks is None and dataset.external is None and not dataset.is_virtual
    if not plain or dataset.id.get_storage_size() != size:
        raise CheckpointError(
            f"{path}: {dataset.name} of shape {dataset.shape} takes {size} bytes, the file has "
            f"{dataset.id.get_storage_size()} of it; it is compressed, elsewhere or not there"
        )
    return size
