"""What goes into and comes out of exported programs: names, types and sizes, as `export.json` tells them."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

from attrs import asdict, frozen

from speechgraft.errors import CheckpointError, did_you_mean

Target = Literal["onnx", "torch"]
"""What a pair is exported to: ONNX files, or programs of `torch.export`."""

SUFFIXES: Final[dict[Target, str]] = {"onnx": ".onnx", "torch": ".pt2"}
"""How the files of each target end."""

PROGRAMS: Final = ("encoder", "cross_attention", "decoder_step")
"""The programs of a pair, which are files of these names."""

FORMAT: Final = 1
"""The number of the layout of `export.json` that is written and read."""

Size = int | str
"""A size of a tensor, or the name of one that is free."""


@frozen
class Port:
    """A tensor that a program takes or gives."""

    name: str
    """Its name."""

    dtype: str
    """Its type: `"float32"`, `"bool"`, `"int64"`."""

    shape: tuple[Size, ...]
    """Its sizes; those of one name are the same in one call."""


@frozen
class Ports:
    """All that a program takes and gives, in order."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def as_json(programs: dict[str, Ports]) -> dict[str, Any]:
    """Ports as an object of JSON."""
    return {name: asdict(ports) for name, ports in programs.items()}


def target_named(name: Any) -> Target:
    """The target of a name.

    Raises:
        CheckpointError: There is none.
    """
    targets: tuple[Target, ...] = get_args(Target)
    for target in targets:
        if target == name:
            return target
    hint = did_you_mean(name, targets) if isinstance(name, str) else ""
    raise CheckpointError(f"there is no export to {name!r}{hint}; there are {' and '.join(targets)}")


def read_ports(data: Any, place: str) -> dict[str, Ports]:
    """The ports of every program.

    Args:
        data: An object of JSON.
        place: Where it lies, for messages.

    Raises:
        CheckpointError: It does not describe them; the message names the place in it.
    """
    found = {}
    for name in PROGRAMS:
        ports = _field(data, name, dict, place)
        where = f"{place}.{name}"
        found[name] = Ports(
            *(
                tuple(
                    _port(each, f"{where}.{side}[{number}]")
                    for number, each in enumerate(_field(ports, side, list, where))
                )
                for side in ("inputs", "outputs")
            )
        )
    return found


def _port(data: Any, place: str) -> Port:
    shape = _field(data, "shape", list, place)
    if not all(isinstance(size, str) or (type(size) is int and size > 0) for size in shape):
        raise CheckpointError(f"{place}.shape: {shape!r}, expected numbers above zero and names")
    return Port(_field(data, "name", str, place), _field(data, "dtype", str, place), tuple(shape))


def _field(data: Any, name: str, kind: type, place: str) -> Any:
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, kind):
        raise CheckpointError(f"{place}.{name}: {value!r}, expected a {kind.__name__}")
    return value
