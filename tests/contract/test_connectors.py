"""Every property of connectors, for every connector in the catalog."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from speechgraft.registry import default_catalog
from speechgraft.testing import parametrize_with_checks

ENTRIES = list(default_catalog().connectors.values())


@parametrize_with_checks(ENTRIES, partners=())
def test_connector(speechgraft_check: Callable[..., None]) -> None:
    speechgraft_check()


@pytest.mark.long
@parametrize_with_checks(ENTRIES, partners=())
def test_connector_at_length(speechgraft_check: Callable[..., None]) -> None:
    speechgraft_check(level="thorough")
