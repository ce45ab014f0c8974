"""Every property of pairs, for every pair in the catalog."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from speechgraft.registry import default_catalog
from speechgraft.testing import cases

every_pair = pytest.mark.parametrize("speechgraft_check", cases(default_catalog(), "pair"), ids=str, indirect=True)


@every_pair
def test_pair(speechgraft_check: Callable[..., None]) -> None:
    speechgraft_check()


@pytest.mark.long
@every_pair
def test_pair_at_length(speechgraft_check: Callable[..., None]) -> None:
    speechgraft_check(level="thorough")
