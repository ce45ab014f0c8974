#!/usr/bin/env python3
"""Write encoders.md and decoders.md, the fields of every config: `python docs/tables.py`, or `make docs-tables`.

Names, types and defaults come from the config classes, meanings from the docstring under each field.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

import attrs

from speechgraft.config import Config, Settings
from speechgraft.config.fields import aliases_of, fields_of
from speechgraft.generation import GenerationConfig
from speechgraft.registry import DecoderEntry, default_catalog
from speechgraft.registry.entries import Entry, Role

PAGES: dict[Role, Path] = {role: Path(__file__).with_name(f"{role}s.md") for role in ("encoder", "decoder")}
OPTIONS = Path(__file__).with_name("generation_options.md")

_ENCODERS = """# Encoders

The encoders that ship here, and every field of their configs. `python docs/tables.py` makes this page from the config
classes. Keys of `config.json` have the same names; a value of the wrong type is an error, and so is a misspelt name in
Python.
"""

_OPTIONS = """# Options of generation

Every field of `speechgraft.GenerationConfig`: an option of `generate`, and a key of `generation_config.json`.
`python docs/tables.py` makes this page from the class; [Generating](generation.md) tells how they go together.
"""

_DECODERS = """# Decoders

The decoders that ship here, and every field of their configs but [those of every config](encoders.md). `python
docs/tables.py` makes this page from the config classes. Keys of `config.json` have the same names; a value of the wrong
type is an error, and so is a misspelt name in Python.

Cross-attention is `native` where the decoder was pretrained with it, and `injected` where it is fresh and wants
training; the load report of a pair names what is fresh. Fresh cross-attention of GPT-2 can begin as nothing, so that
the pair starts as exactly the pretrained language model:

```python
import speechgraft as sg

report = sg.check("sew", "gpt2", decoder_cross_attention_init="zero")  # pair and from_encoder_decoder_pretrained too
assert report.ok
```
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


def rows(cls: type[Settings]) -> dict[str, str]:
    """A row of the table for each field: those of the class itself first, then those of its groups."""
    found: dict[str, str] = {}
    for base in cls.__mro__:
        if attrs.has(base):
            own = {name: row for name, row in described_fields(base).items() if name not in found}
            found |= {name: _row(cls, name, *described) for name, described in own.items()}
    return found


def _row(cls: type[Settings], name: str, kind: str, meaning: str) -> str:
    others = [alias for alias, field in aliases_of(cls).items() if field == name]
    also = f" Also `{'`, `'.join(others)}`." if others else ""
    return f"| `{name}` | `{_cell(kind)}` | {_default(cls, name)} | {_cell(meaning)}{also} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _default(cls: type[Settings], name: str) -> str:
    default = fields_of(cls)[name].default
    if default is attrs.NOTHING:
        return "must be given"
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return "follows" if default.takes_self else f"`{_cell(repr(default.factory()))}`"
    return f"`{_cell(repr(default))}`"


def _table(lines: Iterator[str]) -> str:
    return "\n".join(["| field | type | default | meaning |", "| --- | --- | --- | --- |", *lines]) + "\n"


def _section(entry: Entry, common: dict[str, str]) -> str:
    cls = entry.load_config_class()
    about = inspect.cleandoc(cls.__doc__ or "")
    own = (row for name, row in rows(cls).items() if row != common.get(name))
    return f"## {entry.name}\n\n`speechgraft.{cls.__name__}`. {about}\n\n{_kind(entry)}{_table(own)}"


def _kind(entry: Entry) -> str:
    if not isinstance(entry, DecoderEntry):
        return ""
    return f"{entry.summary[:1].upper()}{entry.summary[1:]}. Cross-attention: {entry.cross_attention}.\n\n"


def shipped(role: Role) -> list[Entry]:
    """The encoders or decoders that ship here."""
    catalog = default_catalog()
    names = catalog.list_encoders() if role == "encoder" else catalog.list_decoders()
    return [catalog.entry(role, name) for name in names if catalog.origin(role, name).package == "speechgraft"]


def page(role: Role) -> str:
    """The contents of a page: a section for each part that ships here; that of encoders has the fields of all too."""
    common = rows(Config)
    sections = [_section(entry, common) for entry in shipped(role)]
    if role == "decoder":
        return "\n".join([_DECODERS, *sections])
    return "\n".join([_ENCODERS, *sections, _COMMON, _table(iter(common.values()))])


def options_page() -> str:
    """The contents of generation_options.md."""
    own = (row for name, row in rows(GenerationConfig).items() if name != "extras")
    return f"{_OPTIONS}\n{_table(own)}"


if __name__ == "__main__":
    OPTIONS.write_text(options_page(), encoding="utf-8")
    print(f"wrote {OPTIONS}")
    for role, place in PAGES.items():
        place.write_text(page(role), encoding="utf-8")
        print(f"wrote {place}")
