"""The one check of what a training run is told."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Self, get_type_hints

import attrs

from speechgraft.config.converter import Mismatch, structure
from speechgraft.errors import ConfigError, did_you_mean


def setting(default: Any, limit: Any = None) -> Any:
    """A field with a default and a limit (see `speechgraft.config.validators`) on its value."""
    return attrs.field(default=default, metadata={"limit": limit})


@attrs.frozen(kw_only=True)
class Settings:
    """Base of small frozen objects whose fields are held to their annotated types and limits.

    Raises:
        ConfigError: All that is wrong with the values, each with its path.
    """

    def __attrs_post_init__(self) -> None:
        hints = get_type_hints(type(self))
        problems = []
        for attribute in attrs.fields(type(self)):
            try:
                value = _checked(self, attribute, hints[attribute.name])
                object.__setattr__(self, attribute.name, value)
            except Mismatch as mismatch:
                problems += [f"$.{attribute.name}{place}: {message}" for place, message in mismatch.problems]
        if problems:
            raise ConfigError(f"{type(self).__name__} cannot be made:", problems)

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> Self:
        """Settings as a file holds them: an object with some of the fields.

        Raises:
            ConfigError: The file is missing, not JSON, names what is no field, or has wrong values.
        """
        data = read_options(path)
        known = [attribute.name for attribute in attrs.fields(cls)]
        unknown = [
            f"$.{name}: {cls.__name__} has no such field{did_you_mean(name, known)}"
            for name in data
            if name not in known
        ]
        if unknown:
            raise ConfigError(f"{os.fspath(path)}:", unknown)
        return cls(**data)


def _checked(settings: Any, attribute: attrs.Attribute[Any], annotation: Any) -> Any:
    value = getattr(settings, attribute.name)
    if isinstance(value, Settings):
        return value
    value = structure(value, annotation)
    limit = attribute.metadata["limit"]
    if limit is not None and value is not None:
        try:
            limit(settings, attribute, value)
        except ValueError as error:
            raise Mismatch(("", str(error))) from None
    return value


def read_options(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The JSON object in a file of options.

    Raises:
        ConfigError: It is missing, cannot be read, is not JSON, or not an object.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{os.fspath(path)}: there is no such file, expected a JSON object of options") from None
    except OSError as error:
        raise ConfigError(f"{os.fspath(path)}: cannot be read ({error.strerror or error})") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{os.fspath(path)}: not JSON ({error})") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{os.fspath(path)}: a JSON {type(data).__name__}, expected an object of options")
    return data
