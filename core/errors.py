"""Every error that speechgraft raises on purpose.

Each is a `SpeechGraftError` and a built-in error of the same meaning, so that code written for
either catches it. A message says what is wrong, where, what was expected, and the nearest right
thing.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


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


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`"; did you mean 'x'?"` for the nearest of `known`, or nothing where none is near."""
    near = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
