"""Every property of pairs, for every pair in the catalog."""

from __future__ import annotations

import pytest

from speechgraft.registry import default_catalog
from speechgraft.testing import Trial, cases

TRIALS = cases(default_catalog(), "pair")


@pytest.mark.parametrize("trial", TRIALS, ids=str)
def test_pair(trial: Trial) -> None:
    trial.run(examples=6)


@pytest.mark.long
@pytest.mark.parametrize("trial", TRIALS, ids=str)
def test_pair_at_length(trial: Trial) -> None:
    trial.run(examples=300, derandomize=False)
