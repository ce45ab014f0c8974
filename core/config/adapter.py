"""The two-way translation between a checkpoint's `config.json` and a typed config."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import attrs

from speechgraft.config.checking import Gathered, fill, gather, unknown_keywords
from speechgraft.config.converter import plain, show
from speechgraft.config.keys import file_keys_of, keys_in_file
from speechgraft.errors import ConfigError

if TYPE_CHECKING:
    from speechgraft.config.base import Settings


@attrs.frozen
class ConfigAdapter:
    """Reads and writes the `config.json` of one config class: what a registry entry refers to as `adapter`.

    Attributes:
        config: The config class.
    """

    config: type[Settings]

    def read(self, data: Any, path: str = "$", overrides: Mapping[str, Any] | None = None) -> Any:
        """The config that an object of JSON describes.

        Args:
            data: The object.
            path: Where it stands in its file, for messages.
            overrides: Values that go before those of the file, by field or alias, as in Python.

        Raises:
            ConfigError: All that is wrong with it, each with its JSON path.
        """
        title = f"not a valid {self.config.model_type or self.config.__name__} configuration:"
        if not isinstance(data, Mapping):
            raise ConfigError(title, [f"{path}: expected an object, got {show(data)}"])
        stated = self._gather(data, path)
        given = gather(self.config, overrides or {}, path)
        config = self.config.__new__(self.config)
        problems = [*self._wrong_type(data, path), *stated.problems, *given.problems]
        problems += [*unknown_keywords(self.config, given), *fill(config, stated.overridden_by(given))]
        if not problems and not overrides:
            problems = self._disagreements(config, data, path)
        if problems:
            raise ConfigError(title, problems)
        return config

    def write(self, config: Settings) -> dict[str, Any]:
        """The object of JSON that describes `config`; `read` makes an equal config of it."""
        keys, names = file_keys_of(type(config)), keys_in_file(type(config))
        absent = {name for name in keys.unwritten if getattr(config, name) is None}
        fields = {names[name]: plain(getattr(config, name)) for name in names if name not in absent}
        derived = {name: plain(getattr(config, name)) for name in keys.derived}
        model_type = {"model_type": config.model_type} if config.model_type else {}
        return {**plain(config.extras), **fields, **derived, **model_type}

    def _gather(self, data: Mapping[str, Any], path: str) -> Gathered:
        """The values of a file by field, with what is no field as `extras`."""
        keys = file_keys_of(self.config)
        special = {"model_type", "extras", *keys.derived}
        stated = {key: value for key, value in data.items() if key not in special}
        gathered = gather(self.config, stated, path, renames=keys.renames)
        surplus = {key: data[key] for key in data if key in gathered.unknown or key == "extras"}
        gathered.values["extras"] = deepcopy(surplus)
        return gathered

    def _wrong_type(self, data: Mapping[str, Any], path: str) -> list[str]:
        found, expected = data.get("model_type"), self.config.model_type
        if not expected or found is None or found == expected:
            return []
        return [f"{path}.model_type: expected {expected!r}, got {show(found)}"]

    def _disagreements(self, config: Settings, data: Mapping[str, Any], path: str) -> list[str]:
        expected = {name: plain(getattr(config, name)) for name in file_keys_of(self.config).derived}
        return [
            f"{path}.{name}: the other values make this {show(value)}, but the file says {show(data[name])}"
            for name, value in expected.items()
            if data.get(name) is not None and data[name] != value
        ]
