"""Every property of encoders, for every encoder in the catalog."""

from __future__ import annotations

import pytest

from speechgraft.registry import default_catalog
from speechgraft.testing import Trial, cases

TRIALS = cases(default_catalog(), "encoder")


@pytest.mark.parametrize("trial", TRIALS, ids=str)
def test_encoder(trial: Trial) -> None:
    trial.run(examples=10)


@pytest.mark.long
@pytest.mark.parametrize("trial", TRIALS, ids=str)
def test_encoder_at_length(trial: Trial) -> None:
    trial.run(examples=300, derandomize=False)
