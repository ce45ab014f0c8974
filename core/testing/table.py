"""What a property is: a name, what it says, and a check for each kind of entry that it applies to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal, cast

from attrs import frozen
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from speechgraft.registry.entries import ConnectorEntry, Registered
from speechgraft.testing.case import Case

Kind = Literal["encoder", "decoder", "connector", "pair"]


class Check(ABC):
    """A way to try a property."""

    @abstractmethod
    def run(self, title: str, entries: tuple[Registered, ...], options: settings) -> None:
        """Try it on drawn cases; an `AssertionError` tells of the simplest that fails."""


@frozen
class Drawn(Check):
    """A function of a case and of the entries, tried on drawn cases one by one."""

    function: Callable[..., None]

    def run(self, title: str, entries: tuple[Registered, ...], options: settings) -> None:
        """Try it; see `Check.run`."""
        parts, connector = _connected(entries)

        @options
        @given(st.data())
        def attempt(data: st.DataObject) -> None:
            case = Case(title, data, connector)
            with case.explained():
                self.function(case, *parts)

        attempt()


@frozen
class Stateful(Check):
    """A state machine made of a title and the entries, tried on drawn series of steps."""

    machine: Callable[..., RuleBasedStateMachine]

    def run(self, title: str, entries: tuple[Registered, ...], options: settings) -> None:
        """Try it; see `Check.run`."""
        # hypothesis calls a factory as it would call the class, which is what it names as its type.
        factory = cast("type[RuleBasedStateMachine]", partial(self.machine, title, *entries))
        run_state_machine_as_test(factory, settings=options)


@frozen
class Property:
    """Something that holds for every encoder, decoder or pair."""

    name: str
    """Its number and name, such as `"P02_lengths"`."""

    says: str
    """What holds, in a sentence."""

    checks: Mapping[Kind, tuple[Check, ...]]
    """How it is tried, for each kind of entry that it applies to."""

    cost: int = 1
    """By how much a case takes longer than most do: a level draws so many fewer."""

    def run(self, *entries: Registered, examples: int = 10, derandomize: bool = True, shrink: bool = True) -> None:
        """Try it on an encoder's entry, a decoder's, a connector's, or on a pair.

        Args:
            entries: What to try it on: one entry, or an encoder and a decoder, and after them a connector where pairs
                are to have that one and not any.
            examples: How many cases to draw.
            derandomize: Whether each run draws the same cases.
            shrink: Whether a failing case is made as simple as can be, which takes a while.

        Raises:
            AssertionError: It does not hold. The message names it, the entries, what was found,
                where to look, and the case.
            LookupError: It says nothing about entries of this kind.
        """
        kind = kind_of(entries)
        if kind not in self.checks:
            raise LookupError(f"{self.name} applies to {' and '.join(self.checks)}, not to {kind}")
        title = f"{self.name} does not hold for {' with '.join(map(str, entries))}"
        for check in self.checks[kind]:
            check.run(title, entries, _settings(examples, derandomize, shrink))


def kind_of(entries: tuple[Registered, ...]) -> Kind:
    """What entries are together."""
    return entries[0].role if len(entries) == 1 else "pair"


def _connected(entries: tuple[Registered, ...]) -> tuple[tuple[Registered, ...], ConnectorEntry | None]:
    """What a check takes, and the connector that a pair is to have, where one is told."""
    *parts, last = entries
    return (tuple(parts), last) if parts and isinstance(last, ConnectorEntry) else (entries, None)


def _settings(examples: int, derandomize: bool, shrink: bool) -> settings:
    # Time is the machine's affair, and no example is kept: the same function stands for many entries.
    return settings(
        max_examples=examples,
        derandomize=derandomize,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        report_multiple_bugs=False,
        stateful_step_count=12,
    )
