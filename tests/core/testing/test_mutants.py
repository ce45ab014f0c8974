"""The kit proves itself: each mutant is killed, by the property that it breaks, and no property kills nothing."""

from __future__ import annotations

import pytest
from mutants import MUTANTS, Mutant

from speechgraft.testing import PROPERTIES


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_is_killed(mutant: Mutant) -> None:
    verdict = mutant.try_it()
    message = verdict.message
    assert message.startswith(f"{mutant.killer} does not hold for {' with '.join(map(str, mutant.entries))}\n  found: ")
    assert mutant.finds in verdict.found
    assert "\n  look at: " in message and verdict.case


def test_no_property_kills_nothing():
    killers = {mutant.killer for mutant in MUTANTS}
    assert set(PROPERTIES) <= killers


def test_there_are_no_two_of_a_name():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 30
