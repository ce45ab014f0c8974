"""The matrix tries each combination with its own connector, and tells what fails without stopping."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import storage_directory
from mutants.decoders import IgnoresTheMemoryMask
from mutants.table import made_by

from speechgraft.errors import UnknownPluginError
from speechgraft.registry import Catalog, Origin, check, default_catalog
from speechgraft.registry.configs import PairConfig
from speechgraft.testing import LEVELS, PROPERTIES, Drawn, Property, batches, matrix
from speechgraft.testing.case import Case
from speechgraft.testing.matrix import Combination, combinations, try_all, try_combination
from speechgraft.testing.models import build_encoder, drawn_pair
from speechgraft.testing.strategies import SEEDS, uneven_lengths

CATALOG = default_catalog()


@pytest.fixture
def brief_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports that estimate no memory, which takes longer than a property does."""
    monkeypatch.setattr(matrix, "check", partial(check, seconds=None))


def stored(*given: object, **options: object) -> Path:
    """In place of what became of a combination: where hypothesis stores things meanwhile."""
    return storage_directory(intent_to_write=False).home_directory


def test_everything_that_is_installed_is_put_together() -> None:
    found = combinations(CATALOG)
    assert len(set(found)) == len(CATALOG.encoders) * len(CATALOG.connectors) * len(CATALOG.decoders)
    chosen = combinations(CATALOG, encoder="sew*", connector="conv", decoder="bert")
    assert chosen == (Combination("sew", "conv", "bert"), Combination("sew-d", "conv", "bert"))


@pytest.mark.parametrize("role", ["encoder", "connector", "decoder"])
def test_a_pattern_that_nothing_matches_is_refused(role: str) -> None:
    with pytest.raises(UnknownPluginError, match=f"no {role} is named 'wav2vce'"):
        combinations(CATALOG, **{role: "wav2vce"})


@pytest.mark.parametrize("connector", list(CATALOG.connectors))
def test_pairs_are_drawn_with_the_connector_alone(connector: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[PairConfig] = []

    def noted(case: Case, encoder: object, decoder: object) -> None:
        seen.append(drawn_pair(case, encoder, decoder).config)  # type: ignore[arg-type]

    only = {"P00": Property("P00", "is seen", {"pair": (Drawn(noted),)})}
    monkeypatch.setattr(matrix, "PROPERTIES", only)
    tried = try_combination(Combination("wav2vec2", connector, "gpt2"), "standard", connectors=4)
    assert tried.ok and tried.verdict == "ok"
    names = {"linear" if config.connector is None else config.connector.model_type for config in seen}
    assert names == {connector}
    assert len(seen) >= 8  # thirty cases of a pair, shared by four connectors


@pytest.mark.usefixtures("brief_reports")
@pytest.mark.parametrize(("pattern", "least"), [("linear", 6), ("[cl]*", 3), ("*", 2)])
def test_the_cases_of_a_pair_are_shared_by_the_connectors_that_are_tried(
    pattern: str, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    def noted(case: Case, encoder: object, decoder: object) -> None:
        seen.append(case.draw(SEEDS, "seed"))

    monkeypatch.setattr(matrix, "PROPERTIES", {"P00": Property("P00", "is seen", {"pair": (Drawn(noted),)})})
    chosen = combinations(CATALOG, encoder="sew", connector=pattern, decoder="gpt2")
    assert all(tried.ok for tried in try_all(chosen, "quick"))
    assert len(seen) == least * len(chosen) and LEVELS["quick"].pair == 6


@pytest.mark.usefixtures("brief_reports")
@pytest.mark.parametrize(("encoder", "pattern"), [("sew", "linear"), ("sew", "*"), ("bert", "linear")])
def test_a_decoder_of_a_third_party_that_ignores_its_memory_mask_is_found(
    encoder: str, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = Origin("deaf", "their-package", "0.1")
    faulty = made_by(CATALOG.decoder("gpt2"), IgnoresTheMemoryMask)
    catalog = Catalog().extended(origin, CATALOG.encoders.values(), [faulty], CATALOG.connectors.values())
    name = "P03_batch_invariance"
    monkeypatch.setattr(matrix, "PROPERTIES", {name: PROPERTIES[name]})
    for tried in try_all(combinations(catalog, encoder=encoder, connector=pattern), "quick", catalog=catalog):
        assert tried.verdict == "P03", tried.combination
        assert "logits of row" in (tried.failed[0].problem or "")


@pytest.mark.parametrize("connector", list(CATALOG.connectors))
def test_a_mask_of_the_memory_that_is_ignored_is_found_in_the_first_case(connector: str) -> None:
    faulty = made_by(CATALOG.decoder("gpt2"), IgnoresTheMemoryMask)
    with pytest.raises(AssertionError, match="found: logits of row"):
        PROPERTIES["P03_batch_invariance"].run(
            CATALOG.encoder("sew"), faulty, CATALOG.connector(connector), examples=1, shrink=False
        )


@pytest.mark.parametrize("encoder", ["sew", "bert"])
def test_even_the_simplest_batch_of_rows_that_are_compared_has_padding(encoder: str) -> None:
    entry = CATALOG.encoder(encoder)
    built = build_encoder(entry, entry.tiny_config(), 0)
    batch = find(batches(built, rows=(2, 4), uneven=True), lambda drawn: True, settings=settings(database=None))
    first, second = built.output_lengths(torch.tensor(batch.lengths)).tolist()
    assert first - second >= 5


@given(st.integers(1, 50), st.integers(0, 50), st.sampled_from([(2, 2), (2, 4), (3, 3)]), st.data())
def test_uneven_lengths_are_within_their_bounds(
    shortest: int, more: int, rows: tuple[int, int], data: st.DataObject
) -> None:
    lengths = data.draw(uneven_lengths(shortest, shortest + more, rows))
    assert rows[0] <= len(lengths) <= rows[1]
    assert shortest <= min(lengths) and max(lengths) <= shortest + more
    assert max(lengths) - min(lengths) >= more / 3


def test_what_fails_in_any_way_is_told_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(case: Case, encoder: object, decoder: object) -> None:
        case.holds(False, "a fault", "the part")

    def strange(*entries: object) -> None:
        raise RuntimeError("of the check itself")

    monkeypatch.setattr(
        matrix,
        "PROPERTIES",
        {
            "P01_one": Property("P01_one", "fails", {"pair": (Drawn(broken),)}),
            "P02_two": Property("P02_two", "is of encoders alone", {"encoder": (Drawn(broken),)}),
            "P03_three": Property("P03_three", "fails too", {"pair": (Drawn(strange),)}),
            "P04_four": Property("P04_four", "holds", {"pair": (Drawn(lambda *given: None),)}),
        },
    )
    [tried] = try_all((Combination("wav2vec2", "conv", "gpt2"),), "quick")
    assert [each.property for each in tried.outcomes] == ["P01_one", "P03_three", "P04_four"]
    assert tried.verdict == "P01 P03" and not tried.ok and tried.report.ok
    told = tried.failed[0].problem or ""
    assert "P01_one does not hold for encoder 'wav2vec2' with decoder 'gpt2' with connector 'conv'" in told
    assert "RuntimeError: of the check itself" in (tried.failed[1].problem or "")
    data = json.loads(json.dumps(tried.to_dict()))
    assert [each["ok"] for each in data["properties"]] == [False, False, True]
    assert (data["connector"], data["ok"], data["report"]["connector"]) == ("conv", False, "conv")


def test_nothing_is_left_in_the_working_folder(tmp_path: Path) -> None:
    code = (
        "import os, sys; from speechgraft.cli import main; from speechgraft.testing import PROPERTIES, matrix;"
        "matrix.PROPERTIES = {name: PROPERTIES[name] for name in ('P00_capabilities', 'P08_loss')};"
        "sys.exit(main(['check', 'sew', 'gpt2', '--all-pairs', '--connector', 'linear', '--jobs', '1']))"
    )
    kept = {name: value for name, value in os.environ.items() if name != "HYPOTHESIS_STORAGE_DIRECTORY"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=kept, check=True)
    assert list(tmp_path.iterdir()) == []


def test_what_hypothesis_stores_goes_elsewhere_for_as_long_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    before = storage_directory(intent_to_write=False).home_directory
    monkeypatch.setattr(matrix, "try_combination", stored)
    for found in try_all(combinations(CATALOG, encoder="sew", decoder="gpt2"), "quick"):
        assert found != before and found.name.startswith("speechgraft-")  # type: ignore[attr-defined, comparison-overlap]
    assert storage_directory(intent_to_write=False).home_directory == before


def test_every_property_of_pairs_is_tried() -> None:
    tried = try_combination(Combination("sew", "stack", "gpt2"), "quick")
    assert {each.property for each in tried.outcomes} == {
        name for name, each in PROPERTIES.items() if "pair" in each.checks
    }
    assert tried.ok, tried.failed


@pytest.mark.long
def test_several_processes_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = combinations(CATALOG, encoder="sew", connector="[cl]*", decoder="gpt2")
    apart, together = (list(try_all(chosen, "quick", jobs=jobs)) for jobs in (2, 1))
    assert [each.combination for each in apart] == list(chosen)
    assert [each.report for each in apart] == [each.report for each in together]
    for one, other in zip(apart, together, strict=True):
        assert [each.property for each in one.outcomes] == [each.property for each in other.outcomes]
        assert one.ok and other.ok
    assert list(tmp_path.iterdir()) == []  # where those processes would leave what hypothesis stores
