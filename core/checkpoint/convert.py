"""Weights of any kind written as safetensors, with an account of every tensor."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from speechgraft.checkpoint.atomic import replacing
from speechgraft.checkpoint.formats import FORMATS, Weights, find_files, missing, plain_file
from speechgraft.checkpoint.hub import CONFIG_FILE, settings_in
from speechgraft.checkpoint.sources import open_contents
from speechgraft.checkpoint.tensors import write_tensors
from speechgraft.errors import CheckpointError
from speechgraft.json_files import read_json, write_json

if TYPE_CHECKING:
    from torch import Tensor

    from speechgraft.checkpoint.weight_map import WeightMap


@attrs.frozen
class Converted:
    """What became of one tensor.

    Attributes:
        source: What it is called in the file that was read.
        name: What it is called in the one that was written.
        shape: As it was written.
        dtype: The same, such as `"float32"`.
        use: What a model makes of it: `"loaded"`, `"left out: ..."`, `"unexpected"`; empty where no model is known.
    """

    source: str
    name: str
    shape: tuple[int, ...]
    dtype: str
    use: str


def kinds_in(folder: Path) -> tuple[Weights, ...]:
    """Whose weights a folder has.

    Raises:
        CheckpointError: An index is damaged.
    """
    return tuple(weights for weights in FORMATS if find_files(folder, weights) is not None)


def convert(
    folder: Path,
    out: Path | str,
    *,
    weights: Weights | None = None,
    weight_map: WeightMap | None = None,
    whole_pair: bool = False,
    max_shard_size: int | str = "5GB",
) -> tuple[Converted, ...]:
    """Write the weights of a folder as safetensors into another, beside copies of its settings.

    Every tensor is written, those too that a model leaves out. Tensors that are one in memory are written each.

    Args:
        folder: What is read.
        out: What is written, whole or not at all; it may be the same.
        weights: Whose weights; `None`: PyTorch's where there are any, else TensorFlow's, else Flax's.
        weight_map: The table of the model that the folder describes; it says what a model makes of each tensor.
        whole_pair: Whether that is a pair's, which then gives the names too: TensorFlow has some others for parts.
        max_shard_size: Bytes of a file, beyond which there are several.

    Raises:
        CheckpointError: There are no weights, a file is damaged, or `out` cannot be written.
        MissingExtraError: The extra that reads such files is not installed.
    """
    if weights is None:
        found = kinds_in(folder)
        if not found:
            raise CheckpointError(f"{folder}: {missing('torch', [path.name for path in folder.glob('*')])}")
        weights = found[0]
    tensors, origins = open_contents(folder, weights)
    names = _names(tensors, weight_map if whole_pair else None)
    written = {names[name]: tensor for name, tensor in _apart(tensors).items()}
    if len(written) < len(names):
        taken = sorted(name for name in written if list(names.values()).count(name) > 1)
        raise CheckpointError(f"{folder}: several tensors are {taken[0]}")
    with replacing(out) as new:
        _copy_settings(folder, new)
        write_tensors(new, written, max_shard_size)
    use = _uses(tensors, weight_map)
    return tuple(
        Converted(origins.get(name, name), names[name], tuple(tensor.shape), str(tensor.dtype)[6:], use(name))
        for name, tensor in tensors.items()
    )


def _names(tensors: Iterable[str], weight_map: WeightMap | None) -> dict[str, str]:
    """What each tensor is called in the file to write."""
    if weight_map is None:
        return {name: name for name in tensors}
    return {name: weight_map.spelling(name) for name in tensors}


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, no two of them in the same memory, as safetensors asks for."""
    seen: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        storage = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.clone() if storage in seen and tensor.numel() else tensor
        seen.add(storage)
    return apart


def _uses(tensors: Mapping[str, Tensor], weight_map: WeightMap | None) -> Callable[[str], str]:
    """What a model makes of each tensor on disk."""
    if weight_map is None:
        return lambda name: ""
    mapped = weight_map.to_ours(tensors)
    surplus = dict.fromkeys(mapped.unexpected, "unexpected")
    left_out = {name: f"left out: {reason}" for name, reason in mapped.ignored.items()}
    return lambda name: surplus.get(name) or left_out.get(name) or "loaded"


def _copy_settings(folder: Path, new: Path) -> None:
    """Copy the small files; in the config, classes of TensorFlow and Flax become those of PyTorch."""
    for name in settings_in(folder):
        if name == CONFIG_FILE:
            write_json(new / name, _pytorchs(read_json(folder / name)))
        else:
            shutil.copyfile(plain_file(folder, name), new / name)


def _pytorchs(config: dict[str, Any]) -> dict[str, Any]:
    classes = config.get("architectures")
    if not isinstance(classes, list):
        return config
    own = [str(name).removeprefix("TF").removeprefix("Flax") for name in classes]
    return {**config, "architectures": own}
