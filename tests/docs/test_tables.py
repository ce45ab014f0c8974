"""The tables of encoders and decoders are current, and every field of every config says what it means."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from speechgraft.config import Config, config_class, field
from speechgraft.config.fields import fields_of
from speechgraft.generation import GenerationConfig
from speechgraft.registry import default_catalog

ROOT = Path(__file__).parents[2]
CATALOG = default_catalog()
ENTRIES = [
    *(CATALOG.encoder(name) for name in CATALOG.list_encoders()),
    *(CATALOG.decoder(name) for name in CATALOG.list_decoders()),
]


@pytest.fixture(scope="module")
def tables() -> Any:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "docs" / "tables.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("role", ["encoder", "decoder"])
def test_the_page_is_current(role: str, tables: Any) -> None:
    assert tables.PAGES[role].read_text(encoding="utf-8") == tables.page(role), "run: python docs/tables.py"


def test_the_page_of_options_is_current_and_has_every_field(tables: Any) -> None:
    text = tables.OPTIONS.read_text(encoding="utf-8")
    assert text == tables.options_page(), "run: python docs/tables.py"
    for name in fields_of(GenerationConfig).keys() - {"extras"}:
        assert f"\n| `{name}` | " in text


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_every_field_says_what_it_means(entry: Any, tables: Any) -> None:
    cls = entry.load_config_class()
    rows = tables.rows(cls)
    assert rows.keys() == fields_of(cls).keys()
    for row in rows.values():
        name, kind, default, meaning = re.split(r"(?<!\\)\|", row)[1:-1]
        assert all(cell.strip() for cell in (name, kind, default)) and len(meaning.split()) > 1


@pytest.mark.parametrize("role", ["encoder", "decoder"])
def test_every_part_that_ships_here_has_its_section_with_every_field(role: str, tables: Any) -> None:
    common = tables.page("encoder").split("\n## Fields of every config\n")[1]
    entries = tables.shipped(role)
    assert {"bert", "wav2vec2" if role == "encoder" else "gpt2"} <= {entry.name for entry in entries}
    for entry in entries:
        section = tables.page(role).split(f"\n## {entry.name}\n")[1].split("\n## ")[0]
        for name in fields_of(entry.load_config_class()):
            assert f"\n| `{name}` | " in section + common, f"{entry}: {name}"


@config_class
class Told(Config):
    """A config with one of each kind."""

    width: int | None = field(default=3)
    """How wide, or
    `None`."""

    names: list[str] = field(factory=list)
    """What it is called."""


@config_class
class Untold(Config):
    """A config whose field says nothing."""

    width: int = field(default=3)

    height: int = field(default=3)
    """How high."""


def test_rows_have_type_default_and_meaning(tables: Any) -> None:
    rows = tables.rows(Told)
    assert list(rows)[:2] == ["width", "names"]
    assert rows["width"] == r"| `width` | `int \| None` | `3` | How wide, or `None`. |"
    assert rows["names"] == "| `names` | `list[str]` | `[]` | What it is called. |"
    assert rows["label2id"].split(" | ")[2] == "follows"
    assert rows["dtype"].endswith("Also `torch_dtype`. |")


def test_a_field_that_says_nothing_is_found(tables: Any) -> None:
    with pytest.raises(LookupError, match=r"Untold\.width has no docstring under it"):
        tables.rows(Untold)
