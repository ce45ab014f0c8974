"""What is wrong with what an entry refers to, found by importing all of it before it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from attrs import fields

from speechgraft.errors import PluginError
from speechgraft.registry.entries import Registered
from speechgraft.registry.import_strings import check_import_string, load

if TYPE_CHECKING:
    from speechgraft.config import ConfigAdapter, Settings


def faults(entry: Registered) -> list[str]:
    """Everything that keeps an entry from being used: import strings that lead nowhere, or to another thing.

    This imports the model, torch with it. A `draw` is imported where hypothesis is installed, which only tests need.

    >>> from speechgraft.registry import default_catalog
    >>> faults(default_catalog().connector("linear"))
    []
    """
    found = {what: _attempt(entry, what) for what in _import_strings(entry)}
    problems = [problem for _, problem in found.values() if problem is not None]
    return [*problems, *disagreements(entry, found["config"][0], found["adapter"][0])]


def _import_strings(entry: Registered) -> list[str]:
    """The fields of an entry that hold one."""
    named = [attribute.name for attribute in fields(type(entry)) if attribute.validator is check_import_string]
    tested = find_spec("hypothesis") is not None
    return [name for name in named if getattr(entry, name) is not None and (tested or name != "draw")]


def _attempt(entry: Registered, what: str) -> tuple[Any, str | None]:
    """What a field leads to, and what is wrong with that; `None` for one of them."""
    loaders = {"config": entry.load_config_class, "adapter": entry.load_adapter}
    reference = getattr(entry, what)
    try:
        found = loaders[what]() if what in loaders else load(reference)
    except PluginError as error:
        told = " ".join(str(error).split())
        return None, told if told.startswith(str(entry)) else f"{entry} cannot load its {what}: {told}"
    if what in loaders or callable(found):
        return found, None
    return None, f"{entry}: {what} {reference!r} is {found!r}, which cannot be called"


def disagreements(entry: Registered, config: type[Settings] | None, adapter: ConfigAdapter | None) -> Iterator[str]:
    """Where config, adapter and name are not those of one model; `None` stands for what could not be loaded."""
    if config is None:
        return
    if adapter is not None and adapter.config is not config:
        yield f"{entry}: adapter {entry.adapter!r} is that of {adapter.config.__name__}, not of {config.__name__}"
    if config.model_type != entry.name:
        found = f"{config.__name__} has the model_type {config.model_type!r}"
        yield f"{entry}: {found}, expected {entry.name!r}, by which a folder's config.json is read"
