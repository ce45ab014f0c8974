"""Everything that speechgraft promises of a decoder, tried on both of these: alone, and with an encoder."""

from __future__ import annotations

import pytest
from speechgraft.registry import Catalog, Origin, default_catalog
from speechgraft.testing import Trial, cases

import speechgraft_mbart

MINE = Catalog().extended(
    Origin("mbart", "speechgraft-mbart", "0.1.0"),
    [default_catalog().encoder("wav2vec2")],
    speechgraft_mbart.speechgraft_decoders(),
)


@pytest.mark.parametrize("trial", [*cases(MINE, "decoder"), *cases(MINE, "pair")], ids=str)
def test_kit(trial: Trial) -> None:
    trial.run(examples=3)
