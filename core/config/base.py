"""Typed values that a JSON file holds: the machinery of all configs."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final, Self, cast

from speechgraft.config.adapter import ConfigAdapter
from speechgraft.config.checking import (
    Gathered,
    broken_rules,
    checked,
    fill,
    gather,
    refuse_unknown_options,
    unknown_keywords,
)
from speechgraft.config.converter import Mismatch
from speechgraft.config.fields import aliases_of, config_class, default_of, field, fields_of, rules_of
from speechgraft.config.keys import FileKeys, file_keys_of
from speechgraft.errors import ConfigError, did_you_mean
from speechgraft.json_files import read_json, write_json
from speechgraft.routing import keywords

_SHAPED: Final = "it shaped this model when it was built; build a new one from a copy of the config"


@config_class
class Settings:
    """Typed values that a JSON file holds: checked when they are made and whenever one is set.

    Subclasses are decorated with `config_class` and list fields made by `field`. Values from Python
    and from files go the same way: strictly to the annotated type, past the field's validators, then
    past the rules between fields; all problems are raised together.

    Raises:
        ConfigError: A value has the wrong type or is impossible, or a keyword is unknown.
    """

    model_type: ClassVar[str] = ""
    """The name of the model in `config.json` and in the registry; empty where the file names none."""

    file_name: ClassVar[str] = "config.json"
    """The file in which a checkpoint's folder keeps these settings."""

    aliases: ClassVar[Mapping[str, str]] = {}
    """Second names of fields, to be read, set, and used as keywords and file keys. Those of the bases count as well."""

    file_keys: ClassVar[FileKeys] = FileKeys()
    """What the file holds beside the fields."""

    _locked: ClassVar[bool] = False

    extras: dict[str, Any] = field(factory=dict, runtime=True)
    """What the file held beside the fields; written back as it was."""

    def __init__(self, **options: Any) -> None:
        gathered = gather(type(self), options)
        problems = [*gathered.problems, *unknown_keywords(type(self), gathered), *fill(self, gathered)]
        if problems:
            raise ConfigError(f"{type(self).__name__} cannot be made:", problems)

    @classmethod
    def from_dict(cls, data: Any, path: str = "$", **overrides: Any) -> Self:
        """The settings that an object of JSON describes.

        Args:
            data: The object.
            path: Where it stands in its file, for messages.
            overrides: Values that go before those of the file, by field or alias.

        Raises:
            ConfigError: All that is wrong with it, each with its JSON path.
        """
        return cast(Self, ConfigAdapter(cls).read(data, path, overrides))

    def to_dict(self) -> dict[str, Any]:
        """The settings as an object of JSON; `from_dict` makes an equal config of it."""
        return ConfigAdapter(type(self)).write(self)

    def to_diff_dict(self) -> dict[str, Any]:
        """The same without what has its default."""
        defaults = {name for name in fields_of(type(self)) if self._is_default(name)}
        return {name: value for name, value in self.to_dict().items() if name not in defaults}

    def to_json_string(self, use_diff: bool = True) -> str:
        """The settings as a text of JSON, with `use_diff` without what has its default."""
        data = self.to_diff_dict() if use_diff else self.to_dict()
        return json.dumps(data, indent=2, sort_keys=True) + "\n"

    def update(self, config_dict: Mapping[str, Any]) -> None:
        """Set several fields, checked together; none is set where something is wrong with one.

        Raises:
            ConfigError: What is wrong; or a field shaped the model that the config belongs to.
        """
        twin = self.copy(**config_dict)
        changed = [name for name in fields_of(type(self)) if getattr(twin, name) != getattr(self, name)]
        problems = [f"$.{name}: {_SHAPED}" for name in changed if self._frozen(name)]
        if problems:
            raise ConfigError(f"{type(self).__name__} cannot be updated:", problems)
        vars(self).update({name: vars(twin)[name] for name in changed})

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        *,
        revision: str | None = None,
        subfolder: str = "",
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        **overrides: Any,
    ) -> Self:
        """Read them from their file in a folder, or of a repository on the hub.

        Raises:
            ConfigError: What is wrong with its values.
            CheckpointError: It is not there, or no JSON.
            RoutingError: An option is no field.
        """
        refuse_unknown_options(cls, overrides, keywords(cls.from_pretrained))
        from speechgraft.checkpoint.hub import locate

        folder = locate(
            source,
            files=(cls.file_name,),
            revision=revision,
            subfolder=subfolder,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
        )
        try:
            return cls.from_dict(read_json(folder / cls.file_name), **overrides)
        except ConfigError as error:
            raise ConfigError(f"{folder / cls.file_name}: {error.title}", error.problems) from None

    def save_pretrained(self, folder: str | Path) -> None:
        """Write their file into a folder, which is made if it is not there."""
        write_json(Path(folder) / self.file_name, self.to_dict())

    def copy(self, **changes: Any) -> Self:
        """A deep copy that is not locked, with some fields changed (all checked together).

        Raises:
            ConfigError: What is wrong with the changes.
        """
        twin = copy.deepcopy(self)
        twin._set_lock(False)
        given = gather(type(self), changes)
        current = Gathered("$", {name: getattr(twin, name) for name in fields_of(type(self))})
        problems = [*given.problems, *unknown_keywords(type(self), given), *fill(twin, current.overridden_by(given))]
        if problems:
            raise ConfigError(f"{type(self).__name__} cannot be copied with these changes:", problems)
        return twin

    def lock(self) -> None:
        """From now on refuse changes to fields that shaped a built model. A model does this to its own deep copy."""
        self._set_lock(True)

    @contextmanager
    def unlocked(self) -> Iterator[None]:
        """Allow for a while what `lock` refuses, for a model that changes its own shape."""
        before = self._locked
        self._set_lock(False)
        try:
            yield
        finally:
            self._set_lock(before)

    def _set_lock(self, locked: bool) -> None:
        vars(self)["_locked"] = locked
        for value in list(vars(self).values()):
            if isinstance(value, Settings):
                value._set_lock(locked)

    @property
    def unknown_keys(self) -> tuple[str, ...]:
        """Keys that the file held and nobody is known to write; a load report lists them."""
        return tuple(key for key in self.extras if key not in file_keys_of(type(self)).carried)

    def problems(self) -> Iterator[str]:
        """What the rules between fields find, as `"field: what is wrong"`.

        A rule that reads a field which could not be set is left out.
        """
        complete = fields_of(type(self)).keys() <= vars(self).keys()
        for name in rules_of(type(self)):
            try:
                problem = getattr(self, name)()
            except AttributeError:
                if complete:
                    raise
                continue
            if problem is not None:
                yield problem

    def __getattr__(self, name: str) -> Any:
        if name in aliases_of(type(self)):
            return getattr(self, aliases_of(type(self))[name])
        hint = did_you_mean(name, fields_of(type(self)))
        raise AttributeError(f"{type(self).__name__} has no field {name!r}{hint}")

    def __setattr__(self, name: str, value: Any) -> None:
        cls = type(self)
        name = aliases_of(cls).get(name, name)
        if isinstance(getattr(cls, name, None), property):
            object.__setattr__(self, name, value)
        elif name not in fields_of(cls):
            hint = did_you_mean(name, fields_of(cls))
            raise ConfigError(f"{cls.__name__} has no field {name!r}{hint}")
        else:
            self._assign(name, value)

    def _assign(self, name: str, value: Any) -> None:
        """Set one field, checked by itself and against the others; it keeps its value if something is wrong."""
        gathered, before = Gathered("$"), vars(self)[name]
        try:
            vars(self)[name] = checked(self, name, value)
            problems = broken_rules(self, gathered)
        except Mismatch as mismatch:
            problems = [f"$.{name}{place}: {message}" for place, message in mismatch.problems]
        if not problems and self._frozen(name) and vars(self)[name] != before:
            problems = [f"$.{name}: {_SHAPED}"]
        if problems:
            vars(self)[name] = before
            raise ConfigError(f"{type(self).__name__}.{name} cannot be set:", problems)

    def _frozen(self, name: str) -> bool:
        return self._locked and not fields_of(type(self))[name].metadata["runtime"]

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in fields_of(type(self)))

    def __repr__(self) -> str:
        changed = (name for name in fields_of(type(self)) if not self._is_default(name))
        return f"{type(self).__name__}({', '.join(f'{name}={vars(self).get(name)!r}' for name in changed)})"

    def _is_default(self, name: str) -> bool:
        try:
            return bool(vars(self).get(name) == default_of(self, name))
        except Mismatch:  # it has none
            return False
