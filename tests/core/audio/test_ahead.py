"""Reading ahead keeps the order; batches hold everything once and fit into memory."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgraft.audio.ahead import length_batches, read_ahead, windows


@given(items=st.lists(st.integers()), depth=st.integers(1, 5))
def test_everything_comes_out_in_order(items: list[int], depth: int) -> None:
    assert list(read_ahead(items, lambda item: item + 1, depth)) == [item + 1 for item in items]


def test_the_next_items_are_read_while_one_is_worked_on() -> None:
    read: list[int] = []
    results = read_ahead(range(10), read.append, depth=3)
    next(results)
    deadline = time.monotonic() + 5
    while len(read) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert read == [0, 1, 2]
    results.close()  # type: ignore[attr-defined]
    assert not any(thread.name.startswith("speechgraft-read") for thread in threading.enumerate())


def test_an_error_is_raised_in_its_turn() -> None:
    results = read_ahead([1, 0, 2], lambda item: 1 / item, depth=3)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


@given(sizes=st.lists(st.floats(0, 10)), count=st.integers(1, 5), total=st.floats(1, 30))
def test_windows_are_the_stream_in_pieces(sizes: list[float], count: int, total: float) -> None:
    pieces = list(windows(sizes, float, count, total))
    assert [size for piece in pieces for size in piece] == sizes
    assert all(0 < len(piece) <= count and sum(piece[:-1]) < total for piece in pieces)


@given(lengths=st.lists(st.integers(0, 20), max_size=30), count=st.integers(1, 8), area=st.integers(1, 60))
def test_batches_hold_each_place_once_and_fit(lengths: list[int], count: int, area: int) -> None:
    batches = list(length_batches(lengths, count, area))
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    ordered = [lengths[place] for batch in batches for place in batch]
    assert ordered == sorted(ordered, reverse=True)
    for batch in batches:
        assert len(batch) <= count
        assert len(batch) == 1 or len(batch) * lengths[batch[0]] <= area
