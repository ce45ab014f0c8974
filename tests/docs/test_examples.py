"""The packages in docs/examples build, install beside the wheel of speechgraft, and pass their tests and the kit."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PACKAGES = sorted(path.parent for path in EXAMPLES.glob("*/pyproject.toml"))
OFFERED = {"checkpoint", "config", "contracts", "errors", "nn", "registry", "speech", "testing", "text"}
"""What a third party may rely on."""


def run(*arguments: object) -> str:
    done = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_packages_install_and_pass_their_kits(tmp_path: Path) -> None:
    told = run(EXAMPLES / "check.py", tmp_path)
    assert told.splitlines()[:2] == [
        "speechgraft encoders: logmel are there",
        "speechgraft decoders: mbart, speech_to_text_2 are there",
    ]
    for package in PACKAGES:
        assert f"\n{package.name}: " in told


@pytest.mark.long
def test_speech2text2_is_the_one_of_the_release_that_had_it(tmp_path: Path) -> None:
    assert " passed" in run(EXAMPLES / "speechgraft-mbart" / "reference" / "run.py", tmp_path / "environment")


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_they_use_what_is_offered_alone(package: Path) -> None:
    used = set()
    for path in package.joinpath(package.name.replace("-", "_")).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module == "speechgraft":
                names = [f"speechgraft.{alias.name}" for alias in node.names]
            used |= {name.split(".")[1] for name in names if name.startswith("speechgraft.")}
    assert {"registry", "config", "contracts", "nn", "checkpoint"} <= used <= OFFERED
