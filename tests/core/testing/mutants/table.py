"""What a mutant is: a healthy plugin with one fault, and the property that must not let it live."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any
from unittest import mock

import attrs

from speechgraft.registry import DecoderEntry, EncoderEntry, default_catalog
from speechgraft.testing import PROPERTIES

CATALOG = default_catalog()

# Their `tiny` configs alone: what is drawn widely would only take longer to find what each mutant has.
WAV2VEC2 = attrs.evolve(CATALOG.encoder("wav2vec2"), draw=None)
TEXT = attrs.evolve(CATALOG.encoder("bert"), draw=None)
GPT2 = attrs.evolve(CATALOG.decoder("gpt2"), draw=None)
BERT = attrs.evolve(CATALOG.decoder("bert"), draw=None)


@attrs.frozen
class Verdict:
    """What became of a mutant: the message that killed it, empty where it lives."""

    message: str
    seconds: float

    @property
    def found(self) -> str:
        """What was found, in the words of the property."""
        return self.message.partition("\n  found: ")[2].partition("\n  look at: ")[0]

    @property
    def case(self) -> str:
        """The simplest example, on one line."""
        _, _, drawn = self.message.partition("\n  case:")
        return "; ".join(line.strip() for line in drawn.splitlines() if line.strip())


@attrs.frozen
class Mutant:
    """A fault and its killer."""

    name: str
    """What is wrong, in a few words."""

    killer: str
    """The property that must find it."""

    entries: tuple[EncoderEntry | DecoderEntry, ...]
    """The plugin with the fault, with a healthy partner where the property is one of pairs."""

    patches: tuple[tuple[Any, str, Any], ...] = ()
    """Faults of what entries are made of: whose attribute, its name, what stands for it."""

    finds: str = ""
    """A part of what the property must say that it found."""

    examples: int = 30
    """Within how many cases it must be found."""

    def __str__(self) -> str:
        return self.name

    def is_killed(self, verdict: Verdict) -> bool:
        """Whether the killer found it, and for its own fault."""
        return bool(verdict.message) and self.finds in verdict.found

    def try_it(self, *, shrink: bool = False) -> Verdict:
        """Run the killer on it."""
        started = time.perf_counter()
        with ExitStack() as stack:
            for owner, name, broken in self.patches:
                stack.enter_context(mock.patch.object(owner, name, broken))
            try:
                PROPERTIES[self.killer].run(*self.entries, examples=self.examples, shrink=shrink)
                message = ""
            except AssertionError as error:
                message = str(error)
        return Verdict(message, time.perf_counter() - started)


def altered(output: Any, **values: Any) -> Any:
    """An output with other values in some fields."""
    return type(output)(**{**output, **values})


def made_by(entry: Any, factory: Any, **changes: Any) -> Any:
    """An entry whose module this class, or whatever else is called with a config, makes."""
    return attrs.evolve(entry, factory=f"{factory.__module__}:{factory.__name__}", **changes)


def weighed_by(entry: Any, weights: Any, **changes: Any) -> Any:
    """An entry with this weight map."""
    return attrs.evolve(entry, weights=f"{weights.__module__}:{weights.__name__}", **changes)
