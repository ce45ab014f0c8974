"""How to generate where no generation config says: what the configs of a model tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from speechgraft.config import Settings
from speechgraft.config.carried import OLD_GENERATION_KEYS
from speechgraft.config.fields import fields_of
from speechgraft.generation.config import GenerationConfig

_SAYS_NOTHING: Final[Mapping[str, Any]] = {"max_length": 20}
"""Values that older files hold where nobody chose one, and that are no defaults here."""


def inherited(*configs: Settings, old_keys: bool = False) -> GenerationConfig:
    """A generation config of what the first of several configs says that says anything else than the default.

    Special tokens stay open: they are looked up when they are used.

    Args:
        configs: The model's config, then its decoder's.
        old_keys: Whether keys of `config.json` count that are fields of a generation config and none of the
            model's. So they do in a checkpoint without `generation_config.json`, as older ones are; a decoder that
            was made for another task brings its beams and lengths into no new pair.

    Raises:
        ConfigError: Such a value has the wrong type or is impossible.
    """
    found: dict[str, Any] = {}
    for config in reversed(configs):
        told = config.to_dict()
        if not old_keys:
            told = {name: told[name] for name in fields_of(type(config)) if name in told}
        found |= {name: value for name, value in told.items() if _is_said(name, value)}
    return GenerationConfig(**found)


def _is_said(name: str, value: Any) -> bool:
    """Whether this is an option of generation, with a value that somebody chose."""
    known = fields_of(GenerationConfig)
    if name not in OLD_GENERATION_KEYS or name not in known:
        return False
    return value not in (None, known[name].default, _SAYS_NOTHING.get(name))
