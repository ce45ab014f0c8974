"""What every test shares: one thread a process, so that tests run side by side, how examples are drawn, and a hub."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from hub_server import Hub

# Test folders are no packages, so that the hub's module needs a place on the path.
sys.path.append(str(Path(__file__).parent / "hub"))

torch.set_num_threads(1)

# Building a small model takes longer than hypothesis allows an example by default, on a loaded machine above all.
settings.register_profile("drawn", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("drawn"), derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "drawn")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """An empty hub on this machine with a cache of its own, both in place of the real ones (see `hub_server.py`)."""
    from hub_server import Hub, in_place_of_the_real_one

    server = Hub()
    server.start()
    in_place_of_the_real_one(monkeypatch, server, tmp_path / "cache")
    yield server
    server.stop()
