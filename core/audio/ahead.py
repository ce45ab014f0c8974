"""Work that goes on while the model works: reading the next files, and what goes into one batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def read_ahead(given: Iterable[Given], read: Callable[[Given], Made], depth: int) -> Generator[Made, None, None]:
    """`read` of each item, in order, done in another thread up to `depth` items before they are asked for.

    An error of `read` is raised in its turn. What waits is dropped when the iterator is closed.
    """
    items = iter(given)
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="speechgraft-read")
    waiting: deque[Future[Made]] = deque()
    try:
        while True:
            waiting.extend(pool.submit(read, item) for item in islice(items, depth - len(waiting)))
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def windows(items: Iterable[Made], size: Callable[[Made], float], count: int, total: float) -> Iterator[list[Made]]:
    """Cut a stream into lists of `count` items, shorter where their sizes add up to `total` before."""
    window: list[Made] = []
    filled = 0.0
    for item in items:
        window.append(item)
        filled += size(item)
        if len(window) == count or filled >= total:
            yield window
            window, filled = [], 0.0
    if window:
        yield window


def length_batches(lengths: Sequence[int], count: int, area: int) -> Iterator[list[int]]:
    """Places of `lengths`, longest first, in batches of like length.

    A batch has at most `count` places and, where it has more than one, its places times its longest
    length are at most `area`: what padding makes of it fits into memory.
    """
    places = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    while places:
        longest = lengths[places[0]]
        fits = max(1, min(count, area // longest)) if longest else count
        yield places[:fits]
        places = places[fits:]
