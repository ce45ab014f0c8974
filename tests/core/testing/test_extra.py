"""The kit says what it needs where that is not installed, and the extra `testing` brings all of it."""

from __future__ import annotations

import ast
import pickle
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from speechgraft.errors import MissingExtraError

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=]", requirement)[0] for requirement in requirements}


@pytest.mark.parametrize("module", ["speechgraft.testing", "speechgraft.testing.draws"])
def test_without_hypothesis_the_error_says_how_to_install_it(module: str) -> None:
    script = f"""
import sys
sys.modules["hypothesis"] = None  # what is not installed
try:
    import {module}
except ImportError as error:
    print(type(error).__name__, error.name, error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == (
        'MissingExtraError hypothesis speechgraft.testing needs hypothesis: pip install "speechgraft[testing]"\n'
    )


def test_the_extra_has_all_that_the_kit_imports() -> None:
    extra = names(PROJECT["optional-dependencies"]["testing"])
    imported: set[str] = set()
    for path in (ROOT / "core" / "testing").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
    foreign = imported - sys.stdlib_module_names - {"speechgraft"} - names(PROJECT["dependencies"])
    assert "hypothesis" in foreign and foreign <= extra
    assert "transformers" not in extra
    own = next(each for each in PROJECT["optional-dependencies"]["test"] if each.startswith("speechgraft["))
    assert "testing" in own


def test_the_error_pickles_with_all_that_it_says() -> None:
    error = MissingExtraError("a.part", "a_library", "an-extra")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.name) == (str(error), "a_library")
