"""`speechgraft new-plugin`: a package that brings an encoder, a decoder or a connector, to begin from."""

from __future__ import annotations

import keyword
import re
import sys
from enum import StrEnum
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Annotated, Final

import typer

from speechgraft.errors import PluginError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from speechgraft.registry import Catalog

LONGEST: Final = 36
"""Letters of a name: it is a part of class names, whose lines must stay readable."""

BESIDE: Final = {"tests", "test", "src", "conftest"}
"""What Python finds beside packages that are at work, so that a module of that name would be hidden or hide them."""

_NAME: Final = re.compile(r"[a-z][a-z0-9]*([-_.][a-z0-9]+)*")
_SUFFIX: Final = ".txt"
"""What the templates' names end with beyond that of the file, so that no tool takes them for code."""


class Kind(StrEnum):
    """What the package brings."""

    ENCODER = "encoder"
    DECODER = "decoder"
    CONNECTOR = "connector"


SUMMARIES: Final = {
    Kind.ENCODER: "strided convolutions over the waveform and a transformer",
    Kind.DECODER: "a transformer with cross-attention of its own",
    Kind.CONNECTOR: "means of a few frames, then a projection",
}
"""What each template is, in a line."""

_CHECKS: Final = {
    Kind.ENCODER: "check {} bert",
    Kind.DECODER: "check wav2vec2 {}",
    Kind.CONNECTOR: "check wav2vec2 bert --connector {}",
}


def command(
    kind: Annotated[Kind, typer.Argument(help="What the package brings.", show_default=False)],
    name: Annotated[
        str,
        typer.Argument(
            help="Of the package and of what it brings: the model_type of its checkpoints.", show_default=False
        ),
    ],
    folder: Annotated[Path, typer.Argument(help="The package's folder. No file is overwritten.", show_default=False)],
) -> None:
    """Write a package with an encoder, a decoder or a connector that works, to be made one's own."""
    from speechgraft.registry import default_catalog

    written = write_plugin(kind, name, folder, catalog=default_catalog())
    print("\n".join(map(str, written)))
    print(f'next: pip install -e "{folder}[test]", then pytest {folder}; README.md says where what is')


def write_plugin(kind: Kind, name: str, folder: Path, *, catalog: Catalog) -> list[Path]:
    """Write the package, and give the files.

    Args:
        kind: What it brings.
        name: Of the package and of what it brings.
        folder: Where it goes, made where it is not there.
        catalog: Whose names are taken.

    Raises:
        PluginError: The name is none that a package, a module and an entry can have, or it is taken.
        FileExistsError: One of the files is there already; nothing is written.
    """
    check_name(kind, name, catalog)
    texts = {folder / path: text for path, text in contents(kind, name).items()}
    for path in texts:
        if path.exists():
            raise FileExistsError(None, "is there already, and nothing is overwritten", str(path))
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(texts)


def check_name(kind: Kind, name: str, catalog: Catalog) -> None:
    """Refuse a name that a package, a module and an entry cannot all have.

    Raises:
        PluginError: It cannot be, or is taken.
    """
    if len(name) > LONGEST or not _NAME.fullmatch(name):
        raise PluginError(
            f"name {name!r}: expected up to {LONGEST} lower-case letters and digits, the first a letter, with single "
            f"'-', '_' or '.' between them{_suggestion(name)}"
        )
    if name in catalog.list_names(kind.value):
        raise PluginError(f"name {name!r}: {catalog.origin(kind.value, name)} has {kind} {name!r} already")
    module = module_name(name)
    if keyword.iskeyword(module):
        raise PluginError(f"name {name!r}: Python keeps this word for itself, so that no module can have it")
    if module in BESIDE:
        raise PluginError(
            f"name {name!r}: packages have a {module!r} beside their module, and one would hide the other"
        )
    if module in sys.stdlib_module_names or _is_installed(module):
        raise PluginError(f"name {name!r}: there is a module {module!r} already, which the package would hide")


def contents(kind: Kind, name: str) -> dict[Path, str]:
    """The text of each file of a package, by its path in there."""
    folder = files("speechgraft") / "assets" / "new_plugin"
    values = placeholders(kind, name)
    return {
        Path(*(values["package"] if part == "package" else part for part in path.parts)): Template(text).substitute(
            values
        )
        for half in ("common", kind.value)
        for path, text in _templates(folder / half)
    }


def placeholders(kind: Kind, name: str) -> dict[str, str]:
    """What the templates leave open."""
    import speechgraft
    from speechgraft.registry import INTERFACE
    from speechgraft.registry.entries import AN

    stem = "".join(word.capitalize() for word in re.split(r"[-_.]", name.removesuffix(kind.value)))
    stem = stem or kind.value.capitalize()  # "encoder" alone: the classes need another name than the contract
    return {
        "name": name,
        "package": module_name(name),
        "module": f"{stem}{kind.value.capitalize()}",
        "config": f"{stem}Config",
        "role": kind.value,
        "a_role": AN[kind.value],
        "a_role_capital": AN[kind.value].capitalize(),
        "summary": SUMMARIES[kind],
        "check": _CHECKS[kind].format(name),
        "interface": str(INTERFACE),
        "version": speechgraft.__version__,
    }


def module_name(name: str) -> str:
    """The module of a package of that name."""
    return re.sub(r"[-.]", "_", name)


def _templates(folder: Traversable, within: Path = Path()) -> list[tuple[Path, str]]:
    """Paths of what the templates make, and their texts."""
    found: list[tuple[Path, str]] = []
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        if each.is_dir():
            found += _templates(each, within / each.name)
        elif each.name.endswith(_SUFFIX):
            found.append((within / each.name.removesuffix(_SUFFIX), each.read_text(encoding="utf-8")))
    return found


def _is_installed(module: str) -> bool:
    """Whether there is a module of that name; a mere folder on the path is none."""
    spec = find_spec(module)
    return spec is not None and spec.origin is not None


def _suggestion(name: str) -> str:
    """The nearest name that would do, where one is near."""
    near = re.sub(r"[^a-z0-9]+", "-", name.lower()).lstrip("-0123456789")[:LONGEST].rstrip("-")
    return f"; {near!r} would do" if near else ""
