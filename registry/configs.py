"""The configs of pairs: the configs of two parts and what belongs to neither."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Self

from speechgraft.config import Config, config_class, field
from speechgraft.config.fields import option_names
from speechgraft.config.validators import non_negative, positive
from speechgraft.errors import ConfigError
from speechgraft.registry.catalog import Catalog
from speechgraft.registry.discovery import default_catalog
from speechgraft.registry.entries import Role
from speechgraft.routing import route


def read_part(value: Any, role: Role, catalog: Catalog | None = None) -> Any:
    """A part's config from an object of JSON, by its `model_type`; anything else is given back as it is.

    Raises:
        ConfigError: It has no `model_type`, or a wrong value.
        UnknownPluginError: No plugin brings that model.
    """
    if not isinstance(value, Mapping):
        return value
    model_type = value.get("model_type")
    if not isinstance(model_type, str):
        raise ConfigError(
            f"not a configuration of an {role}:", ["$.model_type: it is missing, expected a model's name"]
        )
    return (catalog or default_catalog()).entry(role, model_type).load_adapter().read(value)


@config_class
class PairConfig(Config):
    """What every pair is wired from; the leaves say which kind of encoder theirs has.

    Raises:
        ConfigError: A value has the wrong type or is impossible, or a keyword is unknown.
    """

    encoder: Config = field(convert=partial(read_part, role="encoder"))
    """The encoder's config, or an object of JSON that describes it."""

    decoder: Config = field(convert=partial(read_part, role="decoder"))
    """The decoder's config, or an object of JSON that describes it."""

    is_encoder_decoder: bool = field(default=True)
    """A pair is one."""

    tie_word_embeddings: bool = field(default=False)
    """A pair shares no embedding between its parts; whether the decoder's output layer is tied, its own config says."""

    ctc_vocab_size: int | None = field(default=None, validator=positive)
    """Tokens of a CTC head on the encoder; `None` for no head."""

    ctc_blank_token_id: int | None = field(default=None, validator=non_negative)
    """The blank of a CTC head with a vocabulary of its own, as one that was kept from a CTC checkpoint; it learns from
    `ctc_labels`. `None`: the head speaks the decoder's tokens and learns from `labels`, its blank is `pad_token_id`."""

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


def below(role: str, problem: str) -> str:
    """A problem of a part with its path from the pair's root."""
    return f"$.{role}{problem[1:]}" if problem.startswith("$") else f"$.{role}: {problem}"


def route_options(
    options: Mapping[str, Any], encoder: type[Config], decoder: type[Config]
) -> dict[str, dict[str, Any]]:
    """Options of a factory, by the config they belong to: `"encoder"` and `"decoder"` prefixed, `"pair"` unprefixed.

    Raises:
        RoutingError: An option is unknown, or was passed twice.
    """
    destinations = {
        "encoder": option_names(encoder),
        "decoder": option_names(decoder),
        "pair": option_names(PairConfig) - {"encoder", "decoder"},
    }
    return route(options, destinations, unprefixed="pair")
