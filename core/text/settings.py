"""What `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from speechgraft.errors import CheckpointError, InputError
from speechgraft.json_files import VOCABULARY_SIZE, read_json
from speechgraft.text.calls import UNLIMITED
from speechgraft.text.roles import ROLES

CONFIG_FILE = "tokenizer_config.json"
ADDED_FILE = "added_tokens.json"
_MAP_FILE = "special_tokens_map.json"
_DECODER = "added_tokens_decoder"

OLDER_FILES = (_MAP_FILE, ADDED_FILE)
"""What an earlier tokenizer left in a folder and would be read besides what is written now."""

EXTRA_KEYS: Final = ("extra_special_tokens", "additional_special_tokens")
"""What lists special tokens that have no role, by its newer and by its older name."""

CALL_SETTINGS: Final[Mapping[str, Any]] = {
    "model_input_names": ("input_ids", "attention_mask"),
    "model_max_length": None,
    "padding_side": "right",
    "truncation_side": "right",
}
"""What a file may say of calls, with what holds where it says nothing."""


def read_settings(folder: Path) -> dict[str, Any]:
    """The contents of `tokenizer_config.json`.

    Where it lists no added tokens, as those of older versions do, special tokens are those of
    `special_tokens_map.json`, if that names them.

    Raises:
        CheckpointError: A file is broken.
    """
    settings = _read(folder / CONFIG_FILE)
    if _DECODER not in settings:
        roles = {f"{role}_token" for role in ROLES}
        named = _read(folder / _MAP_FILE)
        settings.update((key, value) for key, value in named.items() if key in roles or key in EXTRA_KEYS)
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


def extra_tokens(settings: Mapping[str, Any]) -> list[str]:
    """Special tokens without a role.

    Raises:
        InputError: They are no list of strings or of objects with `content`.
    """
    listed: Any = next((settings[key] for key in EXTRA_KEYS if settings.get(key)), [])
    values = list(listed.values()) if isinstance(listed, Mapping) else listed
    if not isinstance(values, list | tuple):
        raise InputError(f"{EXTRA_KEYS[0]}: a {type(values).__name__}, expected a list of tokens")
    try:
        return [_content(value, EXTRA_KEYS[0], "the tokenizer") for value in values]
    except CheckpointError as error:
        raise InputError(str(error)) from None


def call_settings(settings: Mapping[str, Any], source: object) -> dict[str, Any]:
    """What the settings say of calls.

    Raises:
        InputError: A value is impossible.
    """
    found = {name: settings[name] for name in CALL_SETTINGS if settings.get(name) is not None}
    for name in ("padding_side", "truncation_side"):
        if found.get(name, "right") not in ("right", "left"):
            raise InputError(f"{source}: $.{name}: {found[name]!r}, expected 'right' or 'left'")
    longest = found.get("model_max_length", 1)
    if isinstance(longest, bool) or not isinstance(longest, int | float) or not longest > 0:
        raise InputError(f"{source}: $.model_max_length: {longest!r}, expected a positive number of tokens")
    if "model_max_length" in found:
        found["model_max_length"] = int(longest) if longest < UNLIMITED else None
    names = found.get("model_input_names", [])
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{source}: $.model_input_names: {names!r}, expected a list of names")
    if names:
        found["model_input_names"] = tuple(names)
    return found


@attrs.frozen
class Added:
    """A token that a file puts beside its vocabulary."""

    content: str
    """Its spelling."""

    flags: dict[str, bool] = attrs.field(factory=dict)
    """`special`, `normalized`, `lstrip`, `rstrip`, `single_word`, where the file says."""


_ID = re.compile(r"[0-9]{1,18}")

_FLAGS = ("special", "normalized", "lstrip", "rstrip", "single_word")


def read_added(folder: Path, settings: Mapping[str, Any]) -> dict[int, Added]:
    """Added tokens by their ids: those of `added_tokens_decoder`, else those of `added_tokens.json`.

    Raises:
        CheckpointError: They are no tokens with ids.
    """
    if _DECODER in settings:
        return _described(settings[_DECODER], folder / CONFIG_FILE)
    if not (folder / ADDED_FILE).exists():
        return {}
    special = {*special_tokens(settings, folder / CONFIG_FILE).values(), *extra_tokens(settings)}
    found: dict[int, Added] = {}
    for token, number in read_json(folder / ADDED_FILE, VOCABULARY_SIZE).items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise CheckpointError(f"{folder / ADDED_FILE}: the token {token!r} has the id {number!r}, not an integer")
        if number in found:
            raise CheckpointError(
                f"{folder / ADDED_FILE}: the tokens {found[number].content!r} and {token!r} have the same id {number}"
            )
        found[number] = Added(token, {"special": token in special, "normalized": token not in special})
    return found


def _described(decoder: object, source: object) -> dict[int, Added]:
    if not isinstance(decoder, Mapping) or not all(_ID.fullmatch(str(key)) for key in decoder):
        raise CheckpointError(f"{source}: $.{_DECODER}: expected an object of token id to token")
    return {int(key): _one(value, f"{_DECODER}.{key}", source) for key, value in decoder.items()}


def _one(value: object, where: str, source: object) -> Added:
    content = _content(value, where, source)
    flags = {name: value[name] for name in _FLAGS if name in value} if isinstance(value, Mapping) else {}
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise CheckpointError(f"{source}: $.{where}.{name}: {flag!r}, expected true or false")
    return Added(content, flags)


def _content(value: Any, where: str, source: object) -> str:
    token = value.get("content") if isinstance(value, Mapping) else value
    if not isinstance(token, str):
        raise CheckpointError(f"{source}: the special token {where!r} is {value!r}, expected a string")
    return token
