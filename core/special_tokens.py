"""Where special tokens are looked up: of several configs, the first that sets one has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from speechgraft.errors import ConfigError

MARKS = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")
"""Fields whose tokens mark places of a text and are not heard."""


def find_token(name: str, purpose: str, *configs: Any) -> int:
    """A special token's id, of the first config that sets it.

    Args:
        name: Its field, such as `"pad_token_id"`.
        purpose: What it is needed for, for the message.
        configs: The model's config, then those that are asked for what it leaves open.

    Raises:
        ConfigError: None sets it; the message says where to put it.
    """
    for config in configs:
        value: int | None = getattr(config, name, None)
        if value is not None:
            return value
    raise ConfigError(f"{name} is needed {purpose}, but no config sets it: set model.config.{name}")


def end_tokens(*configs: Any) -> set[int]:
    """Tokens that end a text, of the first config that names any; empty where none does."""
    for config in configs:
        ends: int | list[int] | None = config.eos_token_id
        if ends is not None:
            return set(_ids(ends))
    return set()


def marking_tokens(*configs: Any) -> set[int]:
    """The tokens of all `MARKS` in all configs."""
    return {token for config in configs for name in MARKS for token in _ids(getattr(config, name))}


def _ids(value: int | list[int] | None) -> Iterator[int]:
    if value is not None:
        yield from value if isinstance(value, list) else [value]
