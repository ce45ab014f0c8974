"""Finding plugins: the ones that ship here, and those of other packages through entry points.

Each is imported and registered by itself: one that fails is recorded as broken, under its own name,
and the others go on.
"""

from __future__ import annotations

import os
import pkgutil
import re
from collections.abc import Callable, Iterable
from functools import cache, partial
from importlib import import_module, metadata
from typing import Any, get_args

import pluggy
from attrs import evolve, frozen

from speechgraft.errors import PluginError, SpeechGraftError, did_you_mean
from speechgraft.registry import hookspecs
from speechgraft.registry.catalog import Catalog, Origin
from speechgraft.registry.entries import Role
from speechgraft.registry.hookspecs import PROJECT
from speechgraft.registry.import_strings import told

LIMIT = "SPEECHGRAFT_PLUGINS"
"""The environment variable that limits which plugins are loaded, to find out which of them is at fault."""

_HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("speechgraft_"))


@frozen
class Plugin:
    """A plugin that was found and is not imported yet."""

    origin: Origin
    """Its name, its package and the package's version."""

    load: Callable[[], Any]
    """Imports the module, or whatever object holds the hooks."""

    @classmethod
    def of(cls, hooks: Any, *, package: str, version: str, name: str | None = None) -> Plugin:
        """A plugin that is already imported, for tests and examples."""
        told = name or str(getattr(hooks, "__name__", repr(hooks)))
        return cls(Origin(told, package, version), partial(_same, hooks))


def _same(hooks: Any) -> Any:
    return hooks


def built_in_plugins() -> list[Plugin]:
    """Every package in `speechgraft.plugins`, by name."""
    import speechgraft.plugins

    names = sorted(found.name for found in pkgutil.iter_modules(speechgraft.plugins.__path__) if found.ispkg)
    version = metadata.version(PROJECT)
    return [
        Plugin(Origin(name, PROJECT, version), partial(import_module, f"speechgraft.plugins.{name}")) for name in names
    ]


def installed_plugins() -> list[Plugin]:
    """Every entry point of the group `speechgraft`, by package and name."""
    return sorted(map(_from_entry_point, metadata.entry_points(group=PROJECT)), key=_order)


def _from_entry_point(point: metadata.EntryPoint) -> Plugin:
    package, version = (point.dist.name, point.dist.version) if point.dist else ("unknown package", "?")
    return Plugin(Origin(point.name, package, version), point.load)


def _order(plugin: Plugin) -> tuple[str, str]:
    return plugin.origin.package, plugin.origin.plugin


def collect(plugins: Iterable[Plugin]) -> Catalog:
    """A catalog of what these plugins register; where a name is taken twice, the earlier plugin keeps it.

    Never raises for a plugin's fault: a plugin that does not import, has a misspelt hook, registers
    nothing, gives wrong entries or takes a name that is taken is in `Catalog.broken`, whole.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    catalog = Catalog()
    for plugin in plugins:
        try:
            catalog = _register(manager, plugin, catalog)
        # A plugin is somebody else's code: whatever it raises, even an exit, must not take the others down.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            catalog = catalog.with_broken(plugin.origin, _reason(error))
    return catalog


def _register(manager: pluggy.PluginManager, plugin: Plugin, catalog: Catalog) -> Catalog:
    """The catalog with this plugin's entries; a plugin that raises is taken out of the manager again."""
    hooks = plugin.load()
    manager.register(hooks, name=f"{plugin.origin.package}:{plugin.origin.plugin}")
    try:
        _check_hooks(manager, hooks)
        # Only this plugin's implementations, so that what they give is known to be its own.
        others = [other for other in manager.get_plugins() if other is not hooks]
        given = {
            f"{role}s": _flat(role, manager.subset_hook_caller(f"speechgraft_{role}s", others))
            for role in get_args(Role)
        }
        return catalog.extended(plugin.origin, **given)
    except BaseException:
        manager.unregister(hooks)
        raise


def _check_hooks(manager: pluggy.PluginManager, hooks: Any) -> None:
    """Refuse a plugin with a hook that does not exist, or with none at all."""
    callers = manager.get_hookcallers(hooks) or []
    if not callers:
        raise PluginError(f"it has no hook: mark a function {' or '.join(_HOOKS)} with hookimpl")
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        names = [caller.name for caller in callers if not caller.has_spec()]
        wrong = ", ".join(f"{name!r}{did_you_mean(name, _HOOKS)}" for name in names)
        raise PluginError(f"there is no hook {wrong}; hooks are {', '.join(_HOOKS)}") from error


def _flat(role: str, hook: pluggy.HookCaller) -> list[Any]:
    """The entries of all implementations; a hook must give an iterable of entries."""
    entries: list[Any] = []
    given = hook()
    if len(given) < sum(not (one.wrapper or one.hookwrapper) for one in hook.get_hookimpls()):
        # pluggy leaves out what is None, which a function gives that forgets to return.
        raise PluginError(f"hook speechgraft_{role}s gave None, expected an iterable of entries")
    for one in given:
        try:
            entries.extend(one)
        except TypeError as error:
            raise PluginError(f"hook speechgraft_{role}s gave {one!r}, expected an iterable of entries") from error
    return entries


def _reason(error: BaseException) -> str:
    """One line on what a plugin did wrong; an error of ours speaks for itself, others give their class too."""
    return " ".join((str(error) if isinstance(error, SpeechGraftError) else told(error)).split())


def wanted(plugins: Iterable[Plugin], names: str | None) -> tuple[list[Plugin], list[Plugin]]:
    """Plugins to load and plugins to leave alone, by a list of plugins' and packages' names.

    Args:
        plugins: What there is.
        names: Separated by commas; a package's name stands for all of its plugins, `speechgraft` for the built-in
            ones. Case does not count, nor which of '-', '_' and '.' parts a name (PEP 503). `None`: everything is
            wanted. A name that nothing has gives a plugin that is broken and says so.
    """
    found = list(plugins)
    if names is None:
        return found, []
    asked = {_normal(name): name.strip() for name in names.split(",") if name.strip()}
    taken = [each for each in found if {_normal(each.origin.plugin), _normal(each.origin.package)} & asked.keys()]
    known = {name for each in found for name in (each.origin.plugin, each.origin.package)}
    for normal, name in asked.items():
        if normal not in map(_normal, known):
            problem = f"{LIMIT} names it, but no plugin and no package is called so{did_you_mean(name, known)}"
            taken.append(Plugin(Origin(name, "unknown package", "?"), partial(_refuse, problem)))
    return taken, [each for each in found if each not in taken]


def _normal(name: str) -> str:
    """A name as package indexes compare them: https://peps.python.org/pep-0503/#normalized-names."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _refuse(problem: str) -> Any:
    raise PluginError(problem)


@cache
def default_catalog() -> Catalog:
    """What is installed: built-in plugins first, then those of other packages. Found once a process.

    Where the environment variable `SPEECHGRAFT_PLUGINS` is set, it names the plugins and packages that are loaded,
    separated by commas; see `wanted`. The others are not imported at all.
    """
    chosen, rest = wanted([*built_in_plugins(), *installed_plugins()], os.environ.get(LIMIT))
    return evolve(collect(chosen), unwanted=tuple(plugin.origin for plugin in rest))


def list_encoders(pattern: str = "*", *, catalog: Catalog | None = None) -> list[str]:
    """Names of encoders that match a pattern, sorted.

    >>> "wav2vec2" in list_encoders("wav*")
    True
    """
    return (catalog or default_catalog()).list_encoders(pattern)


def list_decoders(pattern: str = "*", *, catalog: Catalog | None = None) -> list[str]:
    """Names of decoders that match a pattern, sorted."""
    return (catalog or default_catalog()).list_decoders(pattern)


def list_connectors(pattern: str = "*", *, catalog: Catalog | None = None) -> list[str]:
    """Names of connectors that match a pattern, sorted.

    >>> "linear" in list_connectors()
    True
    """
    return (catalog or default_catalog()).list_connectors(pattern)
