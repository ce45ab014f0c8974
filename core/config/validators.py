"""Limits on the value of one field: attrs validators whose messages say what was expected.

Each takes `(config, attribute, value)` and raises `ValueError` with the message (`Mismatch`, which is
one, also says which item of a list is meant). Where the value stands (its JSON path) is added by
whoever asked. A field's type has been checked before, and `None` never reaches a validator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from speechgraft.config.converter import Mismatch, show

Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]

ACTIVATION_NAMES = (
    "gelu",
    "gelu_python",
    "gelu_new",
    "relu",
    "selu",
    "silu",
    "swish",
    "tanh",
    "gelu_fast",
    "quick_gelu",
    "gelu_pytorch_tanh",
)
"""The activations that a config may name; `speechgraft.nn.activations` has a function for each."""

DTYPE_NAMES = ("float64", "float32", "float16", "bfloat16")
"""The dtypes that weights may have."""


def _validator(accepts: Callable[[Any], bool], expected: str) -> Validator:
    """A validator that expects `accepts(value)`; for a list, of each of its items."""

    def check(config: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        items = enumerate(value) if isinstance(value, tuple | list) else [(None, value)]
        wrong = [(index, item) for index, item in items if not accepts(item)]
        if wrong:
            places = [("" if index is None else f"[{index}]", show(item)) for index, item in wrong]
            raise Mismatch(*((place, f"expected {expected}, got {shown}") for place, shown in places))

    return check


def at_least(limit: float) -> Validator:
    """A number, or a list of numbers, not below `limit`."""
    return _validator(lambda value: value >= limit, f"at least {limit}")


def between(low: float, high: float) -> Validator:
    """A number, or a list of numbers, from `low` to `high`, both included."""
    return _validator(lambda value: low <= value <= high, f"a value from {low} to {high}")


def one_of(*choices: Any) -> Validator:
    """One of these values."""
    return _validator(lambda value: value in choices, f"one of {', '.join(map(repr, choices))}")


def only(value: Any, reason: str) -> Validator:
    """This value (or `None`) alone: others ask for what is not available, for this reason."""

    def check(config: Any, attribute: attrs.Attribute[Any], given: Any) -> None:
        if given != value:
            raise ValueError(f"{reason}; expected {show(value)}, got {show(given)}")

    return check


def not_empty(config: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """A list or a string with something in it."""
    if len(value) == 0:
        raise ValueError("expected at least one item, got none")


positive = _validator(lambda value: value > 0, "a value above 0")
non_negative = at_least(0)
probability = between(0, 1)
activation = one_of(*ACTIVATION_NAMES)
dtype_name = one_of(*DTYPE_NAMES)
