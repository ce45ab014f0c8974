"""Pairs under their published names: built from configs or checkpoints, saved and loaded."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self

import torch
from attrs import evolve, frozen

from speechgraft.bridge import Bridge
from speechgraft.checkpoint import (
    CONFIG_FILE,
    LoadReport,
    WeightMap,
    load_into,
    locate,
    materialise,
    open_tensors,
    read_json,
    rename,
    replacing,
    write_tensors,
)
from speechgraft.config import Config
from speechgraft.contracts import Component, Decoder, Encoder
from speechgraft.errors import ConfigError, InputError
from speechgraft.generation import GenerationConfig
from speechgraft.registry.catalog import Catalog
from speechgraft.registry.configs import SpeechEncoderDecoderConfig, read_part, route_options
from speechgraft.registry.discovery import default_catalog
from speechgraft.registry.entries import DecoderEntry, EncoderEntry, Role

Dtype = torch.dtype | Literal["auto"]
Source = str | PathLike[str]


class SpeechEncoderDecoderModel(Bridge):
    """A speech encoder and a text decoder as one model.

    Args:
        config: What to build; not needed where both parts are given.
        encoder: A ready-made encoder.
        decoder: A ready-made decoder.
        generation_config: How to generate where the call does not say.
        catalog: Where the parts that `config` names are looked up; by default what is installed.

    Raises:
        ConfigError: Neither a config nor both parts were given.
        IncompatiblePairError: The parts do not fit.
    """

    config: SpeechEncoderDecoderConfig
    load_report: LoadReport | None = None

    def __init__(
        self,
        config: SpeechEncoderDecoderConfig | None = None,
        encoder: Encoder | None = None,
        decoder: Decoder | None = None,
        *,
        generation_config: GenerationConfig | None = None,
        catalog: Catalog | None = None,
    ) -> None:
        config = _own_config(config, encoder, decoder)
        catalog = catalog or default_catalog()
        device = torch.get_default_device()
        with torch.device("meta"):
            encoder = encoder or catalog.encoder(config.encoder.model_type).build(config.encoder)
            decoder = decoder or catalog.decoder(config.decoder.model_type).build(config.decoder)
            super().__init__(encoder, decoder, config, generation_config)
        config.lock()
        self.catalog = catalog
        if device.type != "meta":
            materialise(self, device=device)

    @classmethod
    def from_pretrained(
        cls,
        source: Source,
        *,
        dtype: Dtype = "auto",
        device: torch.device | str = "cpu",
        strict: bool = True,
        revision: str | None = None,
        subfolder: str = "",
        token: str | bool | None = None,
        cache_dir: Source | None = None,
        local_files_only: bool = False,
        catalog: Catalog | None = None,
        **options: Any,
    ) -> Self:
        """A pair from a folder, or from a repository on the hub, in eval mode.

        Args:
            source: A folder or a repository's id.
            dtype: Of the parameters; `"auto"` is what the file has.
            device: Where the parameters go.
            strict: Whether missing and surplus tensors are an error; otherwise see `load_report`.
            revision: Branch, tag or commit on the hub.
            subfolder: Folder within the repository.
            token: For gated repositories.
            cache_dir: Where downloads are kept.
            local_files_only: Whether nothing may be downloaded.
            catalog: Where the parts are looked up.
            **options: Changes to the config: unprefixed of the pair, `encoder_` and `decoder_` of its parts.

        Raises:
            CheckpointError: A file is missing or broken, or tensors are missing, surplus or wrongly shaped.
            ConfigError: All that is wrong with the config.
        """
        place: dict[str, Any] = {"revision": revision, "subfolder": subfolder, "token": token}
        folder = locate(source, **place, cache_dir=cache_dir, local_files_only=local_files_only)
        config = _read_config(folder, options, catalog)
        generation = (
            GenerationConfig.from_pretrained(folder) if (folder / GenerationConfig.file_name).exists() else None
        )
        with torch.device("meta"):
            model = cls(config, generation_config=generation, catalog=catalog)
        report = load_into(model, open_tensors(folder), model.weight_map(), dtype=dtype, device=device, strict=strict)
        model.load_report = evolve(report, unknown_config_keys=_unknown_keys(config))
        return model.eval()

    @classmethod
    def from_encoder_decoder_pretrained(
        cls,
        encoder_pretrained_model_name_or_path: Source | None = None,
        decoder_pretrained_model_name_or_path: Source | None = None,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str = "cpu",
        catalog: Catalog | None = None,
        **options: Any,
    ) -> Self:
        """A pair of two parts that were trained apart, in eval mode; it wants fine-tuning.

        Projection and, where the decoder has none, cross-attention are made anew; `load_report` says so.

        Args:
            encoder_pretrained_model_name_or_path: Folder or hub id of the encoder, or `encoder_model`.
            decoder_pretrained_model_name_or_path: Folder or hub id of the decoder, or `decoder_model`.
            dtype: Of all parameters; by default torch's own, since such a pair is there to be trained.
            device: Where the parameters go.
            catalog: Where the parts are looked up.
            **options: `encoder_model`, `decoder_model`: ready-made parts. `encoder_config`, `decoder_config`:
                in place of the checkpoint's. Other options are changes to the config: unprefixed of the
                pair, `encoder_` and `decoder_` of its parts.

        Raises:
            CheckpointError: A file is missing or broken, or does not fit its model.
            ConfigError: All that is wrong with a config.
            RoutingError: An option that nothing takes.
        """
        catalog = catalog or default_catalog()
        encoder = _Part.of("encoder", encoder_pretrained_model_name_or_path, options, catalog)
        decoder = _Part.of("decoder", decoder_pretrained_model_name_or_path, options, catalog)
        routed = route_options(options, type(encoder.config), type(decoder.config))
        config = SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
            encoder.config.copy(**routed["encoder"]), decoder.config.copy(**routed["decoder"]), **routed["pair"]
        )
        with torch.device("meta"):
            model = cls(config, encoder.model, decoder.model, catalog=catalog)
        reports = {
            "encoder.": encoder.load_into(model.encoder, dtype, device),
            "decoder.": decoder.load_into(model.decoder, dtype, device),
        }
        materialise(model, dtype=dtype, device=device)
        model.load_report = LoadReport.joined(reports)
        return model.eval()

    def save_pretrained(
        self, folder: Source, *, max_shard_size: str | int = "5GB", dtype: torch.dtype | None = None
    ) -> None:
        """Write config, generation config and weights into a folder; what else it holds stays.

        The folder holds the old checkpoint or the new one, whole, whenever this is interrupted.

        Args:
            folder: Made where it is not there.
            max_shard_size: Bytes of a weights file, beyond which there are several.
            dtype: Of the weights on disk; by default what they are.

        Raises:
            CheckpointError: The folder cannot be written.
        """
        weights = {name: value if dtype is None else value.to(dtype) for name, value in self.state_dict().items()}
        kinds = {str(value.dtype).removeprefix("torch.") for value in weights.values()}
        config = self.config.copy(architectures=[type(self).__name__], dtype=kinds.pop() if len(kinds) == 1 else None)
        with replacing(Path(folder)) as new:
            config.save_pretrained(new)
            self.generation_config.filled_from(self.config, self.config.decoder).save_pretrained(new)
            write_tensors(new, self.weight_map().to_disk(weights), max_shard_size=max_shard_size)

    def weight_map(self) -> WeightMap:
        """The parts' tables, each under its prefix, and what belongs to the pair alone."""
        encoder, decoder = self.config.encoder, self.config.decoder
        return WeightMap.join(
            self.catalog.encoder(encoder.model_type).load_weights()(encoder).nested("encoder."),
            self.catalog.decoder(decoder.model_type).load_weights()(decoder).nested("decoder."),
            WeightMap([rename(f"{part}.{{p}}", f"{part}.{{p}}") for part in ("enc_to_dec_proj", "ctc_head")]),
        )

    def num_parameters(self, only_trainable: bool = False) -> int:
        """How many numbers the model learns."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad or not only_trainable)


@frozen
class _Part:
    """A checkpoint of one part, or a ready-made part."""

    entry: EncoderEntry | DecoderEntry
    config: Config
    folder: Path | None
    model: Any

    @classmethod
    def of(cls, role: Role, source: Source | None, options: dict[str, Any], catalog: Catalog) -> Self:
        """The part that `source` names, or `{role}_model` and `{role}_config`, which are taken out of `options`."""
        model, config = options.pop(f"{role}_model", None), options.pop(f"{role}_config", None)
        if model is not None:
            return cls(catalog.entry(role, model.config.model_type), model.config, None, model)
        if source is None:
            raise InputError(f"no {role}: pass a folder or a hub id, or {role}_model")
        folder = locate(source)
        config = config or read_part(read_json(folder / CONFIG_FILE), role, catalog)
        return cls(catalog.entry(role, config.model_type), config, folder, None)

    def load_into(self, module: Component, dtype: torch.dtype | None, device: torch.device | str) -> LoadReport:
        """Fill a part built without weights; a ready-made one is left as it is."""
        if self.folder is None:
            return LoadReport()
        weights = self.entry.load_weights()(module.config)
        return load_into(module, open_tensors(self.folder), weights, dtype=dtype, device=device)


def _own_config(
    config: SpeechEncoderDecoderConfig | None, encoder: Encoder | None, decoder: Decoder | None
) -> SpeechEncoderDecoderConfig:
    """A deep copy for the model to keep, in which the configs of ready-made parts are those parts' own."""
    if config is None:
        if encoder is None or decoder is None:
            raise ConfigError("nothing to build: pass a config, or both an encoder and a decoder")
        config = SpeechEncoderDecoderConfig.from_encoder_decoder_configs(encoder.config, decoder.config)
    config = config.copy()
    for role, part in (("encoder", encoder), ("decoder", decoder)):
        if part is not None:
            setattr(config, role, part.config)
    return config


def _read_config(folder: Path, options: dict[str, Any], catalog: Catalog | None) -> SpeechEncoderDecoderConfig:
    """The pair's config that a folder holds, with the options of a call before its own values."""
    data = read_json(folder / CONFIG_FILE)
    roles: tuple[Role, ...] = ("encoder", "decoder")
    for role in roles:
        if catalog is not None and role in data:
            data[role] = read_part(data[role], role, catalog)
    try:
        config = SpeechEncoderDecoderConfig.from_dict(data)
    except ConfigError as error:
        raise ConfigError(f"{folder / CONFIG_FILE}: {error.title}", error.problems) from None
    if not options:
        return config
    routed = route_options(options, type(config.encoder), type(config.decoder))
    return config.copy(
        encoder=config.encoder.copy(**routed["encoder"]),
        decoder=config.decoder.copy(**routed["decoder"]),
        **routed["pair"],
    )


def _unknown_keys(config: SpeechEncoderDecoderConfig) -> tuple[str, ...]:
    """Keys of `config.json` that nobody is known to write."""
    parts = {"": config, "encoder.": config.encoder, "decoder.": config.decoder}
    return tuple(prefix + key for prefix, part in parts.items() for key in part.unknown_keys)
