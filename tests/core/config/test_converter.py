"""Raw values are structured strictly, and every problem comes with its place."""

from __future__ import annotations

import enum
import json
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgraft.config.converter import Mismatch, plain, structure


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


INTEGERS = st.integers(-(10**9), 10**9)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, INTEGERS),
    (float, FLOATS),
    (bool, st.booleans()),
    (str, st.text()),
    (int | None, st.none() | INTEGERS),
    (int | list[int] | None, st.none() | INTEGERS | st.lists(INTEGERS)),
    (Literal["a", "b"], st.sampled_from(["a", "b"])),
    (Colour, st.sampled_from(Colour)),
    (tuple[int, ...], st.lists(INTEGERS).map(tuple)),
    (tuple[int, str], st.tuples(INTEGERS, st.text())),
    (list[float], st.lists(FLOATS)),
    (dict[int, str], st.dictionaries(INTEGERS, st.text())),
    (dict[str, list[int]], st.dictionaries(st.text(), st.lists(INTEGERS))),
]


@given(st.data())
def test_what_was_written_as_json_is_read_as_it_was(data: st.DataObject) -> None:
    annotation, values = data.draw(st.sampled_from(VALUES))
    value = data.draw(values)
    read = structure(json.loads(json.dumps(plain(value))), annotation)
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    ("value", "annotation", "problem"),
    [
        ("12", int, "expected an integer, got '12'"),
        (1.9, int, "expected an integer, got 1.9"),
        (2.0, int, "expected an integer, got 2.0"),
        (True, int, "expected an integer, got true"),
        (None, int, "expected an integer, got null"),
        (True, float, "expected a number, got true"),
        ("1.0", float, "expected a number, got '1.0'"),
        (float("nan"), float, "expected a finite number, got nan"),
        (1, bool, "expected true or false, got 1"),
        ("true", bool, "expected true or false, got 'true'"),
        (1, str, "expected a string, got 1"),
        ("c", Literal["a", "b"], "expected one of 'a', 'b', got 'c'"),
        (1, Literal[True], "expected one of True, got 1"),
        ("green", Colour, "expected one of 'red', 'blue', got 'green'"),
        ("1", int | None, "expected an integer or null, got '1'"),
        ("123", tuple[int, ...], "expected a list (an integer each), got '123'"),
        ([1], tuple[int, str], "expected 2 items, got 1"),
        ([], dict[int, str], "expected an object, got []"),
        ("x" * 100, int, f"expected an integer, got '{'x' * 56}..."),
    ],
)
def test_a_value_of_another_type_is_refused(value: Any, annotation: Any, problem: str) -> None:
    with pytest.raises(Mismatch) as caught:
        structure(value, annotation)
    assert caught.value.problems == (("", problem),)


def test_all_problems_of_a_value_come_with_their_places() -> None:
    with pytest.raises(Mismatch) as caught:
        structure({"a": [1, "2", 3.5], "b": None}, dict[str, list[int]])
    assert [place for place, _ in caught.value.problems] == [".a[1]", ".a[2]", ".b"]


def test_a_union_reports_the_problems_within_the_arm_that_fits_best() -> None:
    with pytest.raises(Mismatch) as caught:
        structure([1, "2"], int | list[int] | None)
    assert caught.value.problems == (("[1]", "expected an integer, got '2'"),)


@given(INTEGERS)
def test_an_integer_is_taken_for_a_number(value: int) -> None:
    assert structure(value, float) == value and isinstance(structure(value, float), float)


def test_numbers_of_numpy_become_those_of_python() -> None:
    assert type(structure(np.int64(3), int)) is int
    assert type(structure(np.float32(0.5), float)) is float


@pytest.mark.parametrize("annotation", [int, float])
@pytest.mark.parametrize("value", [2**63, -(2**63), 10**400])
def test_integers_that_no_size_can_have_are_refused(value: int, annotation: Any) -> None:
    with pytest.raises(Mismatch, match="64 bits"):
        structure(value, annotation)


def test_a_key_of_five_thousand_digits_is_no_integer() -> None:
    with pytest.raises(Mismatch):
        structure({"1" * 5_000: "a"}, dict[int, str])
