"""One line of a third party's test file tries every property, and tells what was expected to fail."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from speechgraft.errors import InputError
from speechgraft.registry import default_catalog
from speechgraft.testing import LEVELS, PROPERTIES, Property, Trial, cases, parametrize_with_checks
from speechgraft.testing.levels import level_named
from speechgraft.testing.suite import connected, further_pairs, groups_of, stand_ins
from speechgraft.testing.trials import trials_of

pytest_plugins = ["pytester"]

CATALOG = default_catalog()
PROPERTIES_OF_CONNECTORS = [
    kind for each in PROPERTIES.values() for kind in each.checks if kind in ("connector", "pair")
]
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


def test_a_failure_names_the_property_the_case_and_what_to_look_at(pytester, monkeypatch):
    monkeypatch.delenv("CI", raising=False)  # where pytest repeats whole messages at its end
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
    assert result.stdout.str().count("does not hold for") == 1


def test_notes_of_torchs_tracing_are_not_told_below_a_failure(pytester, monkeypatch):
    def fails(self, **options):
        tracing = logging.getLogger("torch.__trace")
        tracing.setLevel(logging.DEBUG)  # as torch sets it
        tracing.debug("a note of tracing")
        logging.getLogger("plugin").warning("a note of the plugin")
        raise AssertionError("it does not hold")

    monkeypatch.setattr(Trial, "run", fails)
    told = run(pytester, "-k", "P02").stdout.str()
    assert "a note of the plugin" in told and "a note of tracing" not in told


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


def test_without_entries_collection_fails_since_nothing_would_be_tried(pytester):
    pytester.makepyfile(
        """
        from speechgraft.testing import parametrize_with_checks

        @parametrize_with_checks([])
        def test_kit(speechgraft_check):
            speechgraft_check()
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*InputError: parametrize_with_checks: there are no entries, so that nothing*"])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["wav2vec2"], r"entries, got the name 'wav2vec2': its entry is default_catalog\(\)\.encoder\('wav2vec2'\)"),
        ("bert", r"a list of entries, got the name 'bert': .*\.encoder\('bert'\) or .*\.decoder\('bert'\)"),
        (["logmel"], "expected entries, got 'logmel'"),
        (CATALOG.encoder("sew"), "expected a list of entries, got the encoder 'sew' alone: put it in a list"),
        ([CATALOG.encoder("sew"), None], "expected entries, got None"),
        (None, "expected a list of entries, got None"),
        (3, "expected a list of entries, got 3"),
    ],
)
def test_what_is_no_list_of_entries_is_refused(given, says):
    with pytest.raises(InputError, match=f"entries: .*{says}"):
        parametrize_with_checks(given)
    if given is not None:
        with pytest.raises(InputError, match=f"partners: .*{says}"):
            parametrize_with_checks(stand_ins(), partners=given)


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
    sizes = [(level.part, level.pair, level.pairs) for level in LEVELS.values()]
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


def names_of(groups):
    return [["-".join(entry.name for entry in group) for group in each] for each in groups]


def test_connectors_are_tried_in_pairs_own_parts_first():
    own = (CATALOG.connector("stack"), CATALOG.encoder("sew"), CATALOG.connector("mlp"))
    found = names_of(connected(own, stand_ins(), further_pairs()))
    pairs = ["sew-gpt2", "wav2vec2-gpt2", "sew-bert", "bert-bart"]
    assert found == [[f"{pair}-{name}" for pair in pairs] for name in ("stack", "mlp")]
    assert connected(own, ()) == [] and connected(stand_ins(), stand_ins()) == []


# One connector that nobody registered, so that trying it takes seconds.
CONNECTOR = """
from attrs import evolve
from speechgraft.plugins.connectors.stack import StackConnector
from speechgraft.registry import default_catalog
from speechgraft.testing import parametrize_with_checks

class Doubtful(StackConnector):
    def forward(self, hidden, frame_mask):
        assert hidden.shape[-1] != {width}, "no width of mine"
        return super().forward(hidden, frame_mask)

entry = evolve(default_catalog().connector("stack"), factory="test_it:Doubtful", draw=None)

@parametrize_with_checks([entry])
def test_it(speechgraft_check):
    speechgraft_check()
"""


def test_a_connector_is_tried_alone_and_in_a_pair(pytester, monkeypatch):
    width = CATALOG.encoder("wav2vec2").tiny["hidden_size"]
    assert width > 9  # wider than any that is drawn for a connector alone
    pytester.makepyfile(test_it=CONNECTOR.format(width=width))
    pytester.syspathinsert()
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist", "-k", "P12")
    result.assert_outcomes(passed=1, failed=1, deselected=len(PROPERTIES_OF_CONNECTORS) - 2)
    result.stdout.fnmatch_lines(
        [
            "*P12_determinism does not hold for encoder 'wav2vec2' with decoder 'gpt2' with connector 'stack'",
            "*found: AssertionError: no width of mine",
            "FAILED *P12_determinism-wav2vec2-gpt2-stack*",
        ]
    )


def test_higher_levels_try_a_connector_in_more_pairs(monkeypatch):
    tried = []
    monkeypatch.setattr(Property, "run", lambda self, *entries, **options: tried.append(entries))
    [[first, *others]] = connected((CATALOG.connector("stack"),), stand_ins(), further_pairs())
    [trial] = [each for each in trials_of([first], *others) if each.property.name == "P08_loss"]
    for level in LEVELS.values():
        trial.run_at(level.name)
        assert names_of([tried]) == names_of([[first, *others][: level.pairs]])
        tried.clear()
    assert LEVELS["quick"].pairs < LEVELS["standard"].pairs < 1 + len(others) <= LEVELS["thorough"].pairs


def test_the_page_names_every_property_and_level():
    page = (Path(__file__).parents[3] / "docs" / "testing.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(P\d\d_\w+)` \|", page, re.MULTILINE) == list(PROPERTIES)
    rows = re.findall(r"^\| `(\w+)`[^|]*\| (\d+) \| (\d+) \| (\d+) \| (the same|others) \|$", page, re.MULTILINE)
    expected = [
        (level.name, str(level.part), str(level.pair), str(level.pairs), "the same" if level.derandomize else "others")
        for level in LEVELS.values()
    ]
    assert rows == expected
