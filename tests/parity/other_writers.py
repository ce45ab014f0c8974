"""A PyTorch model's tensors as TensorFlow and Flax files have them, made from what kind of module each belongs to.

What the two frameworks' classes of the same name wrote is described by their layers: a dense layer has a `kernel`
(inputs, outputs), a convolution one (width, inputs, outputs), a norm `gamma` and `beta` or `scale`, an embedding
`embeddings` or `embedding`. `published_writers.py` has real ones written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import msgpack
import numpy as np
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

KERAS = {"dense": "kernel", "conv": "kernel", "norm": ("gamma", "beta"), "embedding": "embeddings"}
FLAX = {"dense": "kernel", "conv": "kernel", "norm": ("scale", "bias"), "embedding": "embedding"}


def kind_of(module: nn.Module) -> str:
    match module:
        case nn.Linear():
            return "dense"
        case nn.Conv1d():
            return "conv"
        case nn.LayerNorm() | nn.GroupNorm():
            return "norm"
        case nn.Embedding():
            return "embedding"
        case Conv1D():
            return "gpt2"
    return "other"


def state(model: nn.Module) -> Iterator[tuple[str, str, str, Tensor]]:
    """Path, leaf, kind and tensor of each parameter, in the older spelling of weight norm; tied ones once."""
    modules = dict(model.named_modules())
    for name, parameter in model.named_parameters():
        old = re.sub(
            r"parametrizations\.weight\.original([01])", lambda m: "weight_g" if m[1] == "0" else "weight_v", name
        )
        path, _, leaf = old.rpartition(".")
        yield path, leaf, kind_of(modules[path]) if leaf in ("weight", "bias") else "other", parameter.detach()


def write_h5(path: Path, model: nn.Module, name: str) -> None:
    """Write what the TensorFlow class of this model's name would have written."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name]
        for place, leaf, kind, tensor in state(model):
            array, wanted = tensor.numpy(), leaf
            if kind in ("dense", "conv") and leaf == "weight":
                array, wanted = array.transpose(*reversed(range(array.ndim))), "kernel"
            elif kind == "norm":
                wanted = KERAS["norm"][leaf == "bias"]
            elif kind == "embedding" and "word_embeddings" not in place:
                wanted = "embeddings"
            elif kind == "gpt2" and leaf == "bias":
                array = array[None]
            elif leaf == "weight_g":
                array = array.transpose(2, 1, 0)
            top = place.split(".")[0] or leaf
            scope = re.sub(r"(^|\.)(layer|h)\.(\d+)", r"\1\2_@_\3", place)
            scope = (
                re.sub(r"(layers|conv_layers)\.(\d+)", r"\1#\2", scope)
                .replace(".", "/")
                .replace("#", ".")
                .replace("@", ".")
            )
            full = f"{top}/{name}/{scope}/{wanted}:0" if place else f"{top}/{name}/{wanted}:0"
            file.create_dataset(full, data=np.ascontiguousarray(array))


def packed(array: np.ndarray, dtype: str | None = None) -> msgpack.ExtType:
    """An array as flax.serialization packs it."""
    return msgpack.ExtType(1, msgpack.packb((array.shape, dtype or array.dtype.name, array.tobytes())))


def write_msgpack(path: Path, model: nn.Module) -> None:
    """Write what the Flax class of this model's name would have written."""
    tree: dict[str, Any] = {}
    for place, leaf, kind, tensor in state(model):
        array, wanted = tensor.numpy(), leaf
        if kind in ("dense", "conv", "gpt2") and leaf == "weight":
            array, wanted = array.transpose(*reversed(range(array.ndim))), "kernel"
        elif kind == "norm":
            wanted = FLAX["norm"][leaf == "bias"]
        elif kind == "embedding":
            wanted = "embedding"
        branch = tree
        for part in place.split(".") if place else ():
            branch = branch.setdefault(part, {})
        branch[wanted] = packed(np.ascontiguousarray(array))
    path.write_bytes(msgpack.packb(tree))
