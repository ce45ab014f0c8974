"""The wheel holds all of the three folders and nothing else, and what is in it works without the repository."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGES = {"core": "speechgraft", "registry": "speechgraft/registry", "plugins": "speechgraft/plugins"}
SHIPPED = {".py", ".pyi"}


def sources() -> Iterator[tuple[Path, str]]:
    """Every file that the wheel must hold, and where."""
    for folder, package in PACKAGES.items():
        root = REPOSITORY / folder
        for path in root.rglob("*"):
            within = path.relative_to(root)
            if path.is_file() and (path.suffix in SHIPPED or path.name == "py.typed" or "assets" in within.parts):
                yield path, f"{package}/{within.as_posix()}"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built of a copy: setuptools leaves folders behind, and would ship what an earlier build left."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        copytree(REPOSITORY / name, folder / "source" / name, ignore=ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        (folder / "source" / name).write_bytes((REPOSITORY / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(folder / "source")], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path) -> Path:
    """A folder with what the wheel installs."""
    folder = wheel.with_name("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(installed: Path, *arguments: str) -> str:
    """What Python prints, run away from the repository, with `installed` before the editable install."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=installed, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def imported(path: Path) -> set[str]:
    """Modules that a file imports absolutely, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module))
    return found


def test_the_wheel_holds_exactly_what_the_folders_hold(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == {place for _, place in sources()}
    assert {"speechgraft/py.typed", "speechgraft/__init__.pyi"} <= held


def test_the_wheel_holds_what_it_was_built_of(installed: Path) -> None:
    for path, place in sources():
        assert (installed / place).read_bytes() == path.read_bytes(), place


def test_every_folder_with_code_is_a_package() -> None:
    folders = {path.parent for path, _ in sources() if path.suffix == ".py"}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]


def test_the_licence_is_in_the_wheel(installed: Path) -> None:
    (held,) = installed.glob("*.dist-info/licenses/LICENSE")
    assert "Apache License" in held.read_text(encoding="utf-8")


@pytest.mark.parametrize("banned", ["core", "registry", "plugins", "transformers"])
def test_nothing_shipped_imports(banned: str) -> None:
    guilty = [
        place
        for path, place in sources()
        if path.suffix in SHIPPED and any(name.split(".")[0] == banned for name in imported(path))
    ]
    assert not guilty


def test_nothing_shipped_writes_of_this_machine() -> None:
    guilty = [place for path, place in sources() if path.suffix in SHIPPED and str(REPOSITORY) in path.read_text()]
    assert not guilty


def test_the_installed_package_is_the_one_that_answers(installed: Path) -> None:
    told = run(
        installed, "-c", "import speechgraft, speechgraft.registry as r; print(speechgraft.__file__, r.__file__)"
    )
    assert told.count(str(installed)) == 2


def test_importing_and_asking_for_help_import_no_torch(installed: Path) -> None:
    script = """
import sys
import speechgraft
assert "torch" not in sys.modules
from speechgraft.cli import main
main(["--help"])
assert "torch" not in sys.modules
"""
    assert "transcribe" in run(installed, "-c", script)


def test_every_public_name_resolves_and_every_entry_loads(installed: Path) -> None:
    script = """
import speechgraft as sg
for name in [*sg.__all__, *sg._MODULES]:
    getattr(sg, name)
catalog = sg.registry.default_catalog()
assert not catalog.broken and "wav2vec2" in catalog.encoders and "bert" in catalog.decoders
for entry in [*catalog.encoders.values(), *catalog.decoders.values()]:
    config = entry.tiny_config()
    entry.build(config), entry.load_weights()(config), entry.load_adapter(), entry.load_draw()
[entry.load_extractor() for entry in catalog.encoders.values()]
[entry.load_tokenizer() for entry in catalog.decoders.values()]
"""
    run(installed, "-c", script)


def test_modules_import_in_any_order(installed: Path) -> None:
    """No module needs another to have been imported before it."""
    script = """
import importlib, pkgutil, sys
import speechgraft
names = [found.name for found in pkgutil.walk_packages(speechgraft.__path__, "speechgraft.")]
names = [name for name in names if not name.endswith("__main__")]
assert len(names) > 50
for name in names:
    for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] == "speechgraft"]:
        del sys.modules[loaded]
    importlib.import_module(name)
"""
    run(installed, "-c", script)
