"""What this machine can do, and how two ways of doing the same are timed against each other."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from speechgraft.nn.packing import can_pack
from speechgraft.nn.packing.weights import multiply, pack


class Machine(NamedTuple):
    """Floating point operations a second of the fastest matrix product, and bytes read a second."""

    operations: float
    bandwidth: float

    @classmethod
    def measured(cls) -> Machine:
        return cls(matrix_speed(), memory_speed())


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def matrix_speed() -> float:
    """Of the faster of a plain product and a packed one, at the size of a feed-forward over 10 s of audio."""
    x, weight = torch.randn(499, 768), torch.randn(3072, 768)
    times = [seconds(lambda: x @ weight.mT) for _ in range(20)]
    if can_pack():
        packed = pack(weight)
        times += [seconds(lambda: multiply(x, packed, None)) for _ in range(20)]
    return 2 * 499 * 768 * 3072 / min(times)


def memory_speed() -> float:
    block = torch.ones(64 * 2**20)  # 256 MB, far beyond any cache
    return block.nbytes / min(seconds(block.sum) for _ in range(6))


def heading(title: str) -> None:
    print(f"\n{title:<44}{'ours ms':>10}{'theirs ms':>11}{'ratio':>7}{'roofline ms':>13}{'at best':>9}")


def compare(
    name: str,
    ours: Callable[[], Any],
    theirs: Callable[[], Any],
    roofline: float,
    rounds: int,
    *,
    warm: bool = True,
) -> None:
    """Print medians of alternating runs, the median ratio (theirs / ours), and what the machine allows at best.

    Args:
        name: Of the row.
        ours: What is timed.
        theirs: What it is timed against.
        roofline: Seconds below which nothing can be.
        rounds: Runs of each.
        warm: Whether each runs once before.
    """
    if warm:
        ours(), theirs()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    mine, other = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    columns = f"{mine * 1e3:>10.1f}{other * 1e3:>11.1f}{ratio:>7.2f}{roofline * 1e3:>13.1f}{other / roofline:>9.2f}"
    print(f"{name:<44}{columns}", flush=True)
