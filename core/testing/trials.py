"""Properties with the entries that they are tried on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen

from speechgraft.registry import Catalog
from speechgraft.registry.entries import Registered
from speechgraft.testing.levels import level_named
from speechgraft.testing.properties import PROPERTIES
from speechgraft.testing.table import Kind, Property, kind_of


@frozen
class Trial:
    """A property and the entries to try it on."""

    property: Property
    """What is tried."""

    entries: tuple[Registered, ...]
    """One entry, or an encoder and a decoder, and after them a connector where pairs are to have that one."""

    further: tuple[tuple[Registered, ...], ...] = ()
    """More of the same to try it on, of which a level takes as many as it has room for."""

    def __str__(self) -> str:
        # One name may be an encoder's and a decoder's, as BERT's is.
        alone = [self.entries[0].role] if len(self.entries) == 1 else []
        return "-".join([self.property.name, *alone, *(entry.name for entry in self.entries)])

    def run(self, *, examples: int = 10, derandomize: bool = True, shrink: bool = True) -> None:
        """Try it; see `Property.run`."""
        self._run(self.entries, examples, derandomize, shrink)

    def run_at(self, level: str, *, shrink: bool = True) -> None:
        """Try it on as many cases as a level of `speechgraft.testing.LEVELS` says; see `Property.run`."""
        chosen = level_named(level)
        examples = max(1, round(chosen.examples(kind_of(self.entries)) / self.property.cost))
        self.run(examples=examples, derandomize=chosen.derandomize, shrink=shrink)
        for entries in self.further[: chosen.pairs - 1]:
            self._run(entries, examples, chosen.derandomize, shrink)

    def _run(self, entries: tuple[Registered, ...], examples: int, derandomize: bool, shrink: bool) -> None:
        self.property.run(*entries, examples=examples, derandomize=derandomize, shrink=shrink)


def cases(catalog: Catalog, kind: Kind) -> list[Trial]:
    """Every property that applies to entries of a kind, or to pairs, with each of a catalog."""
    return trials_of(_entries(catalog, kind))


def trials_of(groups: Iterable[tuple[Registered, ...]], *further: tuple[Registered, ...]) -> list[Trial]:
    """Every property that applies, with each group: one entry, or an encoder and a decoder, and a connector or none.

    `further` are more groups for all of them to be tried on at higher levels.
    """
    return [
        Trial(each, entries, further)
        for entries in groups
        for each in PROPERTIES.values()
        if kind_of(entries) in each.checks
    ]


def _entries(catalog: Catalog, kind: Kind) -> Iterator[tuple[Registered, ...]]:
    encoders, decoders = catalog.encoders.values(), catalog.decoders.values()
    match kind:
        case "encoder":
            yield from ((entry,) for entry in encoders)
        case "decoder":
            yield from ((entry,) for entry in decoders)
        case "connector":
            yield from ((entry,) for entry in catalog.connectors.values())
        case "pair":
            yield from ((encoder, decoder) for encoder in encoders for decoder in decoders)
