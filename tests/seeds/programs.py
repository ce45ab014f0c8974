"""The examples run as programs, against a hub on this machine, once with speechgraft and once with the yardstick."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from checkpoints import write_checkpoints
from filelock import FileLock
from hub_server import Hub
from page import PAGE, Example

from speechgraft.registry.discovery import PROJECT

LIBRARIES = ("speechgraft", "transformers")
HERE = Path(__file__).parent
MBART = HERE.parents[1] / "docs" / "examples" / "speechgraft-mbart"

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""What `runner.run` gives, by library and title."""


def results_of(examples: Sequence[Example], name: str, temporary: Path) -> Results:
    """Run the examples, or read what a test process beside this one has run.

    Args:
        examples: Which.
        name: Of this lot.
        temporary: pytest's folder for this process.
    """
    beside = "PYTEST_XDIST_WORKER" in os.environ
    folder = (temporary.parent if beside else temporary) / f"seeds-{name}"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            folder.mkdir()
            _run(examples, folder)
    return {library: torch.load(folder / f"{library}.pt", weights_only=False) for library in LIBRARIES}


def _run(examples: Sequence[Example], folder: Path) -> None:
    hub = _stocked_hub(folder / "checkpoints")
    packages = _packages(folder / "packages")
    hub.start()
    try:
        running = [_start(library, examples, folder, packages, hub) for library in LIBRARIES]
        for program in running:
            told, _ = program.communicate()
            assert program.returncode == 0, told
    finally:
        hub.stop()


def _stocked_hub(folder: Path) -> Hub:
    write_checkpoints(folder, PAGE.read_text(encoding="utf-8"))
    hub = Hub()
    for config in folder.rglob("config.json"):
        hub.add_folder(str(config.parent.relative_to(folder)), config.parent)
    return hub


def _packages(folder: Path) -> Path:
    """The package with mBART's decoder, as an installer leaves it: its files, and what tells of its entry point."""
    about = folder / "speechgraft_mbart-0.1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: speechgraft-mbart\nVersion: 0.1.0\n")
    (about / "entry_points.txt").write_text(f"[{PROJECT}]\nmbart = speechgraft_mbart\n")
    (folder / "speechgraft_mbart").symlink_to(MBART / "speechgraft_mbart")
    return folder


def _start(library: str, examples: Sequence[Example], folder: Path, packages: Path, hub: Hub) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(packages), str(HERE / "stand_in"), os.environ.get("PYTHONPATH", "")]),
        "HF_ENDPOINT": hub.endpoint,
        "HF_HUB_CACHE": str(folder / f"cache-{library}"),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
    }
    titles = [example.title for example in examples if library == LIBRARIES[0] or not example.refused]
    return subprocess.Popen(
        [sys.executable, str(HERE / "runner.py"), library, str(folder / f"{library}.pt"), *titles],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
