"""Where an option goes: its prefix names the part, its name the option of that part.

One mechanism with two tables. In factories an unprefixed option belongs to the composite config,
in `forward` to the encoder, in `generate` to the search or else the encoder; `encoder_` and `decoder_` say it outright.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from speechgraft.errors import InputError, RoutingError, did_you_mean

Value = TypeVar("Value")

Destinations = Mapping[str, Collection[str]]


def route(
    options: Mapping[str, Any], destinations: Destinations, *, unprefixed: str | tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    """Sort options by destination, each to exactly one.

    Args:
        options: What was passed by name.
        destinations: For each part (`"encoder"`, `"decoder"`, ...) the options it takes.
        unprefixed: The part to which options without a prefix go, or several, of which the first that takes
            an option has it. An option that such a part takes as it stands goes there even where it looks
            prefixed (`decoder_start_token_id`).

    Returns:
        For each part its options, without the prefix.

    Raises:
        RoutingError: An option is unknown, or the same one was passed with and without its prefix.
    """
    unprefixed = (unprefixed,) if isinstance(unprefixed, str) else unprefixed
    routed: dict[str, dict[str, Any]] = {part: {} for part in destinations}
    problems = []
    for name, value in options.items():
        part, option = _destination(name, destinations, unprefixed)
        if option not in destinations[part]:
            problems.append(f"unknown option {name!r}{did_you_mean(name, spellings(destinations, *unprefixed))}")
        elif option in routed[part]:
            problems.append(f"{option!r} of the {part} was passed twice, with and without its prefix")
        else:
            routed[part][option] = value
    if problems:
        raise RoutingError("; ".join(problems))
    return routed


def spellings(destinations: Destinations, *unprefixed: str) -> list[str]:
    """Every way in which an option may be written."""
    prefixed = [f"{part}_{name}" for part, names in destinations.items() for name in names]
    return [*(name for part in unprefixed for name in destinations[part]), *prefixed]


def _destination(name: str, destinations: Destinations, unprefixed: tuple[str, ...]) -> tuple[str, str]:
    for part in unprefixed:
        if name in destinations[part]:
            return part, name
    for part in destinations:
        if name.startswith(f"{part}_"):
            return part, name.removeprefix(f"{part}_")
    return unprefixed[0], name


def one_of(**given: Value | None) -> Value | None:
    """The one argument that was passed, or nothing.

    Raises:
        InputError: More than one was passed.
    """
    passed = [name for name, value in given.items() if value is not None]
    if len(passed) > 1:
        raise InputError(f"{' and '.join(passed)} were passed together; pass one of them")
    return given[passed[0]] if passed else None
