"""From raw values (JSON's, or a caller's) to the types that config fields are annotated with.

Strict where cattrs is lenient: `"12"` is no 12, `1.9` no 1 and `True` no 1.0. What is taken:
an integer where a number is expected, any list or tuple where a tuple or list is, the strings
`"0"`, `"1"` as integer keys of an object (JSON knows no others), numpy's numbers as Python's.
All that is wrong with one value is reported at once, each with its place.
"""

from __future__ import annotations

import math
import numbers
import re
import types
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

from cattrs import Converter

from speechgraft.errors import ConfigError


class Mismatch(ValueError):  # noqa: N818 - it is caught in this package and told as a ConfigError
    """A value does not have its type. `problems` are pairs of a place within it and what is wrong there."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{place}: {message}".removeprefix(": ") for place, message in problems))


_LARGEST = 2**63 - 1
"""What sizes are counted with holds no more."""


def structure(value: Any, annotation: Any) -> Any:
    """`value` as the type `annotation`.

    Raises:
        Mismatch: It is not of that type, with a pair for each thing that is wrong: the place
            within `value` (`""`, `"[2]"`, `".key"`) and what was expected there.
    """
    return _CONVERTER.structure(value, annotation)


def plain(value: Any) -> Any:
    """`value` as JSON has it: lists for tuples, strings for keys and enums, objects for nested configs."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return value.to_dict() if hasattr(value, "to_dict") else value


def describe(annotation: Any) -> str:
    """What a type asks for, in words."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(describe(arm) for arm in args)
    if origin is Literal:
        return f"one of {', '.join(map(repr, args))}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return f"one of {', '.join(repr(member.value) for member in annotation)}"
    if origin is tuple and args[-1] is not ...:
        return f"a list ({', '.join(map(describe, args))})"
    if origin in (tuple, list):
        return f"a list ({describe(args[0])} each)"
    words = {int: "an integer", float: "a number", bool: "true or false", str: "a string", dict: "an object"}
    return words.get(origin or annotation, "null" if annotation is type(None) else f"a {annotation}")


def show(value: Any) -> str:
    """A value as an error message shows it: short, and `null`, `true`, `false` as in JSON."""
    words = {None: "null", True: "true", False: "false"}
    text = words[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def wrong(value: Any, annotation: Any) -> Mismatch:
    """The mismatch of a value as a whole."""
    return Mismatch(("", f"expected {describe(annotation)}, got {show(value)}"))


def _integer(value: Any, _: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise wrong(value, int)
    if not -_LARGEST <= int(value) <= _LARGEST:
        raise Mismatch(("", f"expected an integer of 64 bits, got {show(value)}"))
    return int(value)


def _number(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise wrong(value, float)
    if isinstance(value, numbers.Integral) and not -_LARGEST <= int(value) <= _LARGEST:
        raise Mismatch(("", f"expected a number of 64 bits, got {show(value)}"))
    if not math.isfinite(value):
        raise Mismatch(("", f"expected a finite number, got {value}"))
    return float(value)


def _exactly(kind: type) -> Callable[[Any, Any], Any]:
    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, kind):
            raise wrong(value, kind)
        return value

    return hook


def _choice(value: Any, annotation: Any) -> Any:
    for choice in get_args(annotation):
        if type(value) is type(choice) and value == choice:
            return choice
    raise wrong(value, annotation)


def _member(value: Any, annotation: type[Enum]) -> Enum:
    for member in annotation:
        if value is member or (type(value) is type(member.value) and value == member.value):
            return member
    raise wrong(value, annotation)


def _either(value: Any, annotation: Any) -> Any:
    """The first arm of a union that takes `value`; with one arm beside `None`, its own problems."""
    arms = [arm for arm in get_args(annotation) if arm is not type(None)]
    if value is None and len(arms) < len(get_args(annotation)):
        return None
    problems: list[Mismatch] = []
    for arm in arms:
        try:
            return structure(value, arm)
        except Mismatch as problem:
            problems.append(problem)
    deep = [problem for problem in problems if any(place for place, _ in problem.problems)]
    raise deep[0] if deep else wrong(value, annotation)


def _sequence(value: Any, annotation: Any) -> Any:
    """`tuple[int, ...]`, `tuple[int, str]` or `list[int]` out of any list or tuple."""
    origin, args = get_origin(annotation), get_args(annotation)
    if not isinstance(value, tuple | list):
        raise wrong(value, annotation)
    kinds = [args[0]] * len(value) if origin is list or args[-1] is ... else list(args)
    if len(kinds) != len(value):
        raise Mismatch(("", f"expected {len(kinds)} items, got {len(value)}"))
    items = [(f"[{index}]", item, kind) for index, (item, kind) in enumerate(zip(value, kinds, strict=True))]
    return origin(_each(items))


def _object(value: Any, annotation: Any) -> dict[Any, Any]:
    key_kind, kind = get_args(annotation)
    if not isinstance(value, Mapping):
        raise wrong(value, annotation)
    keys = _each([("", _spelt(key, key_kind), key_kind) for key in value])
    return dict(zip(keys, _each([(f".{key}", item, kind) for key, item in value.items()]), strict=True))


def _spelt(key: Any, kind: Any) -> Any:
    return int(key) if kind is int and isinstance(key, str) and re.fullmatch(r"-?\d{1,18}", key) else key


def _each(items: list[tuple[str, Any, Any]]) -> list[Any]:
    """Every item as its type; the problems of all of them in one `Mismatch`."""
    done, problems = [], []
    for place, item, kind in items:
        try:
            done.append(structure(item, kind))
        except Mismatch as problem:
            problems += [(place + inner, message) for inner, message in problem.problems]
    if problems:
        raise Mismatch(*problems)
    return done


def _nested(value: Any, annotation: Any) -> Any:
    """A config within a config: an object of that class, or what its `from_dict` makes of one."""
    if isinstance(value, annotation):
        return value
    try:
        return annotation.from_dict(value)
    except ConfigError as error:
        raise Mismatch(*places_of(error)) from error


def places_of(error: ConfigError) -> list[tuple[str, str]]:
    """The problems of a config within a config, each with its place within that config."""
    pairs = [problem.removeprefix("$").partition(": ") for problem in error.problems]
    return [(place, message) for place, _, message in pairs] or [("", error.title)]


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=False)
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(bool, _exactly(bool))
    converter.register_structure_hook(str, _exactly(str))
    by_shape: list[tuple[Callable[[Any], bool], Callable[[Any, Any], Any]]] = [
        (lambda kind: isinstance(kind, type) and issubclass(kind, Enum), _member),
        (lambda kind: get_origin(kind) is Literal, _choice),
        (lambda kind: get_origin(kind) in (Union, types.UnionType), _either),
        (lambda kind: get_origin(kind) in (tuple, list), _sequence),
        (lambda kind: get_origin(kind) is dict, _object),
        (lambda kind: isinstance(kind, type) and hasattr(kind, "from_dict"), _nested),
    ]
    for accepts, hook in by_shape:
        converter.register_structure_hook_func(accepts, hook)
    return converter


_CONVERTER = _make_converter()
