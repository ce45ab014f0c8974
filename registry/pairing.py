"""Two names and their options in; a report or a model out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from speechgraft.errors import ConfigError, InputError, RoutingError, SpeechGraftError
from speechgraft.registry.catalog import Catalog
from speechgraft.registry.discovery import default_catalog
from speechgraft.registry.entries import DEFAULT_CONNECTOR, ConnectorEntry, DecoderEntry, EncoderEntry
from speechgraft.registry.report import PairReport

if TYPE_CHECKING:
    from speechgraft.config import Config
    from speechgraft.registry.configs import ConnectorChoice, PairConfig
    from speechgraft.registry.models import PairModel


def check(
    encoder_name: str,
    decoder_name: str,
    /,
    *,
    encoder: Mapping[str, Any] | Config | None = None,
    decoder: Mapping[str, Any] | Config | None = None,
    connector: ConnectorChoice = None,
    catalog: Catalog | None = None,
    seconds: float | None = 10.0,
    **options: Any,
) -> PairReport:
    """Say how an encoder and a decoder would be wired, without making weights.

    The pair is built and run on meta tensors, which have shapes and no values.

    Args:
        encoder_name: A name in the catalog.
        decoder_name: A name in the catalog.
        encoder: Options of the encoder's config, or the config; `None` for its defaults.
        decoder: Options of the decoder's config, or the config; `None` for its defaults.
        connector: What stands between the two: a name in the catalog, options with that name as their
            `model_type`, or its config. `None`: a projection where the widths differ, as in published checkpoints.
        catalog: Where to look the names up; by default what is installed.
        seconds: Of audio, whose sizes and memory are to be told (`PairReport.estimate`); `None`: none, which takes
            half a second less.
        options: Of the pair's config (`ctc_vocab_size`, `pad_token_id`, ...), or of a part with its
            prefix (`encoder_hidden_size`, `connector_stride`).

    Returns:
        The report; all that is wrong is in its `problems`.

    Raises:
        UnknownPluginError: There is no such encoder, decoder or connector.
        InputError: `seconds` is no length.
    """
    if seconds is not None and not 0 < seconds < float("inf"):
        raise InputError(f"seconds={seconds!r}: expected more than 0, or None")
    entries = _Entries.of(encoder_name, decoder_name, connector, catalog or default_catalog())
    told = DEFAULT_CONNECTOR if entries.connector is None else entries.connector.name
    report = PairReport(encoder=encoder_name, decoder=decoder_name, connector=told)
    try:
        config = _pair_config(entries, encoder, decoder, connector, options)
        model = _on_meta(entries.encoder, config, catalog)
    except ConfigError as error:
        return report.with_problems(*(error.problems or (str(error),)))
    except RoutingError as error:
        return report.with_problems(str(error), *_other_problems(entries, encoder, decoder, connector))
    except SpeechGraftError as error:
        return report.with_problems(str(error))
    # A part is somebody else's code, and that it cannot be built is what the report is for.
    except Exception as error:  # noqa: BLE001
        return report.with_problems(f"building the pair fails: {type(error).__name__}: {' '.join(str(error).split())}")
    from speechgraft.registry.trial import measure

    return measure(report, entries.encoder, entries.decoder, model, seconds)


def pair(
    encoder_name: str,
    decoder_name: str,
    /,
    *,
    encoder: Mapping[str, Any] | Config | None = None,
    decoder: Mapping[str, Any] | Config | None = None,
    connector: ConnectorChoice = None,
    catalog: Catalog | None = None,
    **options: Any,
) -> PairModel:
    """Make a model of an encoder and a decoder, with new weights. Arguments are those of `check`.

    It is an `EncoderDecoderModel` where the encoder takes tokens, else a `SpeechEncoderDecoderModel`.

    Raises:
        UnknownPluginError: There is no such encoder, decoder or connector.
        ConfigError: What is wrong with the options of both parts and of the pair, all at once.
        RoutingError: An option is unknown, or was passed twice.
        IncompatiblePairError: The two cannot be wired.
    """
    from speechgraft.registry.models import pair_class

    entries = _Entries.of(encoder_name, decoder_name, connector, catalog or default_catalog())
    config = _pair_config(entries, encoder, decoder, connector, options)
    return pair_class(entries.encoder.input_kind)(config=config, catalog=catalog)


class _Entries(NamedTuple):
    """What a pair is made of; without a connector there is the default."""

    encoder: EncoderEntry
    decoder: DecoderEntry
    connector: ConnectorEntry | None

    @classmethod
    def of(cls, encoder: str, decoder: str, connector: ConnectorChoice, catalog: Catalog) -> Self:
        """The entries of these names."""
        from speechgraft.registry.configs import connector_entry

        return cls(catalog.encoder(encoder), catalog.decoder(decoder), connector_entry(connector, catalog))


def _pair_config(
    entries: _Entries,
    encoder: Mapping[str, Any] | Config | None,
    decoder: Mapping[str, Any] | Config | None,
    connector: ConnectorChoice,
    options: Mapping[str, Any],
) -> PairConfig:
    """The pair's config; problems of all parts are raised together, with paths from the pair's root."""
    from speechgraft.registry.configs import below, connector_options, part_config, route_options
    from speechgraft.registry.models import pair_class

    of_connector = None if entries.connector is None else entries.connector.load_config_class()
    routed = route_options(
        options, entries.encoder.load_config_class(), entries.decoder.load_config_class(), of_connector
    )
    problems: list[str] = []
    parts: dict[str, Any] = {}
    for entry, given in zip(entries, (encoder, decoder, connector_options(connector)), strict=True):
        if entry is None:
            continue
        try:
            parts[entry.role] = part_config(entry, given, routed[entry.role])
        except ConfigError as error:
            problems += [below(entry.role, problem) for problem in error.problems or (str(error),)]
    if problems:
        raise ConfigError(f"{entries.encoder.name} and {entries.decoder.name} cannot be configured:", problems)
    config_class = pair_class(entries.encoder.input_kind).config_class
    chosen = {"connector": parts.get("connector")}
    return config_class.from_encoder_decoder_configs(parts["encoder"], parts["decoder"], **chosen, **routed["pair"])


def _other_problems(
    entries: _Entries,
    encoder: Mapping[str, Any] | Config | None,
    decoder: Mapping[str, Any] | Config | None,
    connector: ConnectorChoice,
) -> tuple[str, ...]:
    """What is wrong beside options that go nowhere."""
    try:
        _pair_config(entries, encoder, decoder, connector, {})
    except ConfigError as error:
        return error.problems or (str(error),)
    except SpeechGraftError as error:
        return (str(error),)
    return ()


def _on_meta(encoder_entry: EncoderEntry, config: PairConfig, catalog: Catalog | None) -> PairModel:
    from speechgraft.nn.meta import weightless
    from speechgraft.registry.models import pair_class

    with weightless():
        return pair_class(encoder_entry.input_kind)(config=config, catalog=catalog)
