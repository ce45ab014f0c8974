"""Two names and their options in; a report or a model out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from speechgraft.errors import ConfigError, RoutingError, SpeechGraftError
from speechgraft.registry.catalog import Catalog
from speechgraft.registry.discovery import default_catalog
from speechgraft.registry.entries import DecoderEntry, EncoderEntry, Entry
from speechgraft.registry.report import PairReport

if TYPE_CHECKING:
    from speechgraft.config import Config
    from speechgraft.registry.configs import PairConfig
    from speechgraft.registry.models import PairModel


def check(
    encoder_name: str,
    decoder_name: str,
    /,
    *,
    encoder: Mapping[str, Any] | Config | None = None,
    decoder: Mapping[str, Any] | Config | None = None,
    catalog: Catalog | None = None,
    **options: Any,
) -> PairReport:
    """Say how an encoder and a decoder would be wired, without making weights.

    The pair is built and run once on meta tensors, which have shapes and no values.

    Args:
        encoder_name: A name in the catalog.
        decoder_name: A name in the catalog.
        encoder: Options of the encoder's config, or the config; `None` for its defaults.
        decoder: Options of the decoder's config, or the config; `None` for its defaults.
        catalog: Where to look the names up; by default what is installed.
        options: Of the pair's config (`ctc_vocab_size`, `pad_token_id`, ...), or of a part with its
            prefix (`encoder_hidden_size`).

    Returns:
        The report; all that is wrong is in its `problems`.

    Raises:
        UnknownPluginError: There is no such encoder or decoder.
    """
    encoder_entry, decoder_entry = _entries(encoder_name, decoder_name, catalog)
    report = PairReport(encoder=encoder_name, decoder=decoder_name)
    try:
        config = _pair_config(encoder_entry, decoder_entry, encoder, decoder, options)
        model = _on_meta(encoder_entry, config, catalog)
    except ConfigError as error:
        return report.with_problems(*(error.problems or (str(error),)))
    except SpeechGraftError as error:
        return report.with_problems(str(error))
    # A part is somebody else's code, and that it cannot be built is what the report is for.
    except Exception as error:  # noqa: BLE001
        return report.with_problems(f"building the pair fails: {type(error).__name__}: {' '.join(str(error).split())}")
    from speechgraft.registry.trial import measure

    return measure(report, encoder_entry, decoder_entry, model)


def pair(
    encoder_name: str,
    decoder_name: str,
    /,
    *,
    encoder: Mapping[str, Any] | Config | None = None,
    decoder: Mapping[str, Any] | Config | None = None,
    catalog: Catalog | None = None,
    **options: Any,
) -> PairModel:
    """Make a model of an encoder and a decoder, with new weights. Arguments are those of `check`.

    It is an `EncoderDecoderModel` where the encoder takes tokens, else a `SpeechEncoderDecoderModel`.

    Raises:
        UnknownPluginError: There is no such encoder or decoder.
        ConfigError: What is wrong with the options of both parts and of the pair, all at once.
        RoutingError: An option is unknown, or was passed twice.
        IncompatiblePairError: The two cannot be wired.
    """
    from speechgraft.registry.models import pair_class

    entries = _entries(encoder_name, decoder_name, catalog)
    config = _pair_config(*entries, encoder, decoder, options)
    return pair_class(entries[0].input_kind)(config=config, catalog=catalog)


def _entries(encoder: str, decoder: str, catalog: Catalog | None) -> tuple[EncoderEntry, DecoderEntry]:
    known = catalog or default_catalog()
    return known.encoder(encoder), known.decoder(decoder)


def _pair_config(
    encoder_entry: EncoderEntry,
    decoder_entry: DecoderEntry,
    encoder: Mapping[str, Any] | Config | None,
    decoder: Mapping[str, Any] | Config | None,
    options: Mapping[str, Any],
) -> PairConfig:
    """The pair's config; problems of both parts are raised together, with paths from the pair's root."""
    from speechgraft.registry.configs import below, route_options
    from speechgraft.registry.models import pair_class

    routed = route_options(options, encoder_entry.load_config_class(), decoder_entry.load_config_class())
    problems: list[str] = []
    parts: list[Config] = []
    for entry, given in ((encoder_entry, encoder), (decoder_entry, decoder)):
        try:
            parts.append(_part_config(entry, given, routed[entry.role]))
        except ConfigError as error:
            problems += [below(entry.role, problem) for problem in error.problems or (str(error),)]
    if problems:
        raise ConfigError(f"{encoder_entry.name} and {decoder_entry.name} cannot be configured:", problems)
    config_class = pair_class(encoder_entry.input_kind).config_class
    return config_class.from_encoder_decoder_configs(*parts, **routed["pair"])


def _part_config(entry: Entry, given: Mapping[str, Any] | Config | None, prefixed: Mapping[str, Any]) -> Config:
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


def _on_meta(encoder_entry: EncoderEntry, config: PairConfig, catalog: Catalog | None) -> PairModel:
    from speechgraft.nn.meta import weightless
    from speechgraft.registry.models import pair_class

    with weightless():
        return pair_class(encoder_entry.input_kind)(config=config, catalog=catalog)
