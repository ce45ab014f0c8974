"""Every error that speechgraft raises on purpose.

Each is a `SpeechGraftError` and a built-in error of the same meaning, so that code written for
either catches it. A message says what is wrong, where, what was expected, and the nearest right
thing.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_ALMOST = 0.9
"""Likeness (`difflib`, 0 to 1) from which one name is another but for a letter."""

_MISSPELT = 0.8
"""Likeness from which one name is another, misspelt."""

_BEGINNING = 0.88
"""Likeness from which it is the beginning of another."""

_LONGEST = 200
"""Letters of a name beyond which none is near, and comparing takes long."""

_SHORTEST = 4
"""Letters of a beginning that says something."""


class SpeechGraftError(Exception):
    """Base of all errors raised on purpose by speechgraft."""


class ConfigError(SpeechGraftError, ValueError):
    """A configuration has a wrong type, an impossible value, or an unknown key.

    Args:
        title: What was being read or built.
        problems: One line for each problem, each beginning with its JSON path (`$.hidden_size: ...`).
    """

    def __init__(self, title: str, problems: Iterable[str] = ()) -> None:
        self.title = title
        self.problems = tuple(problems)
        super().__init__("\n".join([title, *(f"  {problem}" for problem in self.problems)]))

    def __reduce__(self) -> tuple[type[ConfigError], tuple[str, tuple[str, ...]]]:
        return type(self), (self.title, self.problems)


class UnknownPluginError(SpeechGraftError, LookupError):
    """No plugin of that name is registered."""


class PluginError(SpeechGraftError):
    """A plugin breaks the rules of the registry: a taken name, a misspelt hook, a failing import."""


class IncompatiblePairError(SpeechGraftError, TypeError):
    """An encoder and a decoder cannot be wired to each other."""


class RoutingError(SpeechGraftError, TypeError):
    """An option has no destination, or more than one."""


class CheckpointError(SpeechGraftError, OSError):
    """A checkpoint cannot be read or written as asked."""


class InputError(SpeechGraftError, ValueError):
    """What was given to a model, an extractor, a tokenizer or a command cannot be used."""


class UnofferedError(SpeechGraftError, ImportError):
    """A published name that speechgraft knows and has no such thing for; the message says what to use instead."""


class MissingExtraError(SpeechGraftError, ImportError):
    """A part of speechgraft is imported that needs a library which only an extra installs.

    Args:
        part: What is imported.
        library: The library that is not there, which becomes the `name` of this `ImportError`.
        extra: The extra that brings it.
    """

    def __init__(self, part: str, library: str, extra: str) -> None:
        self.part, self.extra = part, extra
        super().__init__(f'{part} needs {library}: pip install "speechgraft[{extra}]"', name=library)

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str | None, str]]:
        return type(self), (self.part, self.name, self.extra)


def counted(number: int, unit: str) -> str:
    """A number with its unit in the plural where there is not one: `"1 row"`, `"2 rows"`."""
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`"; did you mean 'x'?"` for the nearest of `known`, or nothing where none is near.

    A name that only begins several others stands for any of them: up to three are shown.
    """
    near = _nearest(name, sorted(set(known))) if len(name) <= _LONGEST else []
    if not near:
        return ""
    *others, last = map(repr, near)
    return f"; did you mean {', '.join(others)} or {last}?" if others else f"; did you mean {last}?"


def _nearest(name: str, known: list[str]) -> list[str]:
    """One letter off; else what the name begins; else few letters off; else both; else most letters in common."""
    same = get_close_matches(name, known, n=1, cutoff=_ALMOST)
    whole = [other for other in known if len(name) >= _SHORTEST and other.startswith(name)]
    misspelt = get_close_matches(name, known, n=1, cutoff=_MISSPELT)
    return same or whole[:3] or misspelt or _begun(name, known) or get_close_matches(name, known, n=1)


def _begun(name: str, known: list[str]) -> list[str]:
    # One letter more or less, since a letter left out is what makes the name no beginning.
    beginnings = {other: other[: len(name) + 1] for other in known if len(name) >= _SHORTEST}
    near = get_close_matches(name, sorted(set(beginnings.values())), n=1, cutoff=_BEGINNING)
    return [other for other, beginning in beginnings.items() if beginning in near][:3]
