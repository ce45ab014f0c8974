"""Every property with everything in a catalog that it applies to."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from speechgraft.registry import Catalog
from speechgraft.registry.entries import Entry
from speechgraft.testing.properties import PROPERTIES
from speechgraft.testing.table import Kind, Property


@frozen
class Trial:
    """A property and the entries to try it on."""

    property: Property
    entries: tuple[Entry, ...]

    def __str__(self) -> str:
        # One name may be an encoder's and a decoder's, as BERT's is.
        alone = [self.entries[0].role] if len(self.entries) == 1 else []
        return "-".join([self.property.name, *alone, *(entry.name for entry in self.entries)])

    def run(self, *, examples: int = 10, derandomize: bool = True, shrink: bool = True) -> None:
        """Try it; see `Property.run`."""
        self.property.run(*self.entries, examples=examples, derandomize=derandomize, shrink=shrink)


def cases(catalog: Catalog, kind: Kind) -> list[Trial]:
    """Every property that applies to encoders, decoders or pairs, with each of a catalog."""
    applying = [each for each in PROPERTIES.values() if kind in each.checks]
    return [Trial(each, entries) for entries in _entries(catalog, kind) for each in applying]


def _entries(catalog: Catalog, kind: Kind) -> Iterator[tuple[Entry, ...]]:
    encoders, decoders = catalog.encoders.values(), catalog.decoders.values()
    match kind:
        case "encoder":
            yield from ((entry,) for entry in encoders)
        case "decoder":
            yield from ((entry,) for entry in decoders)
        case "pair":
            yield from ((encoder, decoder) for encoder in encoders for decoder in decoders)
