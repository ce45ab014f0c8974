"""The kit in one line of a test file: every property of some entries as the cases of one test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, get_args

from speechgraft.errors import InputError, did_you_mean
from speechgraft.registry import default_catalog
from speechgraft.registry.entries import Registered, Role
from speechgraft.testing.trials import Trial, trials_of

if TYPE_CHECKING:
    import pytest

STAND_INS = ("wav2vec2", "gpt2")
"""The encoder and the decoder, of those that ship here, that entries are paired with by default."""

FURTHER = (("sew", "bert"), ("bert", "bart"))
"""Pairs in which higher levels try connectors too: frames that are up-sampled, and an encoder of text."""


def parametrize_with_checks(
    entries: Iterable[Registered],
    *,
    partners: Iterable[Registered] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> pytest.MarkDecorator:
    """Mark a test that runs every property of these entries, alone and in pairs, each as a case of its own.

    A connector is tried in one pair, and at higher levels in others too, as a part of the same case.

    The test takes the fixture `speechgraft_check`, which the pytest plugin of this package brings, and calls
    it. How many cases are drawn is said by `--speechgraft-level quick|standard|thorough`, quick by default.

    ```python
    from speechgraft.registry import default_catalog
    from speechgraft.testing import parametrize_with_checks

    @parametrize_with_checks([default_catalog().encoder("sew")])
    def test_with_the_kit(speechgraft_check):
        speechgraft_check()
    ```

    Args:
        entries: What to try, such as the list that the hook of a plugin gives.
        partners: What else there is to make pairs with; by default an encoder and a decoder that ship here.
            Pairs of two partners are not tried.
        expected_failures: Reasons, by the name of a property or of one case, such as
            `"P03_batch_invariance-encoder-my-encoder"`. A case that is expected to fail and passes is an error.

    Raises:
        InputError: What was given are no entries, or there are none: then nothing would be tried.
        LookupError: An expected failure names no property and no case; the message has the nearest.
    """
    import pytest

    given = _listed("entries", entries)
    if not given:
        raise InputError("parametrize_with_checks: there are no entries, so that nothing would be tried")
    beside = stand_ins() if partners is None else _listed("partners", partners)
    trials = trials_of(groups_of(given, beside))
    for first, *others in connected(given, beside, further_pairs() if partners is None else ()):
        trials += trials_of([first], *others)
    reasons = _reasons(trials, expected_failures or {})
    cases = []
    for trial in trials:
        # Anything but a property that does not hold is no failure that somebody can have expected.
        failures = (AssertionError, pytest.fail.Exception)
        reason = reasons.get(str(trial))
        marks = [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True, raises=failures)]
        cases.append(pytest.param(trial, marks=marks, id=str(trial)))
    return pytest.mark.parametrize("speechgraft_check", cases, indirect=True)


def stand_ins() -> tuple[Registered, ...]:
    """The entries that `STAND_INS` names."""
    catalog = default_catalog()
    return catalog.encoder(STAND_INS[0]), catalog.decoder(STAND_INS[1])


def further_pairs() -> tuple[tuple[Registered, Registered], ...]:
    """The entries that `FURTHER` names."""
    catalog = default_catalog()
    return tuple((catalog.encoder(encoder), catalog.decoder(decoder)) for encoder, decoder in FURTHER)


def groups_of(entries: tuple[Registered, ...], partners: tuple[Registered, ...] = ()) -> list[tuple[Registered, ...]]:
    """Each entry alone, then each pair of an encoder and a decoder of which one is no mere partner."""
    pairs = _pairs(entries, partners)
    return [*((entry,) for entry in entries), *(pair for pair in pairs if any(each in entries for each in pair))]


def connected(
    entries: tuple[Registered, ...],
    partners: tuple[Registered, ...] = (),
    further: tuple[tuple[Registered, Registered], ...] = (),
) -> list[list[tuple[Registered, ...]]]:
    """For each connector the pairs that it is tried in, with it behind them: own parts first, `further` last."""
    pairs = [*_pairs(entries, partners), *further]
    return [[(*pair, entry) for pair in pairs] for entry in entries if entry.role == "connector" and pairs]


def _listed(what: str, given: Iterable[Registered]) -> tuple[Registered, ...]:
    """What was given, where it is a list of entries."""
    if isinstance(given, Registered | str) or not isinstance(given, Iterable):
        raise InputError(f"parametrize_with_checks: {what}: expected a list of entries, got {_told(given)}")
    listed = tuple(given)
    for each in listed:
        if not isinstance(each, Registered):
            raise InputError(f"parametrize_with_checks: {what}: expected entries, got {_told(each)}")
    return listed


def _told(given: object) -> str:
    """What was given in place of entries; of a name in the catalog, how its entry is had."""
    if isinstance(given, Registered):
        return f"the {given} alone: put it in a list"
    catalog = default_catalog()
    found = [role for role in get_args(Role) if isinstance(given, str) and given in catalog.list_names(role)]
    by = " or ".join(f"default_catalog().{role}({given!r})" for role in found)
    return f"the name {given!r}: its entry is {by}" if found else repr(given)


def _pairs(entries: tuple[Registered, ...], partners: tuple[Registered, ...]) -> list[tuple[Registered, Registered]]:
    """Each encoder with each decoder, those of `entries` first."""
    everything = (*entries, *(each for each in partners if each not in entries))
    encoders, decoders = ([each for each in everything if each.role == role] for role in ("encoder", "decoder"))
    return [(encoder, decoder) for encoder in encoders for decoder in decoders]


def _reasons(trials: list[Trial], expected: Mapping[str, str]) -> dict[str, str]:
    """The reason of each case that is expected to fail, by the case's name."""
    known = {name for trial in trials for name in (trial.property.name, str(trial))}
    unknown = next((name for name in expected if name not in known), None)
    if unknown is not None:
        near = did_you_mean(unknown, known)
        names = ", ".join(sorted({trial.property.name for trial in trials}))
        raise LookupError(f"expected_failures: no property and no case is named {unknown!r}{near}; properties: {names}")
    found = {str(trial): expected.get(str(trial), expected.get(trial.property.name)) for trial in trials}
    return {name: reason for name, reason in found.items() if reason is not None}
