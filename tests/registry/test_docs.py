"""The examples in the registry's documentation run."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

MODULES = ["frozen", "entries", "hookspecs", "catalog", "discovery", "pairing", "report"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    assert doctest.testmod(import_module(f"speechgraft.registry.{name}")).failed == 0
