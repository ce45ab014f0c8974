"""Import strings, `"package.module:Name"`: what an entry says in place of an object; listing it imports nothing."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from attrs import Attribute

from speechgraft.errors import PluginError, did_you_mean

_IMPORT_STRING = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def check_import_string(entry: object, attribute: Attribute[Any], value: object) -> None:
    """Refuse what is no import string, for an attrs field; one whose default is `None` may be left out.

    Raises:
        PluginError: It is none.
    """
    if value is None and attribute.default is None:
        return
    if not (isinstance(value, str) and _IMPORT_STRING.fullmatch(value)):
        raise PluginError(f"{entry} {attribute.name}={value!r}: expected an import string 'package.module:Name'")


def check_import_strings(entry: object, attribute: Attribute[Any], value: tuple[object, ...]) -> None:
    """Refuse what is not all import strings, for an attrs field of several.

    Raises:
        PluginError: One is none.
    """
    for each in value:
        if not (isinstance(each, str) and _IMPORT_STRING.fullmatch(each)):
            told = f"expected import strings 'package.module:Name', but {each!r} is none"
            raise PluginError(f"{entry} {attribute.name}={value!r}: {told}")


def load(reference: str) -> Any:
    """The object that an import string names.

    >>> load("fractions:Fraction")
    <class 'fractions.Fraction'>

    Raises:
        PluginError: Its module does not import, or has no such name.
    """
    module_name, _, name = reference.partition(":")
    try:
        module = import_module(module_name)
    except (Exception, SystemExit) as error:  # a module that exits must not end whoever asked for a list or a report
        raise PluginError(f"{reference!r} does not import: {told(error)}") from error
    try:
        return getattr(module, name)
    except AttributeError:
        near = did_you_mean(name, dir(module))
        raise PluginError(f"{reference!r} does not exist: {module_name} has no {name!r}{near}") from None


def told(error: BaseException) -> str:
    """What another's code raised, with its class; of source that is none with its file and line.

    >>> told(KeyError("size"))
    "KeyError: 'size'"
    """
    kind = type(error).__name__
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{kind}: {error.msg} ({error.filename}, line {error.lineno})"
    return f"{kind}: {error}"
