"""Where a checkpoint's small files lie, and which options of a load say so."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from speechgraft.checkpoint.hub import SETTINGS_FILES, locate
from speechgraft.errors import ConfigError, RoutingError, did_you_mean

PLACE = ("revision", "subfolder", "token", "cache_dir", "local_files_only")
"""What says where a repository lies."""

_CODE = "trust_remote_code"


def place_and_rest(dir_or_id: str | os.PathLike[str], options: Mapping[str, Any]) -> tuple[Path, dict[str, Any]]:
    """The folder of the small files of a checkpoint, and the options that are no part of its address.

    Args:
        dir_or_id: A folder, or the id of a repository on the hub.
        options: What was passed by name.

    Raises:
        CheckpointError: There is no such folder, or the download failed.
        ConfigError: Code of the repository is to be run.
    """
    refuse_code(options)
    rest = {name: value for name, value in options.items() if name not in (*PLACE, _CODE)}
    place = {name: options[name] for name in PLACE if name in options}
    return Path(locate(dir_or_id, files=SETTINGS_FILES, **place)), rest


def refuse_code(options: Mapping[str, Any]) -> None:
    """Refuse to run code that a repository brings.

    Raises:
        ConfigError: `trust_remote_code=True` is among the options.
    """
    if options.get(_CODE):
        raise ConfigError(
            "trust_remote_code=True: no code of a repository is ever run; "
            "what speechgraft does not read comes as a plugin that you install"
        )


def check_known(options: Collection[str], known: Collection[str]) -> None:
    """Refuse options that nothing takes.

    Raises:
        RoutingError: One is unknown.
    """
    for name in options:
        if name not in known:
            raise RoutingError(f"unknown option {name!r}{did_you_mean(name, [*PLACE, *known])}")
