"""Beam search against a slow textbook one, over a decoder that is a table."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import attrs
import pytest
import torch
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from table_steps import TableSteps
from textbook import Hypothesis, Terms, search

from speechgraft.errors import InputError
from speechgraft.generation.beam import Beams, beam_search
from speechgraft.generation.output import Found
from speechgraft.generation.stopping import Stopping

PAD = 0


@attrs.frozen
class Drawn:
    """A decoder, and what is asked for."""

    utterances: int
    vocab_size: int
    seed: int
    prompt: torch.Tensor
    terms: Terms

    def steps(self) -> TableSteps:
        return TableSteps(self.utterances, self.vocab_size, self.seed)

    def found(self, **options: Any) -> Found:
        terms = self.terms
        beams = Beams(
            terms.num_beams,
            terms.num_beams,
            length_penalty=terms.length_penalty,
            early_stopping=terms.early_stopping,
            groups=terms.num_beam_groups,
            diversity_penalty=terms.diversity_penalty,
        )
        call = {"limit": terms.limit, "stopping": Stopping(terms.ends), "pad": PAD, "steps": self.steps(), **options}
        return beam_search(call.pop("steps"), self.prompt, beams, **call)

    def expected(self, utterance: int) -> list[Hypothesis]:
        steps = self.steps()
        prompt = tuple(self.prompt[utterance].tolist())
        return search(lambda tokens: steps.log_probs(utterance, tokens), prompt, self.terms)


@st.composite
def drawn_searches(draw: st.DrawFn, *, groups: bool = False, least: int = 1) -> Drawn:
    utterances, vocab_size = draw(st.integers(1, 3)), draw(st.integers(3, 9))
    prompt = torch.tensor(
        draw(st.lists(st.lists(st.integers(0, vocab_size - 1), min_size=2, max_size=2), min_size=3, max_size=3))
    )[:utterances]
    divided = draw(st.integers(2, 3)) if groups else 1
    return Drawn(
        utterances,
        vocab_size,
        draw(st.integers(0, 2**32)),
        prompt,
        Terms(
            limit=draw(st.integers(3, 9)),
            ends=frozenset(draw(st.lists(st.integers(1, vocab_size - 1), max_size=2))),
            num_beams=divided * draw(st.integers(least, 4 // divided + 1)),
            num_beam_groups=divided,
            diversity_penalty=draw(st.sampled_from([0.3, 1.0, 10.0])) if groups else 0.0,
            length_penalty=draw(st.sampled_from([1.0, 0.0, 0.5, 2.0, -1.0])),
            early_stopping=draw(st.sampled_from([False, True, "never"])),
        ),
    )


def same_as_the_textbook(drawn: Drawn, found: Found, expected: list[list[Hypothesis]]) -> None:
    """Every hypothesis of every utterance; places that none fills hold the prompt."""
    scores = found.sequences_scores.view(drawn.utterances, -1).tolist()
    rows = found.sequences.view(drawn.utterances, drawn.terms.num_beams, -1).tolist()
    for utterance, hypotheses in enumerate(expected):
        for place, (score, row) in enumerate(zip(scores[utterance], rows[utterance], strict=True)):
            known = place < len(hypotheses)
            tokens = list(hypotheses[place].tokens if known else drawn.prompt[utterance].tolist())
            assert row == tokens + [PAD] * (len(row) - len(tokens))
            assert math.isclose(score, hypotheses[place].score if known else -math.inf, rel_tol=1e-9)


@settings(max_examples=80)
@given(drawn=drawn_searches())
def test_hypotheses_are_those_of_the_textbook(drawn):
    expected = [drawn.expected(utterance) for utterance in range(drawn.utterances)]
    assume(all(expected))
    event(f"{len({len(found.tokens) for hypotheses in expected for found in hypotheses})} lengths")
    same_as_the_textbook(drawn, drawn.found(), expected)


@settings(max_examples=60)
@given(drawn=drawn_searches(groups=True))
def test_diverse_groups_are_those_of_the_textbook(drawn):
    expected = [drawn.expected(utterance) for utterance in range(drawn.utterances)]
    assume(all(expected))
    same_as_the_textbook(drawn, drawn.found(), expected)


@settings(max_examples=25)
@given(drawn=drawn_searches())
def test_scores_are_sums_of_log_probabilities_and_beam_indices_tell_which(drawn):
    found = drawn.found(keep_scores=True, keep_logits=True)
    start = drawn.prompt.shape[1]
    for row, (tokens, origins, score) in enumerate(
        zip(found.sequences.tolist(), found.beam_indices.tolist(), found.sequences_scores.tolist(), strict=True)
    ):
        length = sum(origin >= 0 for origin in origins)
        assert all(origin // drawn.terms.num_beams == row // drawn.terms.num_beams for origin in origins[:length])
        places = list(enumerate(zip(origins[:length], tokens[start : start + length], strict=True)))
        for kept in (found.scores, tuple(logits.log_softmax(-1) for logits in found.logits)):
            total = sum(float(kept[step][origin, token]) for step, (origin, token) in places)
            if length:
                assert math.isclose(total / length**drawn.terms.length_penalty, score, rel_tol=1e-9)


@settings(max_examples=25)
@given(drawn=drawn_searches())
def test_utterances_that_are_settled_leave_the_batch(drawn):
    """Each step has as many rows as the utterances have that are not settled yet, searched alone."""
    steps = drawn.steps()
    drawn.found(steps=steps)
    alone = []
    for utterance in range(drawn.utterances):
        single = TableSteps(utterance + 1, drawn.vocab_size, drawn.seed)
        single.keep_rows(torch.tensor([utterance]))
        one = attrs.evolve(drawn, prompt=drawn.prompt[utterance : utterance + 1])
        beams = Beams(
            drawn.terms.num_beams,
            length_penalty=drawn.terms.length_penalty,
            early_stopping=drawn.terms.early_stopping,
        )
        numbered = Renumbered(single)
        beam_search(numbered, one.prompt, beams, limit=one.terms.limit, stopping=Stopping(one.terms.ends), pad=PAD)
        alone.append(single.widths)
    longest = max(len(widths) for widths in alone)
    assert steps.widths == [sum(w[step] for w in alone if step < len(w)) for step in range(longest)]


class Renumbered:
    """One utterance of a table as if it were the first of a batch."""

    def __init__(self, steps: TableSteps) -> None:
        self.steps = steps
        self.utterances = torch.zeros(1, dtype=torch.int64)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.steps, name)

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        return self.steps(rows)


@settings(max_examples=30)
@given(drawn=drawn_searches())
def test_settled_tokens_only_grow_and_become_the_best_hypothesis(drawn):
    told: dict[int, list[list[int]]] = {utterance: [] for utterance in range(drawn.utterances)}
    found = drawn.found(watch=lambda utterance, ids: told[utterance].append(ids.tolist()))
    best = found.sequences.view(drawn.utterances, drawn.terms.num_beams, -1)[:, 0]
    lengths = (found.beam_indices.view(drawn.utterances, drawn.terms.num_beams, -1)[:, 0] >= 0).sum(-1)
    for utterance, rows in told.items():
        assert all(row == later[: len(row)] and len(row) < len(later) for row, later in pairwise(rows))
        end = drawn.prompt.shape[1] + int(lengths[utterance])
        assert rows[-1] == best[utterance, :end].tolist()


def test_tokens_are_told_before_the_end_where_all_beams_have_them_in_common():
    """A table so sharp that beams differ in late tokens alone."""
    told = []
    drawn = Drawn(1, 9, 3, torch.ones(1, 1, dtype=torch.int64), Terms(limit=9, ends=frozenset(), num_beams=2))
    steps = TableSteps(1, 9, 3, spread=8.0)
    drawn.found(steps=steps, watch=lambda _, ids: told.append(len(ids)))
    assert len(told) > 2
    assert told[-1] == 9


def test_rows_are_only_reordered_where_their_order_changes():
    drawn = Drawn(1, 9, 3, torch.ones(1, 1, dtype=torch.int64), Terms(limit=12, ends=frozenset(), num_beams=3))
    steps = drawn.steps()
    found = drawn.found(steps=steps)
    assert 0 < len(steps.orders) < len(steps.widths) - 1
    assert steps.widths == [1, *[3] * 10]
    assert found.sequences.shape == (3, 12)


def test_own_criteria_end_hypotheses_and_see_the_scores_behind_them():
    """Hypotheses end where two 4s stand; the scores are those of the row that was continued."""
    drawn = Drawn(2, 6, 1, torch.ones(2, 1, dtype=torch.int64), Terms(limit=8, ends=frozenset({5}), num_beams=3))
    steps = drawn.steps()

    def criterion(ids, scores):
        assert scores.shape == (len(ids), 6)
        for utterance, row, told in zip(steps.utterances.repeat_interleave(6), ids.tolist(), scores, strict=True):
            expected = torch.tensor(steps.log_probs(int(utterance), tuple(row[:-1])), dtype=torch.float64)
            assert torch.allclose(told - told.logsumexp(-1), expected)
        return (ids == 4).sum(dim=1) >= 2

    found = drawn.found(steps=steps, stopping=Stopping({5}, [criterion]))
    for row, origins in zip(found.sequences.tolist(), found.beam_indices.tolist(), strict=True):
        tokens = row[: 1 + sum(origin >= 0 for origin in origins)]
        assert 5 not in tokens[:-1]
        assert tokens[:-1].count(4) < 2
        assert tokens[-1] == 5 or tokens.count(4) == 2 or len(tokens) == 8


def test_drawn_continuations_have_their_probability():
    """Two candidates drawn without replacement, the better of which goes on: by a chi-squared test."""
    steps = TableSteps(1, 5, 0)
    probabilities = torch.tensor(steps.log_probs(0, (1,)), dtype=torch.float64).exp().tolist()
    expected = [0.0] * 5
    for first, one in enumerate(probabilities):
        for second, other in enumerate(probabilities):
            if first != second:
                expected[max(first, second, key=lambda token: probabilities[token])] += one * other / (1 - one)
    count, generator = 4000, torch.Generator().manual_seed(0)

    class Same(TableSteps):
        def logits(self, utterance, tokens):
            return steps.logits(0, tokens)

    prompt = torch.ones(count, 1, dtype=torch.int64)
    drawn = beam_search(
        Same(count, 5, 0), prompt, Beams(1, sample=True), limit=3, stopping=Stopping(()), pad=0, generator=generator
    )
    seen = drawn.sequences[:, 1].bincount(minlength=5).tolist()
    distance = sum((s - count * e) ** 2 / (count * e) for s, e in zip(seen, expected, strict=True) if e > 0)
    assert distance < 20.5, "chi-squared with 4 degrees of freedom: 0.9996"


def test_draws_go_by_their_generator():
    drawn = Drawn(2, 9, 1, torch.ones(2, 1, dtype=torch.int64), Terms(limit=9, ends=frozenset({2}), num_beams=3))

    def sampled(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        call = {"limit": 9, "stopping": Stopping({2}), "pad": 0, "generator": generator}
        return beam_search(drawn.steps(), drawn.prompt, Beams(3, 3, sample=True), **call).sequences

    assert torch.equal(sampled(0), sampled(0))
    assert not torch.equal(sampled(0), sampled(1))


def test_nothing_new_is_the_prompt_alone():
    drawn = Drawn(2, 5, 0, torch.tensor([[1, 2], [3, 4]]), Terms(limit=2, ends=frozenset({2}), num_beams=2))
    found = drawn.found(keep_scores=True)
    assert found.sequences.tolist() == [[1, 2], [1, 2], [3, 4], [3, 4]]
    assert found.beam_indices.shape == (4, 0)
    assert found.scores == ()
    assert found.logits is None


def test_an_utterance_that_cannot_go_on_is_refused_and_named():
    drawn = Drawn(2, 5, 0, torch.ones(2, 1, dtype=torch.int64), Terms(limit=6, ends=frozenset(), num_beams=2))

    def rule(ids, scores):
        scores[len(scores) // 2 :] = -math.inf if ids.shape[1] == 3 else scores[len(scores) // 2 :]
        return scores

    with pytest.raises(InputError, match="row 1 of the batch cannot go on at step 3: every token is ruled out"):
        drawn.found(rules=[rule])


def test_impossible_numbers_of_beams_are_refused():
    with pytest.raises(InputError, match="num_return_sequences=3, expected 1 to num_beams=2"):
        Beams(2, 3)
    with pytest.raises(InputError, match="num_beams=4 cannot be divided into num_beam_groups=3"):
        Beams(4, groups=3)
