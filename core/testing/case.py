"""One drawn case of a property: what was drawn for it, and how a failure tells of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from torch import Tensor

from speechgraft.registry import ConnectorEntry

T = TypeVar("T")

TOLERANCE = 1e-9
"""How far float64 results may lie apart, in units of the largest expected value where that is above one."""


class Case:
    """What a check draws from, and what it says things to.

    Args:
        title: The property and the entries that it is tried on.
        data: Where values are drawn from.
        connector: What stands between the parts of pairs; `None`: any connector that is installed.
    """

    def __init__(self, title: str, data: st.DataObject, connector: ConnectorEntry | None = None) -> None:
        self.title = title
        self.data = data
        self.connector = connector
        self.drawn: dict[str, object] = {}

    def draw(self, strategy: st.SearchStrategy[T], label: str) -> T:
        """A value, remembered under `label` for the message of a failure."""
        value = self.data.draw(strategy, label)
        self.drawn[label] = value
        return value

    def holds(self, condition: bool, found: str, look_at: str) -> None:
        """Refuse what is not so.

        Args:
            condition: What should be so.
            found: What was found instead, and what was expected.
            look_at: Where the fault most likely is.

        Raises:
            AssertionError: Naming the property, the entries, what was found and the case.
        """
        if not condition:
            raise AssertionError(self.message(found, look_at))

    def close(self, found: Tensor, expected: Tensor, what: str, look_at: str) -> None:
        """Refuse values further apart than `TOLERANCE`, or that are not numbers."""
        self.holds(
            found.shape == expected.shape,
            f"{what}: shape {tuple(found.shape)}, expected {tuple(expected.shape)}",
            look_at,
        )
        if found.numel() == 0:
            return
        apart = (found - expected).abs()
        limit = TOLERANCE * max(1.0, float(expected.detach().abs().max()))
        worst = [int(index) for index in _unravel(int(apart.argmax()), apart.shape)]
        self.holds(bool((apart <= limit).all()), f"{what}: {float(apart.detach().max()):.3g} apart at {worst}", look_at)

    def same(self, found: Tensor, expected: Tensor, what: str, look_at: str) -> None:
        """Refuse values that are not bitwise the same, or of another type."""
        found_kind, expected_kind = (found.dtype, tuple(found.shape)), (expected.dtype, tuple(expected.shape))
        self.holds(found_kind == expected_kind, f"{what}: {found_kind}, expected {expected_kind}", look_at)
        different = int((found != expected).sum())
        self.holds(different == 0, f"{what}: {different} of {found.numel()} values differ", look_at)

    def message(self, found: str, look_at: str) -> str:
        """The text of a failure."""
        drawn = "".join(f"\n    {label}: {value!r}" for label, value in self.drawn.items())
        return f"{self.title}\n  found: {found}\n  look at: {look_at}\n  case:{drawn}"

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what fails unexpectedly into an `AssertionError` that names property and case."""
        try:
            yield
        except HypothesisException:
            raise
        # A plugin is somebody else's code: it may fail in any way, its own assertions too, and each belongs to a case.
        except Exception as error:
            if isinstance(error, AssertionError) and str(error).startswith(self.title):
                raise
            raise AssertionError(
                self.message(f"{type(error).__name__}: {error}", "the error above this one")
            ) from error


def _unravel(index: int, shape: tuple[int, ...]) -> list[int]:
    places: list[int] = []
    for size in reversed(shape):
        index, place = divmod(index, size)
        places.insert(0, place)
    return places
