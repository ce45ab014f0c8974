"""A mapping that is read and never written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class FrozenMapping(Mapping[K, V]):
    """A copy of a mapping, without ways to change it.

    `types.MappingProxyType` would do, but does not pickle, and entries and catalogs travel to
    worker processes.

    >>> FrozenMapping({"hidden_size": 16})["hidden_size"]
    16
    """

    __slots__ = ("_values",)
    _values: dict[K, V]

    def __init__(self, values: Mapping[K, V]) -> None:
        object.__setattr__(self, "_values", dict(values))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a FrozenMapping cannot be changed: {name!r} was to be assigned")

    def __getitem__(self, key: K) -> V:
        return self._values[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"FrozenMapping({self._values!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._values,)
