"""The kit over everything that can be put together: each encoder, through each connector, to each decoder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import product
from math import ceil
from multiprocessing import get_context
from tempfile import TemporaryDirectory
from typing import Any

import torch
from attrs import asdict, frozen
from hypothesis.configuration import set_hypothesis_home_dir, storage_directory

from speechgraft.registry import Catalog, PairReport, check, default_catalog
from speechgraft.testing.levels import level_named
from speechgraft.testing.properties import PROPERTIES
from speechgraft.testing.table import Property


@frozen
class Combination:
    """Names in the catalog of what is put together."""

    encoder: str
    connector: str
    decoder: str

    def __str__(self) -> str:
        return f"{self.encoder} + {self.connector} + {self.decoder}"


@frozen
class Outcome:
    """What became of one property."""

    property: str
    """Its number and name."""

    problem: str | None
    """Why it does not hold, as the kit says it; `None`: it held in every case."""

    seconds: float
    """How long it was tried."""


@frozen
class Tried:
    """What became of one combination."""

    combination: Combination

    report: PairReport
    """Of the default configs."""

    outcomes: tuple[Outcome, ...]
    """One for each property of pairs."""

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The properties that do not hold."""
        return tuple(each for each in self.outcomes if each.problem is not None)

    @property
    def ok(self) -> bool:
        """Whether the default configs fit, and every property held."""
        return self.report.ok and not self.failed

    @property
    def verdict(self) -> str:
        """One or a few words: `"ok"`, the numbers of what does not hold, or that they do not fit."""
        if self.failed:
            return " ".join(each.property.partition("_")[0] for each in self.failed)
        return "ok" if self.report.ok else "no fit"

    def to_dict(self) -> dict[str, Any]:
        """All of it as an object of JSON."""
        outcomes = [{**asdict(each), "ok": each.problem is None} for each in self.outcomes]
        names = asdict(self.combination)
        return {**names, "ok": self.ok, "properties": outcomes, "report": self.report.to_dict()}


def combinations(
    catalog: Catalog, *, encoder: str = "*", connector: str = "*", decoder: str = "*"
) -> tuple[Combination, ...]:
    """Everything in a catalog that can be put together, of names that match these patterns.

    Raises:
        UnknownPluginError: Nothing matches one of them.
    """
    names: list[tuple[str, ...]] = []
    for role, pattern in (("encoder", encoder), ("connector", connector), ("decoder", decoder)):
        found = catalog.list_names(role, pattern)  # type: ignore[arg-type]
        names.append(tuple(found) or (catalog.entry(role, pattern).name,))  # type: ignore[call-overload]
    return tuple(Combination(*each) for each in product(*names))


def try_combination(chosen: Combination, level: str, catalog: Catalog | None = None, *, connectors: int = 1) -> Tried:
    """Try every property of pairs on one combination.

    Failing cases are not made simple, which takes a while: `parametrize_with_checks` does that.

    Args:
        chosen: What is tried.
        level: A name of `speechgraft.testing.LEVELS`.
        catalog: Where the names are looked up; by default what is installed.
        connectors: How many connectors are tried with this encoder and decoder, this one among them: they share the
            cases that the level has for a pair, each getting one at least.
    """
    catalog = catalog or default_catalog()
    entries = catalog.encoder(chosen.encoder), catalog.decoder(chosen.decoder), catalog.connector(chosen.connector)
    budget = level_named(level)
    outcomes = []
    for each in PROPERTIES.values():
        if "pair" in each.checks:
            examples = max(1, ceil(budget.pair / each.cost / connectors))
            run = partial(each.run, *entries, examples=examples, derandomize=budget.derandomize, shrink=False)
            outcomes.append(_outcome(each, run))
    report = check(chosen.encoder, chosen.decoder, connector=chosen.connector, catalog=catalog)
    return Tried(chosen, report, tuple(outcomes))


def try_all(
    chosen: tuple[Combination, ...], level: str, *, jobs: int = 1, catalog: Catalog | None = None
) -> Iterator[Tried]:
    """Try every property of pairs on these combinations, in their order.

    Args:
        chosen: See `combinations`.
        level: A name of `speechgraft.testing.LEVELS`.
        jobs: How many processes work at it; with one it is this process.
        catalog: Where the names are looked up; by default what is installed.
    """
    level_named(level)
    connectors = len({each.connector for each in chosen})
    attempt = partial(try_combination, level=level, catalog=catalog, connectors=connectors)
    # hypothesis keeps what it reads of sources in the working folder, which is no folder of ours.
    with TemporaryDirectory(prefix="speechgraft-") as folder:
        if jobs == 1:
            with _storing(folder):
                yield from map(attempt, chosen)
            return
        # A process that was forked would share the state of torch's threads.
        context = get_context("spawn")
        with ProcessPoolExecutor(jobs, mp_context=context, initializer=_alone, initargs=(folder,)) as pool:
            yield from pool.map(attempt, chosen)


@contextmanager
def _storing(folder: str) -> Iterator[None]:
    """What hypothesis stores goes into a folder."""
    before = storage_directory(intent_to_write=False).home_directory
    set_hypothesis_home_dir(folder)
    try:
        yield
    finally:
        set_hypothesis_home_dir(before)


def _outcome(tried: Property, run: partial[None]) -> Outcome:
    start = time.perf_counter()
    problem = None
    try:
        run()
    # What goes wrong with somebody else's part in any way at all is what the matrix is for.
    except Exception as error:  # noqa: BLE001
        problem = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
    return Outcome(tried.name, problem, time.perf_counter() - start)


def _alone(folder: str) -> None:
    """Each process on a core of its own, storing into a folder that is gone afterwards."""
    torch.set_num_threads(1)
    set_hypothesis_home_dir(folder)
