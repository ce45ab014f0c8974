"""Which files hold a checkpoint's weights: one file, or shards that an index names, of one of several kinds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import attrs

from speechgraft.errors import CheckpointError
from speechgraft.json_files import read_json, refuse_link_out, refuse_odd

if TYPE_CHECKING:
    from torch import Tensor

Weights = Literal["torch", "tensorflow", "flax"]
"""Whose weights are asked for. `"torch"` are safetensors or, where there are none, pickles."""


@attrs.frozen
class Format:
    """The files of one kind.

    Attributes:
        single: The file that holds all tensors.
        stem: What the name of a shard begins with.
        suffix: What it ends in.
        option: The argument of `from_pretrained` that asks for them; empty where it takes none.
    """

    single: str
    stem: str
    suffix: str
    option: str = ""

    @property
    def index(self) -> str:
        """The file that says which shard holds which tensor."""
        return f"{self.single}.index.json"

    def holds(self, name: str) -> bool:
        """Whether files with weights of this kind have such a name."""
        shard = rf"{re.escape(self.stem)}-\d{{5}}-of-\d{{5}}{re.escape(self.suffix)}"
        return name in (self.single, self.index) or re.fullmatch(shard, name) is not None


SAFETENSORS: Final = Format("model.safetensors", "model", ".safetensors")
PICKLE: Final = Format("pytorch_model.bin", "pytorch_model", ".bin")
TENSORFLOW: Final = Format("tf_model.h5", "tf_model", ".h5", "from_tf=True")
FLAX: Final = Format("flax_model.msgpack", "flax_model", ".msgpack", "from_flax=True")

FORMATS: Final[dict[Weights, tuple[Format, ...]]] = {
    "torch": (SAFETENSORS, PICKLE),
    "tensorflow": (TENSORFLOW,),
    "flax": (FLAX,),
}
"""What is looked for, the best first."""

EXPORT: Final = "export.json"
"""What tells of exported programs, which are no checkpoint."""

ALL_FORMATS: Final = (SAFETENSORS, PICKLE, TENSORFLOW, FLAX)


_POINTER: Final = b"version https://git-lfs.github.com/spec/"
_LARGEST_POINTER: Final = 1024


@attrs.frozen
class Contents:
    """What one file holds.

    Attributes:
        tensors: By the names, and in the layouts, of PyTorch files.
        origins: What a tensor is called in the file, where that is something else.
    """

    tensors: dict[str, Tensor]
    origins: dict[str, str] = attrs.field(factory=dict)


def find_files(folder: Path, weights: Weights = "torch") -> tuple[Format, dict[str, Path] | Path] | None:
    """The best kind of weights in a folder with its one file, or the file of each tensor; `None` where there is none.

    Raises:
        CheckpointError: An index is damaged, or names a file that is not beside it.
    """
    for kind in FORMATS[weights]:
        if (folder / kind.single).is_file():
            return kind, plain_file(folder, kind.single)
        if (folder / kind.index).is_file():
            return kind, read_index(folder, kind)
    return None


def read_index(folder: Path, kind: Format) -> dict[str, Path]:
    """The shard of each tensor.

    Raises:
        CheckpointError: The index is damaged, or names a file that does not lie beside it.
    """
    index = folder / kind.index
    shards = read_json(index).get("weight_map")
    if not isinstance(shards, dict):
        raise CheckpointError(f"{index}: expected an object under 'weight_map'")
    for name, shard in shards.items():
        if not isinstance(shard, str) or not _is_plain(shard) or not shard.endswith(kind.suffix):
            raise CheckpointError(
                f"{index}: tensor {name!r} lies in {shard!r}, expected the plain name of a {kind.suffix} file beside it"
            )
    files = {shard: plain_file(folder, shard) for shard in set(shards.values())}
    return {name: files[shard] for name, shard in shards.items()}


def _is_plain(name: str) -> bool:
    return Path(name).name == name and "\\" not in name and "\0" not in name


def plain_file(folder: Path, name: str) -> Path:
    """A file of a folder, which may be a link to another within it, or into the cache of downloads that it lies in.

    Raises:
        CheckpointError: It is a link to somewhere else, a pipe, a socket or a device, or what Git LFS has in its place.
    """
    path = folder / name
    refuse_link_out(path)
    refuse_odd(path)
    if path.is_file() and path.stat().st_size < _LARGEST_POINTER and path.read_bytes().startswith(_POINTER):
        raise CheckpointError(f"{path}: is a pointer of Git LFS in the file's place: `git lfs pull` gets the file")
    return path


def missing(weights: Weights, names: Iterable[str]) -> str:
    """What to say of a folder or repository whose files with these names hold no weights of the kind asked for."""
    kinds, names = FORMATS[weights], list(names)
    lacks = f"neither {' nor '.join(kind.single for kind in kinds)}" if len(kinds) > 1 else f"no {kinds[0].single}"
    other = next((kind for kind in ALL_FORMATS for name in names if kind not in kinds and kind.holds(name)), None)
    if other is None and EXPORT in names:
        return (
            f"there is {lacks}, but there is {EXPORT}: an export is read by speechgraft.export.load_exported, and with "
            "extractor and tokenizer by Transcriber(*load_exported_parts(folder))"
        )
    if other is None:
        return f"there is {lacks}, whole or in shards with their index"
    hint = f"pass {other.option}" if other.option else "leave from_tf and from_flax out"
    return f"there is {lacks}, but there is {other.single}: {hint} to read it"
