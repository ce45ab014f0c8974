"""What the fields of an entry may be: attrs validators, which name entry and field where they refuse a value."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from attrs import Attribute

from speechgraft.errors import PluginError

INTERFACE = 1
"""The version of hooks, entries and contracts that this speechgraft has; an entry states the one it is written for."""

OLDEST_INTERFACE = 1
"""The oldest version for which an entry may be written to be taken."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_PREFIX = re.compile(r"[A-Za-z_]\w*\.")
_TAKEN = ("encoder.", "decoder.", "ctc_head.")


def check_name(entry: object, attribute: Attribute[Any], value: object) -> None:
    """Refuse what is no `model_type`."""
    if not (isinstance(value, str) and _NAME.fullmatch(value)):
        raise PluginError(
            f"{type(entry).__name__} name {value!r}: expected lower-case letters, digits, '-', '_' and '.', "
            "as in the model_type of a checkpoint"
        )


def check_prefix(entry: object, attribute: Attribute[Any], value: object) -> None:
    """Refuse what does not set a connector's parameters apart from those of the rest of a pair."""
    if not (isinstance(value, str) and _PREFIX.fullmatch(value)) or value in _TAKEN:
        raise PluginError(
            f"{entry} prefix={value!r}: expected a name and a dot, such as 'connector.', not {' or '.join(_TAKEN)}"
        )


def one_of(*choices: str) -> Callable[[object, Attribute[Any], object], None]:
    """A validator that refuses all but these."""

    def check(entry: object, attribute: Attribute[Any], value: object) -> None:
        if value not in choices:
            raise PluginError(f"{entry} {attribute.name}={value!r}: expected one of {', '.join(map(repr, choices))}")

    return check


def check_stride(entry: object, attribute: Attribute[Any], value: object) -> None:
    """Refuse what is neither a number of inputs nor `None`."""
    if value is not None and not (type(value) is int and value > 0):
        raise PluginError(f"{entry} {attribute.name}={value!r}: expected a positive whole number or None")


def check_interface(entry: object, attribute: Attribute[Any], value: object) -> None:
    """Refuse an entry written for an interface that this speechgraft does not have."""
    if type(value) is not int:
        raise PluginError(f"{entry} interface={value!r}: expected a whole number, the INTERFACE it is written for")
    spoken = f"{OLDEST_INTERFACE} to {INTERFACE}" if OLDEST_INTERFACE < INTERFACE else f"{INTERFACE}"
    told = f"{entry} is written for interface {value}, this speechgraft has {spoken}"
    if value > INTERFACE:
        raise PluginError(f"{told}: install a newer speechgraft, or an older version of the plugin")
    if value < OLDEST_INTERFACE:
        raise PluginError(f"{told}: install a newer version of the plugin, or an older speechgraft")
