"""Everything that speechgraft promises of an encoder, tried on this one: alone, and with a decoder."""

from __future__ import annotations

import pytest
from speechgraft.registry import Catalog, Origin, default_catalog
from speechgraft.testing import Trial, cases

import speechgraft_logmel

MINE = Catalog().extended(
    Origin("logmel", "speechgraft-logmel", "0.1.0"),
    speechgraft_logmel.speechgraft_encoders(),
    [default_catalog().decoder("bert")],
)


@pytest.mark.parametrize("trial", [*cases(MINE, "encoder"), *cases(MINE, "pair")], ids=str)
def test_kit(trial: Trial) -> None:
    trial.run(examples=3)
