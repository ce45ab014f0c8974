"""Adapters in an encoder's layers, a set for each language, in files of their own (Pratap et al. 2023)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from speechgraft.checkpoint import WeightMap, open_tensors, write_file
from speechgraft.errors import CheckpointError, ConfigError, InputError, did_you_mean
from speechgraft.nn.feed_forward import BottleneckAdapter
from speechgraft.registry.pretrained import Place, Pretrained, Source

_FILE = "adapter.{}.safetensors"
_LANGUAGE = re.compile(r"[\w-]+")


def adapter_modules(model: nn.Module) -> dict[str, BottleneckAdapter]:
    """The adapters of an encoder's layers by their names.

    Raises:
        ConfigError: There are none.
    """
    found = {name: module for name, module in model.named_modules() if isinstance(module, BottleneckAdapter)}
    if not found:
        raise ConfigError(
            f"{type(model).__name__} was built without adapters for languages: set adapter_attn_dim in its config, "
            "where the encoder has such a field"
        )
    return found


def adapter_tensors(place: Place, language: str | None) -> tuple[Mapping[str, Tensor], Path]:
    """The tensors of a language's adapters by their names on disk, and the file that holds them.

    That is a pickle (`.bin`) where there are no safetensors.

    Raises:
        CheckpointError: There is no such file.
        InputError: Nothing says where the files are, or the name of the language is none.
    """
    name = _file_name(language)
    if not str(place.source):
        raise InputError(f"nothing says where {name} is: pass source, or load the model by from_pretrained")
    for file in (name, str(Path(name).with_suffix(".bin"))):
        folder = place.folder(file)
        if (folder / file).is_file():
            return open_tensors(folder / file), folder / file
    languages = sorted({file.name.split(".")[1] for file in folder.glob("adapter.*.*")})
    there = f"; languages there: {', '.join(languages)}" if languages else ""
    raise CheckpointError(f"{folder / name}: there is no such file{did_you_mean(str(language), languages)}{there}")


def _file_name(language: object) -> str:
    if not isinstance(language, str) or _LANGUAGE.fullmatch(language) is None:
        raise InputError(f"target_lang is {language!r}, expected a language's name such as 'eng'")
    return _FILE.format(language)


def mapped_adapter(model: Pretrained, adapter: Mapping[str, Tensor], file: Path) -> dict[str, Tensor]:
    """What the file of a language holds, by our names; the head may have any number of tokens.

    Raises:
        CheckpointError: Something is missing, unexpected or wrongly shaped.
        ConfigError: The model was built without adapters.
    """
    mapped = model.weight_map().to_ours(adapter)
    prefixes = tuple(f"{name}." for name in (*adapter_modules(model), "lm_head"))
    own = {name: weight for name, weight in model.state_dict().items() if name.startswith(prefixes)}
    wrong = [f"{model.weight_map().name_on_disk(name)}: missing" for name in own if name not in mapped.tensors]
    surplus = [mapped.sources[name] for name in mapped.tensors if name not in own]
    wrong += [f"{name}: unexpected" for name in (*surplus, *mapped.ignored, *mapped.unexpected)]
    for name in own.keys() & mapped.tensors.keys():
        tensor, shape = mapped.tensors[name], list(own[name].shape)
        if name.startswith("lm_head."):
            shape[0] = len(mapped.tensors.get("lm_head.weight", own[name]))
        if list(tensor.shape) != shape or not tensor.is_floating_point():
            wrong.append(f"{mapped.sources[name]}: {tuple(tensor.shape)} of {tensor.dtype}, expected {tuple(shape)}")
    if wrong:
        raise CheckpointError("\n  ".join([f"{file} does not fit {type(model).__name__}:", *sorted(wrong)]))
    return mapped.tensors


def laid_over(tensors: Mapping[str, Tensor], adapter: Mapping[str, Tensor], names: WeightMap) -> dict[str, Tensor]:
    """The tensors of a checkpoint with those of a language in the place of its own, in the checkpoint's type."""
    own, other = names.to_ours(tensors), names.to_ours(adapter)
    replaced = {own.sources[name] for name in other.tensors if name in own.sources}
    dtype = next((tensor.dtype for tensor in own.tensors.values()), None)
    rest = {name: tensors[name] for name in tensors if name not in replaced}
    return {**rest, **{name: tensor.to(dtype) for name, tensor in adapter.items()}}


def write_adapter(folder: Source, language: str | None, tensors: Mapping[str, Tensor]) -> Path:
    """Write the file of a language, and say where it is.

    Raises:
        CheckpointError: It cannot be written.
        InputError: The name of the language is none.
    """
    file = Path(folder).expanduser() / _file_name(language)
    write_file(file, tensors)
    return file
