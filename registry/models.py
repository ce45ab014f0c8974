"""Pairs under their published names: built from configs or checkpoints, saved and loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, Self, get_args

import torch
from torch import Tensor

from speechgraft.bridge import Bridge
from speechgraft.checkpoint import (
    LoadReport,
    WeightMap,
    materialise,
    open_tensors,
    rename,
)
from speechgraft.config import Settings
from speechgraft.contracts import Connector, Decoder, Encoder, InputKind
from speechgraft.errors import ConfigError, IncompatiblePairError, InputError
from speechgraft.generation import GenerationConfig
from speechgraft.generation.inherited import inherited
from speechgraft.nn.meta import weightless
from speechgraft.nn.vocabulary import resized
from speechgraft.registry import published
from speechgraft.registry.alone import alone
from speechgraft.registry.catalog import Catalog
from speechgraft.registry.configs import (
    ConnectorChoice,
    EncoderDecoderConfig,
    PairConfig,
    SpeechEncoderDecoderConfig,
    connector_entry,
    connector_options,
    part_config,
    read_part,
    route_options,
)
from speechgraft.registry.discovery import default_catalog
from speechgraft.registry.entries import PartRole, Role
from speechgraft.registry.folders import read_config, refuse_another
from speechgraft.registry.language import LanguageModel
from speechgraft.registry.parts import CTCHead, Part, bare
from speechgraft.registry.pretrained import Place, Pretrained, Source, given_config, with_place
from speechgraft.registry.single import EncoderModel
from speechgraft.registry.text_encoder import TextEncoderModel
from speechgraft.switches import warn_of_feature_extractor


class PairModel(Bridge, Pretrained):
    """An encoder, a connector and a decoder as one model; the leaves say which kind of encoder is theirs.

    Args:
        config: What to build; not needed where both parts are given.
        encoder: A ready-made encoder, or a ready-made model of one (`HubertModel`).
        decoder: A ready-made decoder, or a ready-made language model (`BertLMHeadModel`).
        generation_config: How to generate where the call does not say; by default what the two configs say of it.
        catalog: Where the parts that `config` names are looked up; by default what is installed.

    Raises:
        ConfigError: Neither a config nor both parts were given, or the config is that of another class.
        IncompatiblePairError: The parts do not fit, or the encoder is for another class.

    Attributes:
        config_class: What it is built from.
        input_kinds: What its encoders take.
    """

    config: PairConfig
    config_class: ClassVar[type[PairConfig]]
    input_kinds: ClassVar[tuple[InputKind, ...]]

    def __init__(
        self,
        config: PairConfig | None = None,
        encoder: Encoder | EncoderModel | TextEncoderModel | None = None,
        decoder: Decoder | LanguageModel | None = None,
        *,
        generation_config: GenerationConfig | None = None,
        catalog: Catalog | None = None,
    ) -> None:
        encoder = None if encoder is None else bare(encoder, "encoder")
        decoder = None if decoder is None else bare(decoder, "decoder")
        config = _own_config(type(self), config, encoder, decoder)
        catalog = catalog or default_catalog()
        name = config.encoder.model_type
        _check_kind(type(self), name, (encoder or catalog.encoder(name)).input_kind)
        device = torch.get_default_device()
        with weightless():
            encoder = encoder or catalog.encoder(config.encoder.model_type).build(config.encoder)
            decoder = decoder or catalog.decoder(config.decoder.model_type).build(config.decoder)
            connector = _connector(config, encoder, decoder, catalog)
            generation_config = generation_config or inherited(config, config.decoder)
            super().__init__(encoder, decoder, config, generation_config, connector)
        config.lock()
        self.catalog = catalog
        if device.type != "meta":
            materialise(self, device=device)

    @classmethod
    def _opened(
        cls, place: Place, options: dict[str, Any], catalog: Catalog | None
    ) -> tuple[Self, Mapping[str, Tensor]]:
        """The pair that a folder describes, with the generation config that lies there, or one of its old keys."""
        folder = place.folder()
        config = _read_config(cls, folder, options, catalog)
        if (folder / GenerationConfig.file_name).exists():
            generation = GenerationConfig.from_pretrained(folder)
        else:
            generation = inherited(config, config.decoder, old_keys=True)
        return cls(config, generation_config=generation, catalog=catalog), open_tensors(folder, place.weights)

    @classmethod
    def from_encoder_decoder_pretrained(
        cls,
        encoder_pretrained_model_name_or_path: Source | None = None,
        decoder_pretrained_model_name_or_path: Source | None = None,
        *,
        dtype: torch.dtype | str | None = None,
        device: torch.device | str = "cpu",
        keep_ctc_head: bool = False,
        connector: ConnectorChoice = None,
        catalog: Catalog | None = None,
        token: str | bool | None = None,
        cache_dir: Source | None = None,
        local_files_only: bool = False,
        **options: Any,
    ) -> Self:
        """A pair of two parts that were trained apart, in eval mode; it wants fine-tuning.

        The connector and, where the decoder has none, cross-attention are made anew; `load_report` says so.

        Args:
            encoder_pretrained_model_name_or_path: Folder or hub id of the encoder, or `encoder_model`.
            decoder_pretrained_model_name_or_path: Folder or hub id of the decoder, or `decoder_model`.
            dtype: Of all parameters; by default torch's own, since such a pair is there to be trained.
            device: Where the parameters go.
            keep_ctc_head: Whether the head of an encoder's CTC checkpoint becomes the pair's `ctc_head`, with its own
                vocabulary and its blank (`ctc_blank_token_id`, there `pad_token_id`); otherwise it is left out.
            connector: What stands between the two, see `speechgraft.check`.
            catalog: Where the parts are looked up.
            token: For gated and private repositories; `None`: the one that was logged in with.
            cache_dir: Where downloads are kept; by default where `huggingface_hub` keeps them.
            local_files_only: Whether only earlier downloads count.
            **options: `encoder_model`, `decoder_model`: ready-made parts. `encoder_config`, `decoder_config`:
                in place of the checkpoint's. `encoder_revision`, `encoder_subfolder`, `encoder_token`,
                `encoder_cache_dir`, `encoder_local_files_only` and the same of the decoder: of one part alone.
                Other options are changes to the config: unprefixed of the
                pair, `encoder_`, `decoder_` and `connector_` of its parts.

        Raises:
            CheckpointError: A file is missing or broken, or does not fit its model.
            ConfigError: All that is wrong with a config.
            RoutingError: An option that nothing takes.
            IncompatiblePairError: The encoder is for another class.
            InputError: There is no encoder or decoder, or none that a head could be kept of.
        """
        catalog = catalog or default_catalog()
        placing = published.taken_out_of(options, dtype, device)
        if placing.dtype == "auto":
            raise InputError("dtype='auto' is not offered for two checkpoints, which may be of two types: pass one")
        dtype = placing.dtype
        shared = {"token": token, "cache_dir": cache_dir, "local_files_only": local_files_only}
        encoder = Part.of("encoder", encoder_pretrained_model_name_or_path, options, catalog, **shared)
        decoder = Part.of("decoder", decoder_pretrained_model_name_or_path, options, catalog, **shared)
        if placing.safetensors:
            encoder.refuse_others()
            decoder.refuse_others()
        name = encoder.config.model_type
        _check_kind(cls, name, catalog.encoder(name).input_kind)
        head = CTCHead.of(encoder, options) if keep_ctc_head else None
        chosen = connector_entry(connector, catalog)
        routed = route_options(
            options, type(encoder.config), type(decoder.config), None if chosen is None else chosen.load_config_class()
        )
        config = cls.config_class.from_encoder_decoder_configs(
            encoder.config.copy(**routed["encoder"]),
            decoder.config.copy(**routed["decoder"]),
            connector=chosen and part_config(chosen, connector_options(connector), routed["connector"]),
            **routed["pair"],
        )
        with weightless(lambda: sum(len(part.tensors()) for part in (encoder, decoder) if part.folder is not None)):
            model = cls(config, encoder.model, decoder.model, catalog=catalog)
        reports = {
            "encoder.": encoder.load_into(model.encoder, dtype, placing.device),
            "decoder.": decoder.load_into(model.decoder, dtype, placing.device),
        }
        if head is not None and model.ctc_head is not None:
            reports["ctc_head."] = head.load_into(model.ctc_head, dtype, placing.device)
            reports["encoder."] = head.taken_out_of(reports["encoder."])
        materialise(model, dtype=dtype, device=placing.device)
        model.load_report = LoadReport.joined(reports)
        if placing.attention is not None:
            model.set_attn_implementation(placing.attention)
        return model.eval()

    @property
    def _reading(self) -> Encoder | Decoder:
        """The encoder where it takes tokens, else the decoder."""
        return self.encoder if self.encoder.input_kind == "tokens" else self.decoder

    @property
    def _writing(self) -> Decoder:
        """The decoder."""
        return self.decoder

    def _vocabulary_resized(self, count: int) -> None:
        """A CTC head that speaks the decoder's tokens goes along."""
        head = self.ctc_head
        if head is None or self.config.ctc_blank_token_id is not None:
            return
        std = self.config.decoder.initializer_range
        head.weight = resized(head.weight, count, near_mean=True, std=std)
        head.bias = resized(head.bias, count, near_mean=True, std=std)
        head.out_features = count
        with self.config.unlocked():
            self.config.ctc_vocab_size = count

    def get_encoder(self) -> Encoder:
        """The encoder itself."""
        return self.encoder

    def get_decoder(self) -> Decoder:
        """The decoder itself."""
        return self.decoder

    def save_part(self, role: PartRole, save_directory: Source, **options: Any) -> None:
        """Write one part into a folder of its own, as the model that it is alone (`Wav2Vec2Model`, `BertLMHeadModel`).

        `load` and `from_encoder_decoder_pretrained` read such a folder.

        Args:
            role: `"encoder"` or `"decoder"`.
            save_directory: Made where it is not there.
            **options: Those of `save_pretrained`.

        Raises:
            CheckpointError: The folder cannot be written.
            InputError: There is no such part, or its plugin brings no class for it alone; or see `save_pretrained`.
        """
        if role not in get_args(PartRole):
            raise InputError(f"save_part({role!r}, ...): expected 'encoder' or 'decoder'")
        alone(getattr(self, role), role, self.catalog).save_pretrained(save_directory, **options)

    def freeze_feature_extractor(self) -> None:
        """The older name of `freeze_feature_encoder`.

        Raises:
            InputError: The encoder has none.
        """
        warn_of_feature_extractor()
        self.freeze_feature_encoder()

    def _settings(self, **facts: Any) -> tuple[Settings, ...]:
        """The config, and a generation config with all special tokens."""
        told = self.config, self.config.decoder
        known = self.decoder.vocab_size
        return self.config.copy(**facts), self.generation_config.filled_from(*told, vocab_size=known)

    def weight_map(self) -> WeightMap:
        """The parts' tables, each under its prefix, and what belongs to the pair alone."""
        encoder, decoder = self.config.encoder, self.config.decoder
        return WeightMap.join(
            self.catalog.encoder(encoder.model_type).load_weights()(encoder).nested("encoder."),
            self.catalog.decoder(decoder.model_type).load_weights()(decoder).nested("decoder."),
            self._connector_weights(),
            WeightMap([rename("ctc_head.{p}", "ctc_head.{p}")]),
        )

    def _connector_weights(self) -> WeightMap:
        connector = self.config.connector
        if connector is None:
            return WeightMap([rename("enc_to_dec_proj.{p}", "connector.projection.{p}")])
        return self.catalog.connector(connector.model_type).weight_map(connector)


class SpeechEncoderDecoderModel(PairModel):
    """A speech encoder and a text decoder as one model: see `PairModel`."""

    config: SpeechEncoderDecoderConfig
    config_class = SpeechEncoderDecoderConfig
    main_input_name = "inputs"
    input_kinds = ("waveform", "features")


class EncoderDecoderModel(PairModel):
    """A text encoder and a text decoder as one model: see `PairModel`."""

    config: EncoderDecoderConfig
    config_class = EncoderDecoderConfig
    main_input_name = "input_ids"
    input_kinds = ("tokens",)


MODELS: Final[tuple[type[PairModel], ...]] = (SpeechEncoderDecoderModel, EncoderDecoderModel)
"""Every class of pairs."""


def pair_class(input_kind: str) -> type[PairModel]:
    """The class of pairs whose encoders take `"waveform"`, `"features"` or `"tokens"`."""
    return next(model for model in MODELS if input_kind in model.input_kinds)


def _connector(config: PairConfig, encoder: Encoder, decoder: Decoder, catalog: Catalog) -> Connector | None:
    """What the config puts between two parts; `None`: the default."""
    if config.connector is None:
        return None
    entry = catalog.connector(config.connector.model_type)
    return entry.build(config.connector, encoder.output_size, decoder.memory_size)


def _check_kind(cls: type[PairModel], name: str, input_kind: str) -> None:
    """Refuse an encoder that is for another class of pairs."""
    if input_kind not in cls.input_kinds:
        expected, other = " or ".join(cls.input_kinds), pair_class(input_kind).__name__
        raise IncompatiblePairError(
            f"{cls.__name__} takes encoders of {expected}, but {name!r} is one of {input_kind}: use {other}"
        )


def _own_config(
    cls: type[PairModel], config: PairConfig | None, encoder: Encoder | None, decoder: Decoder | None
) -> PairConfig:
    """A deep copy for the model to keep, in which the configs of ready-made parts are those parts' own."""
    if config is None:
        if encoder is None or decoder is None:
            raise ConfigError("nothing to build: pass a config, or both an encoder and a decoder")
        config = cls.config_class.from_encoder_decoder_configs(encoder.config, decoder.config)
    if not isinstance(config, cls.config_class):
        right = next((model.__name__ for model in MODELS if isinstance(config, model.config_class)), None)
        hint = "" if right is None else f": use {right}"
        wanted, given = cls.config_class.__name__, type(config).__name__
        raise ConfigError(f"{cls.__name__} cannot be built from {given}, expected {wanted}{hint}")
    # Whatever the caller's config says of it, in a pair the decoder is one and attends to the memory.
    config = config.copy(decoder=config.decoder.copy(is_decoder=True, add_cross_attention=True))
    for role, part in (("encoder", encoder), ("decoder", decoder)):
        if part is not None:
            setattr(config, role, part.config)
    return config


def _read_config(cls: type[PairModel], folder: Path, options: dict[str, Any], catalog: Catalog | None) -> PairConfig:
    """The pair's config that a folder holds, with the options of a call before its own values."""
    given = given_config(options, cls.config_class)
    data = read_config(folder) if given is None else given.to_dict()
    for model in MODELS:
        if model is not cls and data.get("model_type") == model.config_class.model_type:
            kinds = " or ".join(model.input_kinds)
            raise ConfigError(
                f"{folder} holds a pair whose encoder takes {kinds}, no {cls.__name__}: use {model.__name__}"
            )
    refuse_another(data, folder, cls.config_class.model_type, cls.__name__)
    roles: tuple[Role, ...] = get_args(Role)
    for role in roles:
        if catalog is not None and role in data:
            data[role] = read_part(data[role], role, catalog)
    try:
        config = cls.config_class.from_dict(data) if given is None else given
    except ConfigError as error:
        raise with_place(error, folder) from None
    if not options:
        return config
    connector = config.connector
    routed = route_options(
        options, type(config.encoder), type(config.decoder), None if connector is None else type(connector)
    )
    return config.copy(
        encoder=config.encoder.copy(**routed["encoder"]),
        decoder=config.decoder.copy(**routed["decoder"]),
        connector=connector and connector.copy(**routed["connector"]),
        **routed["pair"],
    )
