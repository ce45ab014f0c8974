"""What `tokenizer_config.json` and `special_tokens_map.json` say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speechgraft.errors import CheckpointError
from speechgraft.json_files import read_json
from speechgraft.text.contract import ROLES

CONFIG_FILE = "tokenizer_config.json"
_MAP_FILE = "special_tokens_map.json"


def read_settings(folder: Path) -> dict[str, Any]:
    """The contents of `tokenizer_config.json`.

    Special tokens are those of `special_tokens_map.json` where it names none itself.
    """
    settings = _read(folder / CONFIG_FILE)
    roles = {f"{role}_token" for role in ROLES}
    if roles.isdisjoint(settings):
        settings.update((key, value) for key, value in _read(folder / _MAP_FILE).items() if key in roles)
    return settings


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    return {key: value for key, value in read_json(path).items() if value is not None}


def special_tokens(settings: Mapping[str, Any], source: object) -> dict[str, str]:
    """The special token of each role that the settings name.

    Raises:
        CheckpointError: One is neither a string nor an object with `content`.
    """
    named = {role: settings.get(f"{role}_token") for role in ROLES}
    return {role: _content(value, role, source) for role, value in named.items() if value is not None}


def added_tokens(settings: Mapping[str, Any], source: object) -> dict[str, int]:
    """Tokens of `added_tokens_decoder` with their ids.

    Raises:
        CheckpointError: The entry is not an object of id to token.
    """
    decoder = settings.get("added_tokens_decoder", {})
    if not isinstance(decoder, Mapping) or not all(str(key).isdecimal() for key in decoder):
        raise CheckpointError(f"{source}: $.added_tokens_decoder: expected an object of token id to token")
    return {_content(value, f"added_tokens_decoder.{key}", source): int(key) for key, value in decoder.items()}


def _content(value: Any, where: str, source: object) -> str:
    token = value.get("content") if isinstance(value, Mapping) else value
    if not isinstance(token, str):
        raise CheckpointError(f"{source}: the special token {where!r} is {value!r}, expected a string")
    return token
