"""Every property of decoders, for every decoder in the catalog."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from speechgraft.registry import default_catalog
from speechgraft.testing import parametrize_with_checks

ENTRIES = list(default_catalog().decoders.values())


@parametrize_with_checks(ENTRIES, partners=())
def test_decoder(speechgraft_check: Callable[..., None]) -> None:
    speechgraft_check()


@pytest.mark.long
@parametrize_with_checks(ENTRIES, partners=())
def test_decoder_at_length(speechgraft_check: Callable[..., None]) -> None:
    speechgraft_check(level="thorough")
