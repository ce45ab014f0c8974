"""Build the wheels of the example packages and of speechgraft, install them by themselves, and try them.

    python docs/examples/check.py [--wheel SPEECHGRAFT.whl] [FOLDER]

The environment is made in FOLDER, a temporary one where none is given. What the wheels need beside each other (torch,
pytest, ...) comes from the environment that runs this script. Nothing of the repository is on its path.
"""

from __future__ import annotations

import argparse
import json
import os
import site
import subprocess
import sys
import tempfile
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKAGES = ("speechgraft-logmel", "speechgraft-mbart")
BROUGHT = {"encoders": {"logmel"}, "decoders": {"mbart", "speech_to_text_2"}}
SOURCES = ("core", "registry", "plugins", "pyproject.toml", "setup.py", "README.md", "LICENSE")


def build(source: Path, folder: Path, names: tuple[str, ...] | None = None) -> Path:
    """The wheel of a package, built of a copy: setuptools leaves folders behind.

    Args:
        source: The package.
        folder: Where the wheel goes.
        names: What of it is needed; `None`: everything.
    """
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "source"
        copy.mkdir()
        for path in source.iterdir() if names is None else (source / name for name in names):
            if path.is_dir():
                copytree(path, copy / path.name, ignore=ignore_patterns("__pycache__", ".*", "*.egg-info", "build"))
            else:
                (copy / path.name).write_bytes(path.read_bytes())
        before = set(folder.glob("*.whl"))
        pip("wheel", "--no-build-isolation", "--wheel-dir", folder, copy)
    [wheel] = set(folder.glob("*.whl")) - before
    return wheel


def pip(command: str, *arguments: str | Path, python: Path | None = None) -> None:
    """Run pip without the network, for this environment or for another's Python."""
    other = [] if python is None else ["--python", python]
    common = ["--quiet", "--no-deps", "--no-index"]
    subprocess.run([sys.executable, "-m", "pip", *other, command, *common, *arguments], check=True)


def make_environment(folder: Path, wheels: list[Path]) -> Path:
    """The Python of an environment with these wheels, and behind them what this environment has."""
    venv.create(folder, clear=True)
    python = folder / "bin" / "python"
    pip("install", *wheels, python=python)
    [packages] = (folder / "lib").glob("python*/site-packages")
    (packages / "zz_outer.pth").write_text("".join(f"{path}\n" for path in site.getsitepackages()))
    return python


def run(python: Path, *arguments: str | Path, where: Path) -> str:
    """What a Python of the new environment prints, run away from the repository.

    Raises:
        SystemExit: It failed; with what it printed.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = {**kept, "OMP_NUM_THREADS": "1", "CI": "1"}
    done = subprocess.run([python, *arguments], cwd=where, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, arguments))} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def listed(python: Path, command: str, where: Path) -> list[dict[str, Any]]:
    """What `speechgraft encoders` or `decoders` lists."""
    entries: list[dict[str, Any]] = json.loads(run(python, "-m", "speechgraft", command, "--json", where=where))
    return entries


def check(folder: Path, wheel: Path | None) -> None:
    """Build, install, list, and run the packages' own tests."""
    wheels = [build(HERE / name, folder) for name in PACKAGES]
    wheels.append(build(ROOT, folder, SOURCES) if wheel is None else wheel)
    python = make_environment(folder / "environment", wheels)
    where = run(python, "-c", "import speechgraft; print(speechgraft.__file__)", where=folder)
    if not where.startswith(str(folder)):
        sys.exit(f"the speechgraft that answers is {where.strip()}, not the one that was installed in {folder}")
    for command, names in BROUGHT.items():
        found = {entry["name"] for entry in listed(python, command, folder)}
        if not names <= found:
            sys.exit(f"speechgraft {command} lists {sorted(found)}, without {sorted(names - found)}")
        print(f"speechgraft {command}: {', '.join(sorted(names))} are there")
    with ThreadPoolExecutor() as pool:
        for name, said in zip(PACKAGES, pool.map(lambda name: tested(python, name, folder), PACKAGES), strict=True):
            print(f"{name}: {said}")


def tested(python: Path, name: str, where: Path) -> str:
    """The last line of what the tests of a package print, its kit at the quick level among them."""
    tests = HERE / name / "tests"
    pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tests, "-c", os.devnull, tests]
    return run(python, *pytest, where=where).strip().splitlines()[-1]


def main() -> None:
    """Read the command line and check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="where the environment is made")
    parser.add_argument("--wheel", type=Path, help="a wheel of speechgraft that is built already")
    given = parser.parse_args()
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
        check(given.folder.resolve(), given.wheel)
        return
    with tempfile.TemporaryDirectory() as folder:
        check(Path(folder).resolve(), given.wheel)


if __name__ == "__main__":
    main()
