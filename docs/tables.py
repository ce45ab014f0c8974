#!/usr/bin/env python3
"""Write encoders.md, the fields of every encoder's config: `python docs/tables.py`, or `make docs-tables`.

Names, types and defaults come from the config classes, meanings from the docstring under each field.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

import attrs

from speechgraft.config import Config
from speechgraft.config.fields import aliases_of, fields_of
from speechgraft.registry import EncoderEntry, default_catalog

PAGE = Path(__file__).with_name("encoders.md")

_HEAD = """# Encoders

The encoders that ship here, and every field of their configs. `python docs/tables.py` makes this page from the config
classes. Keys of `config.json` have the same names; a value of the wrong type is an error, and so is a misspelt name in
Python.
"""

_COMMON = """## Fields of every config

The configs above have these too.
"""


def described_fields(cls: type) -> dict[str, tuple[str, str]]:
    """For each field that a class itself defines: its type as it is written, and its docstring.

    Raises:
        LookupError: A field has no docstring.
    """
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for statement, behind in zip(tree.body, [*tree.body[1:], ast.Pass()], strict=True):
        if isinstance(statement, ast.AnnAssign) and not ast.unparse(statement.annotation).startswith("ClassVar"):
            name = ast.unparse(statement.target)
            if not (isinstance(behind, ast.Expr) and isinstance(behind.value, ast.Constant)):
                raise LookupError(f"{cls.__name__}.{name} has no docstring under it")
            found[name] = ast.unparse(statement.annotation), " ".join(str(behind.value.value).split())
    return found


def rows(cls: type[Config]) -> dict[str, str]:
    """A row of the table for each field: those of the class itself first, then those of its groups."""
    found: dict[str, str] = {}
    for base in cls.__mro__:
        if attrs.has(base):
            own = {name: row for name, row in described_fields(base).items() if name not in found}
            found |= {name: _row(cls, name, *described) for name, described in own.items()}
    return found


def _row(cls: type[Config], name: str, kind: str, meaning: str) -> str:
    others = [alias for alias, field in aliases_of(cls).items() if field == name]
    also = f" Also `{'`, `'.join(others)}`." if others else ""
    return f"| `{name}` | `{_cell(kind)}` | {_default(cls, name)} | {_cell(meaning)}{also} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _default(cls: type[Config], name: str) -> str:
    default = fields_of(cls)[name].default
    if default is attrs.NOTHING:
        return "must be given"
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return "follows" if default.takes_self else f"`{_cell(repr(default.factory()))}`"
    return f"`{_cell(repr(default))}`"


def _table(lines: Iterator[str]) -> str:
    return "\n".join(["| field | type | default | meaning |", "| --- | --- | --- | --- |", *lines]) + "\n"


def _section(entry: EncoderEntry, common: dict[str, str]) -> str:
    cls = entry.load_config_class()
    about = inspect.cleandoc(cls.__doc__ or "")
    own = (row for name, row in rows(cls).items() if row != common.get(name))
    return f"## {entry.name}\n\n`speechgraft.{cls.__name__}`. {about}\n\n{_table(own)}"


def page() -> str:
    """The contents of encoders.md: a section for each encoder that ships here, and the fields of all."""
    catalog = default_catalog()
    names = [name for name in catalog.list_encoders() if catalog.origin("encoder", name).package == "speechgraft"]
    common = rows(Config)
    sections = [_section(catalog.encoder(name), common) for name in names]
    return "\n".join([_HEAD, *sections, _COMMON, _table(iter(common.values()))])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
