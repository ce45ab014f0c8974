"""Where special tokens are looked up: of several configs, the first that sets one has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from speechgraft.errors import ConfigError

MARKS = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")
"""Fields whose tokens mark places of a text and are not heard."""


IN_MODEL = "set model.config.{name}"
"""Where a token for the loss is put."""

IN_CALL = "pass {name} to generate, or set model.generation_config.{name} or model.config.{name}"
"""Where a token for generating is put."""


def find_token(
    name: str,
    purpose: str,
    *configs: Any,
    instead: str | None = None,
    vocab_size: int | None = None,
    remedy: str = IN_MODEL,
) -> int:
    """A special token's id, of the first config that sets it.

    Args:
        name: Its field, such as `"pad_token_id"`.
        purpose: What it is needed for, for the message.
        configs: The model's config, then those that are asked for what it leaves open.
        instead: The field of a token that does as well where no config sets that one.
        vocab_size: How many tokens there are, where that is to be checked.
        remedy: Where to put the token, for the message, with `{name}` for its name.

    Raises:
        ConfigError: None sets it, or there is no such token; the message says where to put one.
    """
    fields = [name] if instead is None else [name, instead]
    values = ((field, getattr(config, field)) for field in fields for config in configs)
    field, value = next((found for found in values if found[1] is not None), (name, None))
    place = remedy.format(name=name)
    if value is None:
        also = "" if instead is None else f" or {instead}"
        raise ConfigError(f"{name}{also} is needed {purpose}, but no config sets it: {place}")
    if vocab_size is not None and not 0 <= value < vocab_size:
        known = f"the vocabulary has {vocab_size} tokens (0 to {vocab_size - 1})"
        raise ConfigError(f"{field} is {value} and needed {purpose}, but {known}: {place}")
    token: int = value
    return token


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
