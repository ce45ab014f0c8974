"""What a config class is written with: the class decorator, its fields, and rules between fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, dataclass_transform, get_type_hints

import attrs

from speechgraft.config.converter import Mismatch
from speechgraft.config.validators import Validator

Class = TypeVar("Class", bound=type)
Rule = TypeVar("Rule", bound=Callable[[Any], "str | None"])

Answer = TypeVar("Answer")

_RULE = "__speechgraft_rule__"


def per_class(function: Callable[[type], Answer]) -> Callable[[type], Answer]:
    """Remember what a function says about each class."""
    return cache(function)


def field(
    *,
    default: Any = attrs.NOTHING,
    factory: Callable[[], Any] | None = None,
    validator: Validator | Sequence[Validator] | None = None,
    runtime: bool = False,
    convert: Callable[[Any], Any] | None = None,
) -> Any:
    """A field of a config class.

    Args:
        default: Its value where none is given. Without one (and without a `factory`) a value must be given.
        factory: Makes the default anew for each config: for lists and objects.
        validator: One or several limits on the value, see `speechgraft.config.validators`.
        runtime: It is read when it is used, so that it may change after a model was built from the config.
        convert: Called with the raw value before its type is checked. What it cannot use it gives
            back as it is, or raises `ConfigError` with problems whose paths begin at `$`.
    """
    return attrs.field(
        default=attrs.Factory(factory) if factory is not None else default,
        validator=list(validator) if isinstance(validator, Sequence) else validator,
        metadata={"runtime": runtime, "convert": convert},
    )


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
def config_class(cls: Class) -> Class:
    """Make a subclass of `Config` an attrs class: keyword-only, mutable, checked by `Config`.

    attrs keeps the fields; construction, comparison and printing are those of `Config`.
    """
    on_setattr = attrs.setters.NO_OP
    return attrs.define(cls, kw_only=True, slots=False, init=False, eq=False, repr=False, on_setattr=on_setattr)


def rule(method: Rule) -> Rule:
    """Mark a method of a config class as a rule between fields.

    It returns `None`, or `"field: what is wrong"` with the field that a person would change. Rules
    are checked after each field has passed by itself; one that reads a field which has not is left out.
    """
    setattr(method, _RULE, True)
    return method


@per_class
def rules_of(cls: type) -> tuple[str, ...]:
    """Names of the rules of a config class, its bases' first."""
    names = (name for base in reversed(cls.__mro__) for name in vars(base))
    return tuple(dict.fromkeys(name for name in names if hasattr(getattr(cls, name, None), _RULE)))


@per_class
def fields_of(cls: type) -> dict[str, attrs.Attribute[Any]]:
    """The fields of a config class by name, its bases' first; one that is stated again keeps its place.

    Defaults may follow from fields that come before theirs.
    """
    own = {attribute.name: attribute for attribute in attrs.fields(cls)}
    bases = (attrs.fields(base) for base in reversed(cls.__mro__[1:]) if attrs.has(base))
    return {attribute.name: own[attribute.name] for fields in (*bases, attrs.fields(cls)) for attribute in fields}


@per_class
def types_of(cls: type) -> dict[str, Any]:
    """The annotated types of a config class's fields by name."""
    hints = get_type_hints(cls)
    return {name: hints[name] for name in fields_of(cls)}


@per_class
def aliases_of(cls: type) -> dict[str, str]:
    """The aliases of a config class and of its bases: second name to field."""
    stated = [vars(base).get("aliases", {}) for base in reversed(cls.__mro__)]
    return {alias: name for aliases in stated for alias, name in aliases.items()}


def option_names(cls: type) -> set[str]:
    """Every keyword that a config class takes: its fields and their second names."""
    labels = {"num_labels"} if "id2label" in fields_of(cls) else set()
    return {*fields_of(cls), *aliases_of(cls), *labels}


def overlaid(cls: type, beneath: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a config class, each of `above` in the place of that of `beneath` which says the same by any name."""
    fields = {**aliases_of(cls), "num_labels": "id2label", "label2id": "id2label"}
    said = {fields.get(name, name) for name in above}
    return {**{name: value for name, value in beneath.items() if fields.get(name, name) not in said}, **above}


def default_of(config: Any, name: str) -> Any:
    """The default of a field of this config; a default made by a factory is made anew.

    Raises:
        Mismatch: The field has none, or its default follows from a field that could not be set.
    """
    default: Any = fields_of(type(config))[name].default
    if default is attrs.NOTHING:
        raise Mismatch(("", "a value is needed"))
    if not isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return default
    try:
        return default.factory(config) if default.takes_self else default.factory()
    except AttributeError as error:
        raise Mismatch() from error
