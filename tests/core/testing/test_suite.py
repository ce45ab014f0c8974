"""One line of a third party's test file tries every property, and tells what was expected to fail."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from speechgraft.registry import default_catalog
from speechgraft.testing import LEVELS, PROPERTIES, Trial, cases, parametrize_with_checks
from speechgraft.testing.levels import level_named
from speechgraft.testing.suite import groups_of, stand_ins

pytest_plugins = ["pytester"]

CATALOG = default_catalog()
OTHERS = sum("encoder" in each.checks for each in PROPERTIES.values()) - 1

# Ten cases, so that trying them takes about a second.
FILE = """
from attrs import evolve
from speechgraft.registry import default_catalog
from speechgraft.testing import parametrize_with_checks

catalog = default_catalog()
entry = evolve(catalog.encoder("wav2vec2"), draw=None{changes})

@parametrize_with_checks([entry], partners=(){options})
def test_kit(speechgraft_check):
    speechgraft_check()
"""


def run(pytester, *args: str, changes: str = "", options: str = "") -> pytest.RunResult:
    pytester.makepyfile(FILE.format(changes=changes, options=options))
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist", *args)


def test_every_property_of_an_entry_is_a_case(pytester):
    # Tracing imports parts of torch that cannot be imported twice, as in a pytest within a pytest they would be.
    result = run(pytester, "-v", "-k", "not P13")
    result.assert_outcomes(passed=OTHERS, deselected=1)
    result.stdout.fnmatch_lines(["*test_kit?P02_lengths-encoder-wav2vec2? PASSED*"])


def test_a_failure_names_the_property_the_case_and_what_to_look_at(pytester):
    result = run(pytester, "-k", "P00 or P02", changes=", stride=160")
    result.assert_outcomes(passed=1, failed=1, deselected=OTHERS - 1)
    result.stdout.fnmatch_lines(
        [
            "P00_capabilities does not hold for encoder 'wav2vec2'",
            "  found: 10000 strides of 160 inputs give 5000 frames with the default config",
            "  look at: stride of the entry, output_lengths",
            "  case:",
            "    config: Wav2Vec2Config(*",
            "    seed of the parameters: 0",
        ]
    )
    # Nothing of the kit's own lines stands before it.
    assert "given(st.data())" not in result.stdout.str()


@pytest.mark.parametrize("name", ["P00_capabilities", "P00_capabilities-encoder-wav2vec2"])
def test_a_failure_that_was_expected_is_none(pytester, name):
    expected = f", expected_failures={{{name!r}: 'it hurries'}}"
    result = run(pytester, "-rx", "-k", "P00 or P02", changes=", stride=160", options=expected)
    result.assert_outcomes(passed=1, xfailed=1, deselected=OTHERS - 1)
    result.stdout.fnmatch_lines(["*P00_capabilities-encoder-wav2vec2* - it hurries"])


def test_an_expected_failure_that_passes_is_an_error(pytester):
    result = run(pytester, "-k", "P02", options=", expected_failures={'P02_lengths': 'it is short'}")
    result.assert_outcomes(failed=1, deselected=OTHERS)
    result.stdout.fnmatch_lines(["*XPASS(strict)*it is short*"])


def test_an_expected_failure_of_no_case_is_refused_with_the_nearest_name():
    with pytest.raises(LookupError, match=r"'P02_length'; did you mean 'P02_lengths'"):
        parametrize_with_checks(stand_ins(), expected_failures={"P02_length": "it is short"})


def test_a_level_that_there_is_not_is_refused(pytester):
    result = run(pytester, "--speechgraft-level=slow")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--speechgraft-level: invalid choice: 'slow'*quick*standard*thorough*"])
    with pytest.raises(
        LookupError, match=r"'standart'; did you mean 'standard'\?; there are quick, standard, thorough"
    ):
        level_named("standart")


@pytest.mark.parametrize("level", LEVELS)
def test_the_level_says_how_many_cases_are_drawn(pytester, monkeypatch, level):
    drawn = []
    monkeypatch.setattr(Trial, "run", lambda self, **options: drawn.append(options))
    run(pytester, f"--speechgraft-level={level}", "-k", "P02")
    chosen = LEVELS[level]
    assert drawn == [{"examples": chosen.part, "derandomize": chosen.derandomize, "shrink": True}]


def test_levels_grow_and_dear_properties_are_tried_less_often(monkeypatch):
    sizes = [(level.part, level.pair) for level in LEVELS.values()]
    assert sizes == sorted(sizes) and len(set(sizes)) == len(sizes)
    drawn = {}
    monkeypatch.setattr(Trial, "run", lambda self, examples, **options: drawn.update({self.property.name: examples}))
    trials = cases(CATALOG, "encoder")
    for trial in trials:
        trial.run_at("standard")
    expected = {trial.property.name: max(1, round(LEVELS["standard"].part / trial.property.cost)) for trial in trials}
    assert drawn == expected and len(set(drawn.values())) > 1


def test_the_fixture_alone_says_what_it_needs(pytester):
    pytester.makepyfile("def test_it(speechgraft_check): speechgraft_check()")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*speechgraft_check needs @speechgraft.testing.parametrize_with_checks(entries)*"])


def test_entries_are_paired_with_partners_and_with_each_other():
    own = (CATALOG.encoder("bert"), CATALOG.encoder("sew"), CATALOG.decoder("bart"))
    names = ["-".join(entry.name for entry in group) for group in groups_of(own, stand_ins())]
    assert names == ["bert", "sew", "bart", "bert-bart", "bert-gpt2", "sew-bart", "sew-gpt2", "wav2vec2-bart"]
    # A partner that is tried itself is no other entry.
    assert len(groups_of(stand_ins(), stand_ins())) == 3


def test_the_page_names_every_property_and_level():
    page = (Path(__file__).parents[3] / "docs" / "testing.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(P\d\d_\w+)` \|", page, re.MULTILINE) == list(PROPERTIES)
    rows = re.findall(r"^\| `(\w+)`[^|]*\| (\d+) \| (\d+) \| (the same|others) \|$", page, re.MULTILINE)
    expected = [
        (level.name, str(level.part), str(level.pair), "the same" if level.derandomize else "others")
        for level in LEVELS.values()
    ]
    assert rows == expected
