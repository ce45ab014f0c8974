"""The one path from raw values to the fields of a config, and all that is wrong on the way."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

import attrs

from speechgraft.config.converter import Mismatch, places_of, show, structure
from speechgraft.config.fields import aliases_of, default_of, fields_of, option_names, types_of
from speechgraft.config.keys import file_keys_of
from speechgraft.errors import ConfigError, RoutingError, did_you_mean
from speechgraft.routing import unknown


class Ruled(Protocol):
    """Fields, and rules between them: what these checks ask of a config."""

    def problems(self) -> Iterator[str]:
        """What the rules find, as `"field: what is wrong"`."""


@attrs.define
class Gathered:
    """Raw values sorted to fields.

    Attributes:
        path: Where the values stand, for messages.
        values: Raw values by field.
        places: JSON paths by field, as the values were given.
        unknown: What is no field.
        problems: What is wrong with the keys.
    """

    path: str
    values: dict[str, Any] = attrs.field(factory=dict)
    places: dict[str, str] = attrs.field(factory=dict)
    unknown: dict[str, Any] = attrs.field(factory=dict)
    problems: list[str] = attrs.field(factory=list)

    def place(self, name: str) -> str:
        """The JSON path of a field."""
        return self.places.get(name, f"{self.path}.{name}")

    def overridden_by(self, other: Gathered) -> Gathered:
        """These values, with those of `other` before them; new label names leave no old `label2id`."""
        stale = {"label2id"} if "id2label" in other.values else set()
        values = {name: value for name, value in self.values.items() if name not in stale}
        return attrs.evolve(self, values={**values, **other.values}, places={**self.places, **other.places})


_MOST_LABELS = 50_000
"""Labels that are named for who asks for so many: each name takes some 200 bytes."""


def gather(cls: type, given: Mapping[str, Any], path: str = "$", renames: Mapping[str, str] | None = None) -> Gathered:
    """Sort raw values to the fields of `cls`: by name, by alias, and by `renames` (file key to field)."""
    gathered = Gathered(path)
    fields = {**{name: name for name in fields_of(cls)}, **aliases_of(cls), **(renames or {})}
    for key, value in _with_labels(given, path, gathered.problems).items():
        name = fields.get(key)
        if name is None:
            gathered.unknown[key] = value
        elif name in gathered.values and gathered.values[name] != value:
            gathered.problems.append(f"{path}.{key}: {show(value)} contradicts {gathered.places[name]}")
        else:
            gathered.values[name], gathered.places[name] = value, f"{path}.{key}"
    return gathered


def _with_labels(given: Mapping[str, Any], path: str, problems: list[str]) -> dict[str, Any]:
    """`num_labels` becomes `id2label`; labels that are `null` count as not given."""
    options = {k: v for k, v in given.items() if not (v is None and k in ("id2label", "label2id", "num_labels"))}
    if "num_labels" not in options:
        return options
    count, names = options.pop("num_labels"), options.get("id2label")
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        problems.append(f"{path}.num_labels: expected a count of labels, from 1 on, got {show(count)}")
    elif names is None and count > _MOST_LABELS:
        problems.append(f"{path}.num_labels: {count} without their names (id2label), expected at most {_MOST_LABELS}")
    elif names is None:
        options["id2label"] = label_names(count)
    elif isinstance(names, Mapping) and len(names) != count:
        problems.append(f"{path}.num_labels: {count}, but id2label names {len(names)}")
    return options


def label_names(count: int) -> dict[int, str]:
    """The names that labels have until somebody gives them better ones."""
    return {index: f"LABEL_{index}" for index in range(count)}


def unknown_keywords(cls: type, gathered: Gathered) -> list[str]:
    """A problem for each keyword that is no field, with the nearest name."""
    return [f"{gathered.path}.{name}: {_why_unknown(cls, name)}" for name in gathered.unknown]


def refuse_unknown_options(cls: type, options: Mapping[str, Any], own: Collection[str]) -> None:
    """Refuse options of a call that are no field, before a file is blamed for them.

    Args:
        cls: The config class whose fields they may be.
        options: What was passed by name.
        own: What whoever was called takes besides; one of these may have been meant.

    Raises:
        RoutingError: Naming each, with the nearest name or with what to use instead.
    """
    strange = gather(cls, options).unknown
    read_by_none = file_keys_of(cls).unoffered.keys() | file_keys_of(cls).carried
    problems = [
        f"{name!r}: {_why_unknown(cls, name)}" if name in read_by_none else unknown(name, {*own, *option_names(cls)})
        for name in strange
    ]
    if problems:
        raise RoutingError("; ".join(problems))


def _why_unknown(cls: type, name: str) -> str:
    keys = file_keys_of(cls)
    if name in keys.unoffered:
        return keys.unoffered[name]
    if name in keys.carried:
        return "kept where a file has it, but no part of this model reads it"
    return f"{cls.__name__} has no such field{did_you_mean(name, option_names(cls))}"


def fill(config: Ruled, gathered: Gathered) -> list[str]:
    """Give `config` all its fields, from raw values or defaults. What is wrong comes back; those fields stay unset."""
    problems = []
    for name in fields_of(type(config)):
        try:
            if name in gathered.values:
                vars(config)[name] = checked(config, name, gathered.values[name])
            else:
                vars(config)[name] = default_of(config, name)
        except Mismatch as mismatch:
            problems += [gathered.place(name) + place + ": " + message for place, message in mismatch.problems]
    return problems + broken_rules(config, gathered)


def checked(config: Ruled, name: str, value: Any) -> Any:
    """A raw value as the field's type, past its validators.

    Raises:
        Mismatch: What is wrong with it.
    """
    attribute = fields_of(type(config))[name]
    convert = attribute.metadata.get("convert")
    try:
        value = structure(convert(value) if convert else value, types_of(type(config))[name])
        if attribute.validator is not None and value is not None:
            attribute.validator(config, attribute, value)
    except Mismatch:
        raise
    except ConfigError as error:
        raise Mismatch(*places_of(error)) from error
    except ValueError as error:
        raise Mismatch(("", str(error.args[0]))) from error
    return value


def broken_rules(config: Ruled, gathered: Gathered) -> list[str]:
    """What the rules between fields find, each with the path of the field that it names first."""
    problems = []
    for problem in config.problems():
        name = re.match(r"\w*", problem)
        field = name.group() if name else ""
        problems.append(gathered.place(field) + problem[len(field) :])
    return problems
