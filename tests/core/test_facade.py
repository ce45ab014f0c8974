"""`import speechgraft` is light, its names are one table, and the stub tells the same names."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import speechgraft

HEAVY = (
    "torch",
    "numpy",
    "soundfile",
    "soxr",
    "tokenizers",
    "transformers",
    "accelerate",
    "safetensors",
    "rich",
    "cattrs",
)


def loaded_after(code: str) -> set[str]:
    """Modules that a fresh Python has loaded after running `code`."""
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import speechgraft",
        "import speechgraft; dir(speechgraft); speechgraft.__version__; speechgraft.ConfigError",
        "import speechgraft; assert 'wav2vec2' in speechgraft.list_encoders()",
        "import speechgraft; speechgraft.check; speechgraft.pair",
        "import speechgraft.registry as r; assert not r.default_catalog().broken",
    ],
)
def test_nothing_heavy_is_imported_before_it_is_used(code: str) -> None:
    assert not loaded_after(code) & set(HEAVY)


def test_importing_imports_no_plugin() -> None:
    assert not [name for name in loaded_after("import speechgraft") if name.startswith("speechgraft.")]


def test_a_config_class_needs_no_torch() -> None:
    assert "torch" not in loaded_after("import speechgraft; speechgraft.Wav2Vec2Config(); speechgraft.BertConfig()")


def test_every_name_resolves_and_is_in_dir() -> None:
    for name in speechgraft.__all__:
        assert getattr(speechgraft, name) is not None
        assert name in dir(speechgraft)


def test_dir_shows_what_is_public_and_nothing_that_the_module_needs_for_itself() -> None:
    shown = {name for name in dir(speechgraft) if not name.startswith("__")}
    assert shown == {*speechgraft.__all__, *speechgraft._MODULES} - {"__version__"}


def test_public_modules_are_attributes() -> None:
    code = "import speechgraft as sg; assert sg.registry.Catalog and sg.errors.ConfigError and 'testing' in dir(sg)"
    assert "speechgraft.registry" in loaded_after(code)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match="did you mean 'Wav2Vec2Config'"):
        speechgraft.Wave2Vec2Config  # noqa: B018
    with pytest.raises(ImportError, match="list_encoder"):
        from speechgraft import list_encoder  # noqa: F401


def test_the_stub_and_the_table_tell_the_same_names() -> None:
    """Type checkers read `__init__.pyi`, Python reads the table."""
    stub = ast.parse(Path(speechgraft.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    told = {
        (node.module, alias.name): alias.asname
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    table = {(module, name): name for module, names in speechgraft._HOMES.items() for name in names}
    modules = {("speechgraft", name): name for name in speechgraft._MODULES}
    assert told == table | modules
