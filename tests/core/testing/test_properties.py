"""Each property fails where it is broken, and says so: the name, the entries, what was found, where to look."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from attrs import evolve
from hypothesis import strategies as st

from speechgraft.errors import PluginError
from speechgraft.plugins.bert import decoder as bert
from speechgraft.registry import Catalog, default_catalog
from speechgraft.testing import PROPERTIES, Property, Trial, cases
from speechgraft.testing.case import Case
from speechgraft.testing.strategies import make_batch
from speechgraft.testing.table import Drawn

CATALOG = default_catalog()
ENTRIES = {
    "encoder": (CATALOG.encoder("wav2vec2"),),
    "decoder": (CATALOG.decoder("bert"),),
    "pair": (CATALOG.encoder("wav2vec2"), CATALOG.decoder("bert")),
}


def test_what_an_entry_declares_of_identity_is_what_its_config_offers():
    claim = PROPERTIES["P14_identity"]
    with pytest.raises(AssertionError, match=r"the entry declares identity=False, and its config has .*: True"):
        claim.run(evolve(CATALOG.decoder("gpt2"), identity=False), examples=1, shrink=False)
    with pytest.raises(AssertionError, match=r"the entry declares identity=True, and its config has .*: False"):
        claim.run(evolve(CATALOG.decoder("bert"), identity=True), examples=1, shrink=False)


def test_a_failing_plugin_is_told_by_its_case(monkeypatch):
    def crash(self, *args, **options):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(bert.BertDecoder, "forward", crash)
    with pytest.raises(AssertionError, match="found: RuntimeError: no such kernel") as caught:
        PROPERTIES["P05_causality"].run(*ENTRIES["decoder"], examples=2, shrink=False)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_an_assertion_of_a_plugin_is_told_by_its_case_too(monkeypatch):
    def refuse(self, *args, **options):
        assert False, "this cannot be"  # noqa: B011, PT015

    monkeypatch.setattr(bert.BertDecoder, "forward", refuse)
    with pytest.raises(AssertionError, match=r"P05_causality .*\n  found: AssertionError: this cannot be"):
        PROPERTIES["P05_causality"].run(*ENTRIES["decoder"], examples=2, shrink=False)


def test_a_property_says_what_it_applies_to():
    with pytest.raises(LookupError, match=r"P05_causality applies to decoder, not to encoder"):
        PROPERTIES["P05_causality"].run(*ENTRIES["encoder"])


def test_cases_are_every_property_with_everything_in_the_catalog():
    kinds = [[str(trial) for trial in cases(CATALOG, kind)] for kind in ("encoder", "decoder", "pair")]
    assert all(len(names) == len(set(names)) for names in kinds)
    found = [name for names in kinds for name in names]
    assert {name.split("-")[0] for name in found} == set(PROPERTIES)
    assert "P06_cache-decoder-bert" in found
    assert "P03_batch_invariance-wav2vec2-bert" in found
    assert cases(Catalog(), "pair") == []


def test_a_property_of_ones_own_runs_like_the_others():
    def check(case: Case, entry: Any) -> None:
        number = case.draw(st.integers(0, 100), "number")
        case.holds(number < 10, f"{number} is not below 10", "the number")

    own = Property("X01_small", "numbers are small", {"encoder": (Drawn(check),)})
    with pytest.raises(AssertionError) as caught:
        Trial(own, ENTRIES["encoder"]).run(examples=100)
    assert str(caught.value).startswith(
        "X01_small does not hold for encoder 'wav2vec2'\n  found: 10 is not below 10\n  look at: the number\n"
        "  case:\n    number: 10"
    )


class OfFeatures:
    input_kind = "features"

    def __init__(self, feature_size=None):
        self.feature_size = feature_size


def test_encoders_of_features_that_do_not_tell_their_bins_are_refused_with_the_reason():
    with pytest.raises(PluginError, match="OfFeatures takes features, but its feature_size is None"):
        make_batch(OfFeatures(), (3,), "noise", 0)


@pytest.mark.parametrize("content", ["noise", "tone", "silence", "step"])
def test_batches_of_features_have_their_bins_and_zeros_for_padding(content):
    batch = make_batch(OfFeatures(5), (3, 1), content, 0)
    other = make_batch(OfFeatures(5), (3, 3), "noise", 1)
    assert batch.inputs.shape == (2, 3, 5) and batch.mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert not batch.inputs[1, 1:].any() and batch.row(1).shape == (1, 1, 5)
    refilled = batch.refilled(other)
    assert torch.equal(refilled[1, 1:], other.inputs[1, 1:]) and torch.equal(refilled[1, :1], batch.inputs[1, :1])
