"""Reading the config of an encoder, a decoder or a connector from a file that a person wrote or a checkpoint holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgraft.errors import ConfigError, InputError

if TYPE_CHECKING:
    from speechgraft.registry.entries import Registered

_OPTION = re.compile(r"[A-Za-z_]\w*=")
"""What an option begins with; anything else is the path of a file."""


def read_options(entry: Registered, given: Sequence[str] | None) -> Any:
    """The config that a command line says: `NAME=VALUE` of any number, and at most one file; `None` where it says none.

    A value is JSON, or else a text as it stands. Without a file the options are given back as a dictionary,
    for whoever builds the config to find all that is wrong; what a file holds is changed by them.

    Raises:
        InputError: There are several files, or an option is said twice.
        ConfigError: See `read_part_config`.
        CheckpointError: See `read_part_config`.
    """
    files = [Path(each) for each in given or () if not _OPTION.match(each)]
    said = [each.split("=", 1) for each in given or () if _OPTION.match(each)]
    options = {name: _value(text) for name, text in said}
    if len(files) > 1:
        raise InputError(f"{entry} has one file of options, got {', '.join(map(str, files))}")
    if len(options) < len(said):
        twice = next(name for name, _ in said if [name for name, _ in said].count(name) > 1)
        raise InputError(f"{twice} of {entry} is said twice")
    if not files:
        return options or None
    config = read_part_config(entry, files[0])
    return config.copy(**options) if options else config


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def read_part_config(entry: Registered, path: Path | None) -> Any:
    """The config in a JSON file, or `None` where there is no file.

    With a `model_type` it is a checkpoint's `config.json`, read as such, keys of other tools included. Without
    one it is a person's list of options, in which an unknown name is a mistake.

    Raises:
        ConfigError: All that is wrong with its values; the message begins with the file's name.
        CheckpointError: The file is missing, or no JSON object.
    """
    from speechgraft.json_files import read_json

    if path is None:
        return None
    data = read_json(path)
    try:
        return entry.load_adapter().read(data) if "model_type" in data else entry.load_config_class()(**data)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.title}", error.problems) from None


def read_part_configs(*parts: tuple[Registered, Path | None]) -> list[Any]:
    """The configs in several files, and all that is wrong with any of them at once.

    Raises:
        ConfigError: See `read_part_config`.
        CheckpointError: See `read_part_config`.
    """
    return all_at_once(*(partial(read_part_config, entry, path) for entry, path in parts))


def all_at_once(*reads: Callable[[], Any]) -> list[Any]:
    """What several calls give, and all that is wrong with any of them at once.

    Raises:
        ConfigError: Of the one that raises it, or of several together.
    """
    configs: list[Any] = []
    wrong: list[ConfigError] = []
    for read in reads:
        try:
            configs.append(read())
        except ConfigError as error:
            wrong.append(error)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise ConfigError(
            "several files are wrong:", [f"{error.title} {problem}" for error in wrong for problem in error.problems]
        )
    return configs


def chosen_connector(name: str | None, path: Path | None) -> Any:
    """The config of a connector of that name, with the options of a file, or its defaults; `None` where none is named.

    Raises:
        InputError: There is a file, and no name that says whose it is.
        UnknownPluginError: There is no such connector.
        ConfigError: See `read_part_config`.
        CheckpointError: See `read_part_config`.
    """
    from speechgraft.registry import default_catalog

    if name is not None:
        entry = default_catalog().connector(name)
        return read_part_config(entry, path) or name
    if path is not None:
        raise InputError("--connector-config says the options of a connector: pass --connector too")
    return None
