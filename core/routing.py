"""Where an option goes: its prefix names the part, its name the option of that part.

One mechanism with two tables. In factories an unprefixed option belongs to the composite config,
in `forward` to the encoder, in `generate` to the search or else the encoder; `encoder_` and `decoder_` say it outright.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import wraps
from inspect import Parameter, signature
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

from speechgraft.errors import InputError, RoutingError, did_you_mean

Value = TypeVar("Value")
Given = ParamSpec("Given")

Destinations = Mapping[str, Collection[str]]


def route(
    options: Mapping[str, Any],
    destinations: Destinations,
    *,
    unprefixed: str | tuple[str, ...],
    own: Collection[str] = (),
    elsewhere: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, dict[str, Any]]:
    """Sort options by destination, each to exactly one.

    Args:
        options: What was passed by name.
        destinations: For each part (`"encoder"`, `"decoder"`, ...) the options it takes.
        unprefixed: The part to which options without a prefix go, or several, of which the first that takes
            an option has it. An option that such a part takes as it stands goes there even where it looks
            prefixed (`decoder_start_token_id`).
        own: Names that whoever was called takes for itself; one of them may have been meant.
        elsewhere: Options that something else takes, with what to do about each.

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
            problems.append(unknown(name, [*own, *spellings(destinations, *unprefixed)], elsewhere))
        elif option in routed[part]:
            problems.append(f"{option!r} of the {part} was passed twice, with and without its prefix")
        else:
            routed[part][option] = value
    if problems:
        raise RoutingError("; ".join(problems))
    return routed


def unknown(name: str, known: Collection[str], elsewhere: Mapping[str, str] = MappingProxyType({})) -> str:
    """What is wrong with an option that nothing takes: the nearest name, or what to do `elsewhere`."""
    hint = f": {elsewhere[name]}" if name in elsewhere else did_you_mean(name, known)
    return f"unknown option {name!r}{hint}"


def named(function: Callable[Given, Value]) -> Callable[Given, Value]:
    """Let a function without `**options` refuse arguments as `route` does those of a pair.

    Raises:
        RoutingError: From the function: an argument is unknown, missing, or passed twice.
    """

    @wraps(function)
    def checked(*given: Given.args, **options: Given.kwargs) -> Value:
        try:
            return function(*given, **options)
        except TypeError:
            problem = _misfit(function, given, options)
            if problem is None:  # it came from within
                raise
        raise RoutingError(problem)

    return checked


def _misfit(function: Callable[..., Any], given: tuple[Any, ...], options: Mapping[str, Any]) -> str | None:
    """What is wrong with the arguments of a function, if anything is."""
    takes, known = signature(function), keywords(function)
    strange = [unknown(name, known) for name in options if name not in takes.parameters]
    if strange:
        return "; ".join(strange)
    try:
        takes.bind(*given, **options)
    except TypeError as error:
        return f"{error}; expected {', '.join(known)}"
    return None


def keywords(function: Callable[..., Any]) -> tuple[str, ...]:
    """Names of the arguments that a function or method takes by name, in their order."""
    kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    parameters = signature(function).parameters.items()
    return tuple(name for name, parameter in parameters if parameter.kind in kinds and name not in ("self", "cls"))


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
