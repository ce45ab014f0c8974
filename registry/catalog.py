"""The catalog: which encoders and decoders there are, and who brought them.

A catalog is a value. `extended` and `with_broken` give a new one and leave the old as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from speechgraft.errors import PluginError, UnknownPluginError, did_you_mean
from speechgraft.registry.entries import DecoderEntry, EncoderEntry, Role
from speechgraft.registry.frozen import FrozenMapping

if TYPE_CHECKING:
    from speechgraft.config import Config


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
    """Encoders and decoders by name, with who brought them, and the plugins that are broken."""

    encoders: Mapping[str, EncoderEntry] = field(factory=dict, converter=_frozen)
    """Entries of encoders by name."""

    decoders: Mapping[str, DecoderEntry] = field(factory=dict, converter=_frozen)
    """Entries of decoders by name."""

    origins: Mapping[tuple[Role, str], Origin] = field(factory=dict, converter=_frozen)
    """Who brought each, by role and name."""

    broken: tuple[BrokenPlugin, ...] = ()
    """Plugins that were left out."""

    def extended(
        self, origin: Origin, encoders: Iterable[EncoderEntry] = (), decoders: Iterable[DecoderEntry] = ()
    ) -> Catalog:
        """A catalog with one plugin more.

        Raises:
            PluginError: What was given is no entry of that kind, or its name is taken.
        """
        catalog = self
        for entry in encoders:
            catalog = catalog._with("encoder", EncoderEntry, entry, origin)
        for other in decoders:
            catalog = catalog._with("decoder", DecoderEntry, other, origin)
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

    def entry(self, role: Role, name: str) -> EncoderEntry | DecoderEntry:
        """The entry of an encoder or a decoder, as `role` says."""
        return self.encoder(name) if role == "encoder" else self.decoder(name)

    def list_encoders(self, pattern: str = "*") -> list[str]:
        """Names of encoders that match a pattern with `*`, `?` and `[...]`, sorted."""
        return _matching(self.encoders, pattern)

    def list_decoders(self, pattern: str = "*") -> list[str]:
        """Names of decoders that match a pattern with `*`, `?` and `[...]`, sorted."""
        return _matching(self.decoders, pattern)

    def origin(self, role: Role, name: str) -> Origin:
        """Who brought an encoder or a decoder.

        Raises:
            UnknownPluginError: There is none of that name.
        """
        self.entry(role, name)
        return self.origins[role, name]

    def config_class_for(self, model_type: str, role: Role) -> type[Config]:
        """The config class for the `model_type` that a checkpoint's `config.json` names.

        Raises:
            UnknownPluginError: No plugin brings it.
        """
        return self.entry(role, model_type).load_config_class()

    def _with(self, role: Role, kind: type[Any], entry: Any, origin: Origin) -> Catalog:
        if not isinstance(entry, kind):
            made = type(entry).__name__
            raise PluginError(f"hook speechgraft_{role}s gave {entry!r} of type {made}, expected {kind.__name__}")
        taken = self.origins.get((role, entry.name))
        if taken is not None:
            raise PluginError(
                f"{entry} of {origin} is already registered by plugin {taken.plugin!r} of {taken}; the first one stays"
            )
        entries: Mapping[str, Any] = getattr(self, f"{role}s")
        changes: dict[str, Any] = {f"{role}s": {**entries, entry.name: entry}}
        return evolve(self, **changes, origins={**self.origins, (role, entry.name): origin})

    def _unknown(self, role: Role, name: object) -> Any:
        here, there = (self.encoders, self.decoders) if role == "encoder" else (self.decoders, self.encoders)
        message = f"no {role} is named {name!r}{did_you_mean(str(name), here)}"
        if name in there:
            message += f"; there is a {'decoder' if role == 'encoder' else 'encoder'} of that name"
        message += f"; known: {', '.join(sorted(here)) or 'none'}"
        for plugin in self.broken:
            message += f"; broken: {plugin}"
        raise UnknownPluginError(message)


def _matching(names: Iterable[str], pattern: str) -> list[str]:
    return sorted(name for name in names if fnmatchcase(name, pattern))
