"""The catalog: which encoders, decoders and connectors there are, and who brought them.

A catalog is a value. `extended` and `with_broken` give a new one and leave the old as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, get_args, overload

from attrs import evolve, field, frozen

from speechgraft.errors import PluginError, UnknownPluginError, did_you_mean
from speechgraft.registry.entries import AN, ConnectorEntry, DecoderEntry, EncoderEntry, PartRole, Registered, Role
from speechgraft.registry.frozen import FrozenMapping

if TYPE_CHECKING:
    from speechgraft.config import Settings


@frozen
class Origin:
    """Who brought an entry."""

    plugin: str
    """The plugin's name: that of its folder for a built-in one, that of its entry point for others."""

    package: str
    """The distribution that the plugin is in."""

    version: str
    """The distribution's version."""

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


@frozen
class BrokenPlugin:
    """A plugin that was left out, and why."""

    origin: Origin
    reason: str

    def __str__(self) -> str:
        return f"plugin {self.origin.plugin!r} of {self.origin}: {self.reason}"


def _frozen(values: Mapping[Any, Any]) -> FrozenMapping[Any, Any]:
    return FrozenMapping(values)


@frozen
class Catalog:
    """Encoders, decoders and connectors by name, with who brought them, and the plugins that are broken."""

    encoders: Mapping[str, EncoderEntry] = field(factory=dict, converter=_frozen)
    """Entries of encoders by name."""

    decoders: Mapping[str, DecoderEntry] = field(factory=dict, converter=_frozen)
    """Entries of decoders by name."""

    connectors: Mapping[str, ConnectorEntry] = field(factory=dict, converter=_frozen, kw_only=True)
    """Entries of connectors by name."""

    origins: Mapping[tuple[Role, str], Origin] = field(factory=dict, converter=_frozen)
    """Who brought each, by role and name."""

    broken: tuple[BrokenPlugin, ...] = ()
    """Plugins that were left out because something is wrong with them."""

    plugins: tuple[Origin, ...] = field(default=(), kw_only=True)
    """Plugins whose entries are in, whether they brought any or none."""

    unwanted: tuple[Origin, ...] = field(default=(), kw_only=True)
    """Plugins that were not imported, because `SPEECHGRAFT_PLUGINS` names others."""

    def extended(
        self,
        origin: Origin,
        encoders: Iterable[EncoderEntry] = (),
        decoders: Iterable[DecoderEntry] = (),
        connectors: Iterable[ConnectorEntry] = (),
    ) -> Catalog:
        """A catalog with one plugin more.

        Raises:
            PluginError: What was given is no entry of that kind, or its name is taken.
        """
        known = self.plugins if origin in self.plugins else (*self.plugins, origin)
        catalog = evolve(self, plugins=known)
        for encoder in encoders:
            catalog = catalog._with(EncoderEntry, encoder, origin)
        for decoder in decoders:
            catalog = catalog._with(DecoderEntry, decoder, origin)
        for connector in connectors:
            catalog = catalog._with(ConnectorEntry, connector, origin)
        return catalog

    def with_broken(self, origin: Origin, reason: str) -> Catalog:
        """A catalog that also reports this plugin as left out."""
        return evolve(self, broken=(*self.broken, BrokenPlugin(origin, reason)))

    def encoder(self, name: str) -> EncoderEntry:
        """The entry of an encoder.

        Raises:
            UnknownPluginError: There is none of that name; the message has the nearest one.
        """
        return self.encoders[name] if name in self.encoders else self._unknown("encoder", name)

    def decoder(self, name: str) -> DecoderEntry:
        """The entry of a decoder.

        Raises:
            UnknownPluginError: There is none of that name; the message has the nearest one.
        """
        return self.decoders[name] if name in self.decoders else self._unknown("decoder", name)

    def connector(self, name: str) -> ConnectorEntry:
        """The entry of a connector.

        Raises:
            UnknownPluginError: There is none of that name; the message has the nearest one.
        """
        return self.connectors[name] if name in self.connectors else self._unknown("connector", name)

    @overload
    def entry(self, role: PartRole, name: str) -> EncoderEntry | DecoderEntry: ...

    @overload
    def entry(self, role: Role, name: str) -> EncoderEntry | DecoderEntry | ConnectorEntry: ...

    def entry(self, role: Role, name: str) -> EncoderEntry | DecoderEntry | ConnectorEntry:
        """The entry of an encoder, a decoder or a connector, as `role` says.

        Raises:
            UnknownPluginError: There is none of that name; the message has the nearest one.
        """
        named = self._named(role)
        entry: EncoderEntry | DecoderEntry | ConnectorEntry = (
            named[name] if name in named else self._unknown(role, name)
        )
        return entry

    def list_names(self, role: Role, pattern: str = "*") -> list[str]:
        """Names of encoders, decoders or connectors that match a pattern with `*`, `?` and `[...]`, sorted."""
        return sorted(name for name in self._named(role) if fnmatchcase(name, pattern))

    def list_encoders(self, pattern: str = "*") -> list[str]:
        """Names of encoders that match a pattern with `*`, `?` and `[...]`, sorted."""
        return self.list_names("encoder", pattern)

    def list_decoders(self, pattern: str = "*") -> list[str]:
        """Names of decoders that match a pattern with `*`, `?` and `[...]`, sorted."""
        return self.list_names("decoder", pattern)

    def list_connectors(self, pattern: str = "*") -> list[str]:
        """Names of connectors that match a pattern with `*`, `?` and `[...]`, sorted."""
        return self.list_names("connector", pattern)

    def origin(self, role: Role, name: str) -> Origin:
        """Who brought an encoder, a decoder or a connector.

        Raises:
            UnknownPluginError: There is none of that name.
        """
        self.entry(role, name)
        return self.origins[role, name]

    def config_class_for(self, model_type: str, role: Role) -> type[Settings]:
        """The config class for the `model_type` that a checkpoint's `config.json` names.

        Raises:
            UnknownPluginError: No plugin brings it.
        """
        return self.entry(role, model_type).load_config_class()

    def _with(self, kind: type[Registered], entry: Registered, origin: Origin) -> Catalog:
        role = kind.role
        if not isinstance(entry, kind):
            made = type(entry).__name__
            raise PluginError(f"hook speechgraft_{role}s gave {entry!r} of type {made}, expected {kind.__name__}")
        taken = self.origins.get((role, entry.name))
        if taken is not None:
            raise PluginError(
                f"{entry} of {origin} is already registered by plugin {taken.plugin!r} of {taken}; the first one stays"
            )
        changes: dict[str, Any] = {f"{role}s": {**self._named(role), entry.name: entry}}
        return evolve(self, **changes, origins={**self.origins, (role, entry.name): origin})

    def _named(self, role: Role) -> Mapping[str, Any]:
        kinds: dict[Role, Mapping[str, Any]] = {
            "encoder": self.encoders,
            "decoder": self.decoders,
            "connector": self.connectors,
        }
        return kinds[role]

    def _unknown(self, role: Role, name: object) -> Any:
        here = self._named(role)
        message = f"no {role} is named {name!r:.100}{did_you_mean(str(name), here)}"
        for other in get_args(Role):
            if other != role and name in self._named(other):
                message += f"; there is {AN[other]} of that name"
        message += f"; known: {', '.join(sorted(here)) or 'none'}"
        if self.broken:
            names = ", ".join(plugin.origin.plugin for plugin in self.broken)
            message += f"; broken, and so not here: {names} (`speechgraft plugins` says why)"
        if self.unwanted:
            names = ", ".join(origin.plugin for origin in self.unwanted)
            message += f"; not loaded, since SPEECHGRAFT_PLUGINS does not name them: {names}"
        raise UnknownPluginError(message)
