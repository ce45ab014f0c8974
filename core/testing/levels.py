"""How thoroughly properties are tried: example budgets by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen

from speechgraft.errors import did_you_mean
from speechgraft.testing.table import Kind


@frozen
class Level:
    """How many cases of a property are drawn, and whether each run draws the same."""

    name: str
    """What `--speechgraft-level` calls it."""

    part: int
    """Cases of a property of one entry."""

    pair: int
    """Cases of a property of an encoder with a decoder, of which there are many and each takes longer."""

    pairs: int
    """Pairs of an encoder and a decoder in which a connector is tried, so many of those that there are to try it in."""

    derandomize: bool
    """Whether each run draws the same cases."""

    def examples(self, kind: Kind) -> int:
        """Cases to draw for a property of entries of this kind."""
        return self.pair if kind == "pair" else self.part


_ALL = (
    Level("quick", part=10, pair=6, pairs=1, derandomize=True),
    Level("standard", part=60, pair=30, pairs=2, derandomize=True),
    Level("thorough", part=300, pair=300, pairs=9, derandomize=False),
)

LEVELS: Final[Mapping[str, Level]] = MappingProxyType({each.name: each for each in _ALL})
"""The levels by their name, quickest first."""


def level_named(name: str) -> Level:
    """The level of that name.

    Raises:
        LookupError: There is none; the message has the nearest.
    """
    if name not in LEVELS:
        raise LookupError(f"no level is named {name!r}{did_you_mean(name, LEVELS)}; there are {', '.join(LEVELS)}")
    return LEVELS[name]
