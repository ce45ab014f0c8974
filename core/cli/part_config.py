"""The configs of encoders, decoders and connectors that a command line says: option by option, in a file, or both."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from speechgraft.errors import CheckpointError, ConfigError, InputError, SpeechGraftError

if TYPE_CHECKING:
    from speechgraft.registry.entries import Registered

SAYS: Final = "{} option, NAME=VALUE, or a JSON file with options, or the config.json of a checkpoint; may be repeated."
"""The help of an option of a command that says a part's config; whose, is put in."""

_OPTION = re.compile(r"[A-Za-z_]\w*=")
"""What an option begins with; anything else is the path of a file."""

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def read_parts(
    encoder: str,
    decoder: str,
    connector: str | None,
    configs: Mapping[str, Sequence[str] | None],
    beneath: Mapping[str, Any] = _NOTHING,
) -> dict[str, Any]:
    """The parts of a pair as `check` and `pair` take them, of their names and of what the command line says of each.

    Args:
        encoder: A name in the catalog.
        decoder: A name in the catalog.
        connector: A name in the catalog; `None`: the default.
        configs: Words of the command line by role, see `read_options`.
        beneath: What the decoder's options are tried with where they do not say it, see `read_options`.

    Returns:
        `encoder`, `decoder` and `connector`; options that were not read from a checkpoint's config are given on as
        they are, for whoever builds the configs to find all that is wrong.

    Raises:
        UnknownPluginError: There is no part of that name.
        SpeechGraftError: See `all_at_once` and `read_options`.
    """
    from speechgraft.registry import default_catalog

    catalog = default_catalog()
    entries = catalog.encoder(encoder), catalog.decoder(decoder)

    def read(tried: bool) -> list[Any]:
        return all_at_once(
            partial(read_options, entries[0], configs["encoder"], tried=tried),
            partial(read_options, entries[1], configs["decoder"], beneath, tried=tried),
            partial(read_connector, connector, configs["connector"], tried=tried),
        )

    try:
        found = read(tried=False)
    except SpeechGraftError:
        found = read(tried=True)  # so that it raises what is wrong with the other parts' options too
    return dict(zip(("encoder", "decoder", "connector"), found, strict=True))


def read_connector(name: str | None, given: Sequence[str] | None, *, tried: bool = False) -> Any:
    """A connector of that name as `check` and `pair` take it; `None` where none is named.

    Raises:
        InputError: Something is said of it, and no name says whose it is.
        UnknownPluginError: There is no such connector.
        SpeechGraftError: See `read_options`.
    """
    from speechgraft.registry import default_catalog

    if name is None:
        if given:
            raise InputError("--connector-config says the options of a connector: pass --connector too")
        return None
    options = read_options(default_catalog().connector(name), given, tried=tried)
    if options is None:
        return name
    return {**options, "model_type": name} if isinstance(options, dict) else options


def read_options(
    entry: Registered, given: Sequence[str] | None, beneath: Mapping[str, Any] = _NOTHING, *, tried: bool = False
) -> Any:
    """The config that a command line says: `NAME=VALUE` of any number, and at most one file; `None` where it says none.

    A value is JSON, or else a text as it stands. A file with a `model_type` is a checkpoint's `config.json`, read as
    such, keys of other tools included, and what is said beside it changes it: that gives a config. Anything else is a
    person's list of options, in which an unknown name is a mistake: that gives a dictionary.

    Args:
        entry: Whose config it is.
        given: The words.
        beneath: Options that a person's list may leave open, with which it is tried; they are not given back.
        tried: Whether options are tried too where there is no file to be named; else whoever builds the config does.

    Raises:
        InputError: There are several files, or an option is said twice.
        ConfigError: All that is wrong with what a file holds, or is said; the message begins with the file's name.
        CheckpointError: The file is missing, or no JSON object.
    """
    from speechgraft.config.fields import overlaid

    files = [Path(each) for each in given or () if not _OPTION.match(each)]
    options = _said(entry, [each for each in given or () if _OPTION.match(each)])
    if len(files) > 1:
        raise InputError(f"{entry} has one file of options, got {', '.join(map(str, files))}")
    if files:
        return _read_file(entry, files[0], options, beneath)
    if tried:
        config_class = entry.load_config_class()
        config_class(**overlaid(config_class, beneath, options))
    return options or None


def _said(entry: Registered, words: Sequence[str]) -> dict[str, Any]:
    """The values of `NAME=VALUE`, by name."""
    options: dict[str, Any] = {}
    for word in words:
        name, _, text = word.partition("=")
        if name in options:
            raise InputError(f"{name} of {entry} is said twice")
        options[name] = _value(text)
    if "model_type" in options:
        raise InputError(f"model_type of {entry} is no option: its name says it")
    return options


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read_file(entry: Registered, path: Path, options: dict[str, Any], beneath: Mapping[str, Any]) -> Any:
    """What a file holds, changed by options: a checkpoint's config, or a person's options as they are."""
    from speechgraft.config.fields import overlaid
    from speechgraft.json_files import read_json

    if not path.exists():
        raise CheckpointError(f"{path}: there is no such file; an option is NAME=VALUE")
    data = read_json(path)
    where = f"{path} with {', '.join(options)}" if options else f"{path}"
    config_class = entry.load_config_class()
    try:
        if "model_type" in data:
            return entry.load_adapter().read(data, overrides=options)
        changed = overlaid(config_class, data, options)
        config_class(**overlaid(config_class, beneath, changed))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.title}", error.problems) from None
    return changed


def all_at_once(*reads: Callable[[], Any]) -> list[Any]:
    """What several calls give, and all that is wrong with any of them at once.

    Raises:
        SpeechGraftError: The one that is raised.
        ConfigError: Several are raised.
    """
    found: list[Any] = []
    wrong: list[SpeechGraftError] = []
    for read in reads:
        try:
            found.append(read())
        except (ConfigError, InputError, CheckpointError) as error:
            wrong.append(error)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise ConfigError("several things are wrong:", [line for error in wrong for line in _lines(error)])
    return found


def _lines(error: SpeechGraftError) -> list[str]:
    """Each problem of an error, with what it is a problem of."""
    if isinstance(error, ConfigError) and error.problems:
        return [f"{error.title} {problem}" for problem in error.problems]
    return [str(error)]
