"""The configs of pairs: the configs of two parts and what belongs to neither."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, Final, Self

from speechgraft.config import Config, FileKeys, Settings, config_class, field, rule
from speechgraft.config.converter import show
from speechgraft.config.fields import option_names
from speechgraft.config.validators import non_negative, positive
from speechgraft.errors import ConfigError, RoutingError
from speechgraft.registry.catalog import Catalog
from speechgraft.registry.discovery import default_catalog
from speechgraft.registry.entries import AN, ConnectorEntry, Entry, Role
from speechgraft.routing import route

ConnectorChoice = str | Mapping[str, Any] | Settings | None
"""A connector's name, options with its name as their `model_type`, or its config; `None`: the default."""


def read_part(value: Any, role: Role, catalog: Catalog | None = None) -> Any:
    """A part's config from an object of JSON, by its `model_type`, or a connector's from its name.

    Anything else is given back as it is.

    Raises:
        ConfigError: It has no `model_type`, or a wrong value.
        UnknownPluginError: No plugin brings that model.
    """
    if role == "connector" and isinstance(value, str):
        value = {"model_type": value}
    if not isinstance(value, Mapping):
        return value
    model_type = value.get("model_type")
    if not isinstance(model_type, str):
        raise ConfigError(
            f"not a configuration of {AN[role]}:", ["$.model_type: it is missing, expected a model's name"]
        )
    return (catalog or default_catalog()).entry(role, model_type).load_adapter().read(value)


@config_class
class PairConfig(Config):
    """What every pair is wired from; the leaves say which kind of encoder theirs has.

    Raises:
        ConfigError: A value has the wrong type or is impossible, or a keyword is unknown.
    """

    file_keys: ClassVar[FileKeys] = FileKeys(unwritten=frozenset({"connector"}))

    encoder: Config = field(convert=partial(read_part, role="encoder"))
    """The encoder's config, or an object of JSON that describes it."""

    decoder: Config = field(convert=partial(read_part, role="decoder"))
    """The decoder's config, or an object of JSON that describes it."""

    connector: Settings | None = field(default=None, convert=partial(read_part, role="connector"))
    """What stands between the two: its config, an object of JSON that describes it, or its name for its defaults.
    `None`, which files leave out: a projection where the widths differ, as in published checkpoints."""

    is_encoder_decoder: bool = field(default=True)
    """A pair is one."""

    tie_word_embeddings: bool = field(default=False)
    """A pair shares no embedding between its parts; whether the decoder's output layer is tied, its own config says."""

    ctc_vocab_size: int | None = field(default=None, validator=positive)
    """Tokens of a CTC head on the encoder; `None` for no head."""

    ctc_blank_token_id: int | None = field(default=None, validator=non_negative)
    """The blank of a CTC head with a vocabulary of its own, as one that was kept from a CTC checkpoint; it learns from
    `ctc_labels`. `None`: the head speaks the decoder's tokens and learns from `labels`, its blank is `pad_token_id`."""

    @property
    def use_cache(self) -> bool:
        """Whether the decoder keeps keys and values of earlier tokens where the call does not say: its own field."""
        return bool(self.decoder.use_cache)

    @use_cache.setter
    def use_cache(self, value: bool) -> None:
        self.decoder.use_cache = value

    @property
    def vocab_size(self) -> int:
        """Tokens of the decoder: its own field, which a built model does not let change."""
        return int(self.decoder.vocab_size)

    @vocab_size.setter
    def vocab_size(self, value: int) -> None:
        self.decoder.vocab_size = value

    @rule
    def head_has_the_blank(self) -> str | None:
        """Where both are set."""
        blank, size = self.ctc_blank_token_id, self.ctc_vocab_size
        if blank is None or size is None or blank < size:
            return None
        return f"ctc_blank_token_id: {blank} is not one of the {size} tokens of the CTC head (0 to {size - 1})"

    @classmethod
    def from_encoder_decoder_configs(cls, encoder_config: Config, decoder_config: Config, **options: Any) -> Self:
        """A pair's config from those of its parts, which are copied and not changed.

        In the copies the decoder is set to be one, causal, with cross-attention, and the encoder to be none.

        Raises:
            ConfigError: What is wrong with the options.
        """
        problems: list[str] = []
        parts: dict[str, Any] = {}
        for role, config in (("encoder", encoder_config), ("decoder", decoder_config)):
            switch = role == "decoder"
            try:
                parts[role] = config.copy(is_decoder=switch, add_cross_attention=switch)
            except ConfigError as error:
                problems += [below(role, problem) for problem in error.problems]
        if problems:
            raise ConfigError(f"{cls.__name__} cannot be made:", problems)
        return cls(**parts, **options)


@config_class
class SpeechEncoderDecoderConfig(PairConfig):
    """What a speech encoder and a text decoder are wired from."""

    model_type: ClassVar[str] = "speech-encoder-decoder"


@config_class
class EncoderDecoderConfig(PairConfig):
    """What a text encoder and a text decoder are wired from."""

    model_type: ClassVar[str] = "encoder-decoder"


PAIR_TYPES: Final = frozenset({SpeechEncoderDecoderConfig.model_type, EncoderDecoderConfig.model_type})
"""What a `config.json` of a whole pair calls itself."""

OF_LOADING: Final = frozenset(
    {
        *("pretrained_model_name_or_path", "strict", "ignore_mismatched_sizes", "config"),
        *("revision", "subfolder", "token", "cache_dir", "local_files_only", "from_tf", "from_flax"),
    }
)
"""What `from_pretrained` of a model takes and other factories do not."""

ELSEWHERE: Final = MappingProxyType(
    {
        "keep_ctc_head": "from_encoder_decoder_pretrained takes it, to keep the head of a CTC checkpoint; for a fresh "
        "head set ctc_vocab_size",
        **dict.fromkeys(OF_LOADING, "from_pretrained takes it"),
        **{
            name: f"from_pretrained takes it; from_encoder_decoder_pretrained takes encoder_{name} and decoder_{name}"
            for name in ("from_tf", "from_flax")
        },
    }
)
"""Options that one factory takes and others do not, with what to do about them there."""

OF_FACTORIES: Final = (
    *ELSEWHERE,
    *("dtype", "device", "catalog", "encoder", "decoder", "connector"),
    *("encoder_model", "decoder_model", "encoder_config", "decoder_config"),
    *("encoder_from_tf", "decoder_from_tf", "encoder_from_flax", "decoder_from_flax"),
    *("encoder_revision", "decoder_revision", "encoder_subfolder", "decoder_subfolder"),
    *("encoder_token", "decoder_token", "encoder_cache_dir", "decoder_cache_dir"),
)
"""What factories of pairs take by name beside the fields of configs."""


def below(role: str, problem: str) -> str:
    """A problem of a part with its path from the pair's root."""
    return f"$.{role}{problem[1:]}" if problem.startswith("$") else f"$.{role}: {problem}"


def factory_options(
    encoder: type[Config], decoder: type[Config], connector: type[Settings] | None = None
) -> dict[str, set[str]]:
    """The options of a factory by the config they belong to; there are none of a connector that is not chosen."""
    return {
        "encoder": option_names(encoder),
        "decoder": option_names(decoder),
        "connector": set() if connector is None else option_names(connector),
        "pair": option_names(PairConfig) - {"encoder", "decoder", "connector"},
    }


def route_options(
    options: Mapping[str, Any], encoder: type[Config], decoder: type[Config], connector: type[Settings] | None = None
) -> dict[str, dict[str, Any]]:
    """Options of a factory, by the config they belong to.

    Prefixed `encoder_`, `decoder_` and, where one is chosen, `connector_`; unprefixed those of the `"pair"`.

    Raises:
        RoutingError: An option is unknown, or was passed twice.
    """
    destinations = factory_options(encoder, decoder, connector)
    unled = () if connector is not None else (name for name in options if name.startswith("connector_"))
    elsewhere = {**ELSEWHERE, **dict.fromkeys(unled, "pass connector too")}
    return route(options, destinations, unprefixed="pair", own=OF_FACTORIES, elsewhere=elsewhere)


def connector_entry(choice: ConnectorChoice, catalog: Catalog) -> ConnectorEntry | None:
    """The entry of the connector that a call chooses; `None`: the default.

    Raises:
        ConfigError: It is no choice.
        UnknownPluginError: There is no such connector.
    """
    if choice is None:
        return None
    name = choice.get("model_type") if isinstance(choice, Mapping) else choice
    name = name.model_type if isinstance(name, Settings) else name
    if not isinstance(name, str):
        told = f"expected a name, a config, or options with a model_type, got {show(choice)}"
        raise ConfigError("no connector can be chosen:", [f"$.connector: {told}"])
    return catalog.connector(name)


def connector_options(choice: ConnectorChoice) -> Mapping[str, Any] | Settings | None:
    """The options that a choice of a connector states, or its config."""
    if isinstance(choice, Mapping):
        return {key: choice[key] for key in choice if key != "model_type"}
    return None if isinstance(choice, str) else choice


def part_config(entry: Entry | ConnectorEntry, given: Any, prefixed: Mapping[str, Any]) -> Any:
    """The config of an entry, of options or another config, with further options that a call prefixed.

    Raises:
        ConfigError: What is wrong with it.
        RoutingError: An option was passed twice.
    """
    config_class = entry.load_config_class()
    if isinstance(given, config_class):
        return given.copy(**prefixed)
    if given is not None and not isinstance(given, Mapping):
        expected = config_class.__name__
        raise ConfigError(
            f"{entry} was given a {type(given).__name__}, expected options or a {expected}",
            [f"$: expected options or a {expected}, got a {type(given).__name__}"],
        )
    twice = sorted(prefixed.keys() & (given or {}).keys())
    if twice:
        raise RoutingError(f"{twice[0]!r} of the {entry.role} was passed twice, with and without its prefix")
    return config_class(**{**(given or {}), **prefixed})
