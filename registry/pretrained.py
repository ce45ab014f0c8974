"""What every model that is saved has: from a folder, into a folder, and what can be asked of its parameters."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self, final

import torch
from attrs import evolve, frozen
from torch import Tensor

from speechgraft.checkpoint import (
    CONFIG_FILE,
    LoadReport,
    WeightMap,
    Weights,
    load_into,
    locate,
    open_tensors,
    replacing,
    write_tensors,
)
from speechgraft.config import Config, Settings
from speechgraft.errors import ConfigError, InputError
from speechgraft.nn.meta import weightless
from speechgraft.registry import published
from speechgraft.registry.access import Access
from speechgraft.registry.catalog import Catalog
from speechgraft.registry.folders import refuse_trained_elsewhere

Dtype = torch.dtype | Literal["auto"]
Source = str | PathLike[str]


@frozen
class Place:
    """Where a checkpoint lies, as `speechgraft.checkpoint.locate` takes it."""

    source: Source
    revision: str | None = None
    subfolder: str = ""
    token: str | bool | None = None
    cache_dir: Source | None = None
    local_files_only: bool = False
    weights: Weights = "torch"

    def folder(self, *files: str) -> Path:
        """The folder; of a repository on the hub with settings and weights, or with these files.

        Raises:
            CheckpointError: There is no such folder, or the download failed.
        """
        return locate(
            self.source,
            files=files or None,
            weights=self.weights,
            revision=self.revision,
            subfolder=self.subfolder,
            token=self.token,
            cache_dir=self.cache_dir,
            local_files_only=self.local_files_only,
        )

    def tensors(self) -> Mapping[str, Tensor]:
        """The weights in the folder, by their published names.

        Raises:
            CheckpointError: There are none, or a file is damaged.
        """
        return open_tensors(self.folder(), self.weights)


class Pretrained(Access):
    """A model that folders hold in the published format.

    A model class says what a folder describes (`_opened`), what it writes beside the weights
    (`_settings`) and how its parameters are called on disk (`weight_map`).

    Attributes:
        config: The model's own deep copy.
        load_report: What happened to each tensor; `None` for a model that was not loaded.
        place: Where it was loaded from; `None` for a model that was not.
    """

    config: Config
    load_report: LoadReport | None = None
    place: Place | None = None

    @classmethod
    @abstractmethod
    def _opened(
        cls, place: Place, options: dict[str, Any], catalog: Catalog | None
    ) -> tuple[Self, Mapping[str, Tensor]]:
        """The model that a folder describes, and the folder's tensors. Called where new parameters are on meta.

        Args:
            place: Where the folder is.
            options: Changes to the config, and what else the class takes.
            catalog: Where parts are looked up; `None`: in what is installed.
        """

    @abstractmethod
    def _settings(self, **facts: Any) -> Iterable[Settings]:
        """What is written beside the weights: the config with these facts of the save, and the like."""

    @abstractmethod
    def weight_map(self) -> WeightMap:
        """Names on disk beside those of the parameters."""

    @final
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: Source,
        *,
        dtype: Dtype | str = "auto",
        device: torch.device | str = "cpu",
        strict: bool = True,
        ignore_mismatched_sizes: bool = False,
        revision: str | None = None,
        subfolder: str = "",
        token: str | bool | None = None,
        cache_dir: Source | None = None,
        local_files_only: bool = False,
        from_tf: bool = False,
        from_flax: bool = False,
        catalog: Catalog | None = None,
        **options: Any,
    ) -> Self:
        """A model from a folder, or from a repository on the hub, in eval mode.

        Args:
            pretrained_model_name_or_path: A folder or a repository's id.
            dtype: Of the parameters, or its name; `"auto"` is what the file has. `torch_dtype` is its older name.
            device: Where the parameters go; `device_map` may name it, too.
            strict: Whether missing and surplus tensors are an error; otherwise see `load_report`.
            ignore_mismatched_sizes: Whether parameters are made anew whose shape on disk is not the config's, as a
                head's for another number of tokens; see `load_report`.
            revision: Branch, tag or commit on the hub.
            subfolder: Folder within the repository.
            token: For gated repositories.
            cache_dir: Where downloads are kept.
            local_files_only: Whether nothing may be downloaded.
            from_tf: Whether the weights are TensorFlow's, in `tf_model.h5`.
            from_flax: Whether the weights are Flax's, in `flax_model.msgpack`.
            catalog: Where the parts are looked up.
            **options: Changes to the config: of a pair unprefixed its own, `encoder_` and `decoder_` its
                parts'; what else the model class takes; `config`, one in place of the file's; `attn_implementation`,
                see `set_attn_implementation`. Other published keywords are taken where they say what is done anyway.

        Raises:
            CheckpointError: A file is missing or broken, or tensors are missing, surplus or wrongly shaped.
            ConfigError: All that is wrong with the config.
            RoutingError: An option that nothing takes; for a published one the message says what to use instead.
            InputError: Both `from_tf` and `from_flax` were passed, or what is neither `True` nor `False`.
            MissingExtraError: `from_tf` needs h5py, `from_flax` msgpack: `pip install "speechgraft[convert]"`.
        """
        weights = chosen_weights(from_tf, from_flax)
        place = Place(pretrained_model_name_or_path, revision, subfolder, token, cache_dir, local_files_only, weights)
        placing = published.taken_out_of(options, dtype, device)
        if placing.safetensors:
            published.refuse_other_weights(place.folder(), weights)
        with weightless(lambda: len(place.tensors())):
            model, tensors = cls._opened(place, options, catalog)
        report = load_into(
            model,
            tensors,
            model.weight_map(),
            dtype=placing.dtype,
            device=placing.device,
            strict=strict,
            ignore_mismatched_sizes=ignore_mismatched_sizes,
        )
        model.load_report = evolve(report, unknown_config_keys=tuple(_unknown_keys(model.config)))
        model.place = place
        if placing.attention is not None:
            model.set_attn_implementation(placing.attention)
        return model.eval()

    @final
    def save_pretrained(
        self,
        save_directory: Source,
        *,
        max_shard_size: str | int = "5GB",
        dtype: torch.dtype | None = None,
        safe_serialization: bool = True,
        is_main_process: bool = True,
    ) -> None:
        """Write settings and weights into a folder; what else it holds stays.

        The folder holds the old checkpoint or the new one, whole, whenever this is interrupted.

        Args:
            save_directory: Made where it is not there.
            max_shard_size: Bytes of a weights file, beyond which there are several.
            dtype: Of the weights on disk; by default what they are.
            safe_serialization: Whether weights are written as safetensors, which they are.
            is_main_process: Whether this process is the one of several that writes; the others do nothing.

        Raises:
            CheckpointError: The folder cannot be written.
            InputError: Another kind of file than safetensors was asked for; or peft's adapters are in the model; or
                `transformers.Trainer` has just written weights of another one there.
        """
        if not safe_serialization:
            raise InputError("safe_serialization=False is not offered: a pickle may hold code; safetensors are written")
        if not is_main_process:
            return
        _refuse_adapters(self)
        refuse_trained_elsewhere(Path(save_directory), self.state_dict())
        weights = {name: value if dtype is None else value.to(dtype) for name, value in self.state_dict().items()}
        kinds = {str(value.dtype).removeprefix("torch.") for value in weights.values()}
        settings = self._settings(architectures=[type(self).__name__], dtype=kinds.pop() if len(kinds) == 1 else None)
        with replacing(Path(save_directory)) as new:
            for each in settings:
                each.save_pretrained(new)
            write_tensors(new, self.weight_map().to_disk(weights), max_shard_size=max_shard_size)

    @final
    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As torch's; names that are not the parameters' may be those on disk.

        So what `save_pretrained` wrote is taken from tools that read `model.safetensors` themselves to go on training.
        """
        own = self.state_dict(keep_vars=True).keys()
        if not own >= state_dict.keys():
            mapped = self.weight_map().to_ours(state_dict)
            state_dict = mapped.tensors if not mapped.unexpected and own >= mapped.tensors.keys() else state_dict
        return super().load_state_dict(state_dict, strict, assign)

    @final
    @property
    def name_or_path(self) -> str:
        """The folder or the hub id that it was loaded from; else what the config says of it."""
        return str(self.config.name_or_path if self.place is None else self.place.source)

    @final
    @property
    def dtype(self) -> torch.dtype:
        """That of the parameters."""
        return next(self.parameters()).dtype

    @final
    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device


def chosen_weights(from_tf: bool, from_flax: bool, prefix: str = "") -> Weights:
    """Whose weights these options of a call ask for.

    Args:
        from_tf: Whether TensorFlow's.
        from_flax: Whether Flax's.
        prefix: What the options' names begin with, for messages.

    Raises:
        InputError: Both were passed, or what is neither `True` nor `False`.
    """
    for name, value in (("from_tf", from_tf), ("from_flax", from_flax)):
        if not isinstance(value, bool):
            raise InputError(f"{prefix}{name}={value!r}, expected True or False")
    if from_tf and from_flax:
        raise InputError(
            f"{prefix}from_tf and {prefix}from_flax were passed together; a checkpoint is read from one of them"
        )
    return "tensorflow" if from_tf else "flax" if from_flax else "torch"


def given_config(options: dict[str, Any], expected: type[Config]) -> Any:
    """The config that a call passes in place of a folder's, taken out of its options; `None`: it passes none.

    Raises:
        ConfigError: It is that of another model.
    """
    config = options.pop("config", None)
    if config is None or isinstance(config, expected):
        return config
    if isinstance(config, (str, PathLike)):
        return expected.from_pretrained(Path(config) if isinstance(config, PathLike) else config)
    raise ConfigError(f"config is a {type(config).__name__}, expected a {expected.__name__}, or a folder that has one")


def with_place(error: ConfigError, folder: Path) -> ConfigError:
    """The error about a config with the file that it came from."""
    return ConfigError(f"{folder / CONFIG_FILE}: {error.title}", error.problems)


def _refuse_adapters(model: Any) -> None:
    """Refuse to save a model into which peft has put adapters: the published format has no place for them.

    Raises:
        InputError: There are some.
    """
    found = next((name for name, _ in model.named_modules() if name.endswith(".base_layer")), None)
    if found is not None:
        raise InputError(
            f"{found.removesuffix('.base_layer')} has an adapter of peft, for which the published format has no place: "
            "save adapters by save_pretrained of the model that get_peft_model gave, or merge them first "
            "(merge_and_unload)"
        )


def _unknown_keys(config: Settings, prefix: str = "") -> Iterator[str]:
    """Keys of `config.json` that nobody is known to write, of parts with the part's name before them."""
    yield from (prefix + key for key in config.unknown_keys)
    for name, value in vars(config).items():
        if isinstance(value, Settings):
            yield from _unknown_keys(value, f"{prefix}{name}.")
