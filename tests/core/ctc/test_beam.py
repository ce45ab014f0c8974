"""Prefix beam search is exact where the beam holds every prefix, and weighs words as it says."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import pytest
import torch
from brute_force import scores, summed
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.ctc import LanguageModel, WordFusion, align, beam_search, greedy
from speechgraft.errors import InputError
from speechgraft.text import Alphabet

ENOUGH = 2000
ALPHABET = Alphabet((None, " ", "a", "b"))


class Toy(LanguageModel):
    """Every pair of words has a probability of its own."""

    def start(self) -> Hashable:
        return "<s>"

    def score(self, state: Hashable, word: str) -> tuple[float, Hashable]:
        assert word and " " not in word
        return -((7 * len(str(state)) + 5 * len(word) + ord(word[0])) % 11) / 3, word

    def finish(self, state: Hashable) -> float:
        return -(len(str(state)) % 3) / 2


def weighed(text: str, alpha: float, beta: float) -> float:
    """What the toy adds to a text, by the formula."""
    model, state, total = Toy(), Toy().start(), 0.0
    for word in text.split():
        gain, state = model.score(state, word)
        total += alpha * gain + beta
    return total + alpha * model.finish(state)


@settings(max_examples=100)
@given(log_probs=scores(), data=st.data())
def test_a_wide_beam_finds_everything_with_its_probability(log_probs: torch.Tensor, data: st.DataObject) -> None:
    blank = data.draw(st.integers(0, log_probs.shape[1] - 1))
    expected = summed(log_probs, blank)
    [readings] = beam_search(log_probs[None], blank=blank, width=ENOUGH, n_best=ENOUGH)
    assert {reading.tokens: reading.score for reading in readings} == pytest.approx(expected, abs=1e-9)
    totals = [reading.total for reading in readings]
    assert totals == sorted(totals, reverse=True)


@settings(max_examples=50)
@given(log_probs=scores(max_frames=8, min_size=3, max_size=5))
def test_the_score_is_minus_the_ctc_loss(log_probs: torch.Tensor) -> None:
    [[best]] = beam_search(log_probs[None], blank=0, width=4000)
    loss = torch.nn.functional.ctc_loss(
        log_probs[:, None],
        torch.tensor([best.tokens], dtype=torch.long),
        torch.tensor([len(log_probs)]),
        torch.tensor([len(best.tokens)]),
        reduction="sum",
    )
    assert best.score == pytest.approx(-loss.item(), abs=1e-9)


@settings(max_examples=100)
@given(
    log_probs=scores(min_size=4, max_size=4, max_frames=5),
    alpha=st.floats(-1, 3),
    beta=st.floats(-2, 2),
)
def test_words_are_weighed_as_the_formula_says(log_probs: torch.Tensor, alpha: float, beta: float) -> None:
    words = WordFusion(Toy(), ALPHABET, alpha, beta)
    [readings] = beam_search(log_probs[None], blank=0, width=ENOUGH, n_best=ENOUGH, words=words)
    acoustic = summed(log_probs, 0)
    assert {reading.tokens: reading.score for reading in readings} == pytest.approx(acoustic, abs=1e-9)
    language = {tokens: weighed(ALPHABET.text(tokens), alpha, beta) for tokens in acoustic}
    assert {reading.tokens: reading.language for reading in readings} == pytest.approx(language, abs=1e-9)
    assert readings[0].total == pytest.approx(max(acoustic[each] + language[each] for each in acoustic), abs=1e-9)


@pytest.mark.parametrize(("bonus", "text"), [(-4.0, "aa"), (4.0, "a a")])
def test_a_word_is_weighed_when_its_space_is_read(bonus: float, text: str) -> None:
    """A beam of one keeps what is best at each frame, so that the weight must be there by then."""
    sure, spaced = [0.05, 0.05, 0.85, 0.05], [0.44, 0.46, 0.05, 0.05]
    logits = torch.tensor([[sure, spaced, sure]]).log()
    [[best]] = beam_search(logits, blank=0, width=1, words=WordFusion(Toy(), ALPHABET, alpha=0.0, beta=bonus))
    assert ALPHABET.text(best.tokens) == text


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32), width=st.integers(1, 8))
def test_a_batch_is_read_as_its_rows_are(seed: int, width: int) -> None:
    logits = 2 * torch.randn(3, 12, 6, generator=torch.Generator().manual_seed(seed))
    lengths = [12, 5, 0]
    together = beam_search(logits, torch.tensor(lengths), blank=2, width=width, n_best=width)
    for row, count in enumerate(lengths):
        assert together[row] == beam_search(logits[row : row + 1, :count], blank=2, width=width, n_best=width)[0]
        for reading in together[row]:
            [aligned] = align(logits[row : row + 1], [reading.tokens], [count], blank=2)
            assert reading.spans == aligned.spans


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32))
def test_sums_beat_the_best_path(seed: int) -> None:
    logits = torch.randn(1, 20, 5, generator=torch.Generator().manual_seed(seed))
    [[best]], [path] = beam_search(logits, blank=0, width=32), greedy(logits, blank=0)
    assert best.score >= path.score


def test_alignments_that_agree_outweigh_a_better_path() -> None:
    """Graves et al. 2006, figure 2: blank is the best in each frame, and yet "a" is more probable than nothing."""
    logits = torch.tensor([[[0.6, 0.4], [0.6, 0.4]]]).log()
    [read] = greedy(logits, blank=0)
    [[found, nothing]] = beam_search(logits, blank=0, n_best=2)
    assert (read.tokens, found.tokens, nothing.tokens) == ((), (1,), ())
    assert math.exp(found.score) == pytest.approx(0.64) and math.exp(nothing.score) == pytest.approx(0.36)


def test_tokens_that_are_too_improbable_begin_nothing() -> None:
    logits = torch.tensor([[[0.5, 0.3, 0.2], [0.05, 0.9, 0.05]]]).log()
    every = {each.tokens for each in beam_search(logits, blank=0, width=50, n_best=50)[0]}
    pruned = {
        each.tokens for each in beam_search(logits, blank=0, width=50, n_best=50, min_token_log_prob=math.log(0.25))[0]
    }
    assert {(2,), (1, 2), (2, 1)} < every
    assert pruned == {(), (1,)}
    # The best token of a frame stays, however improbable.
    assert beam_search(logits, blank=0, min_token_log_prob=0.0)[0][0].tokens == (1,)


def test_what_is_impossible_is_not_found() -> None:
    logits = torch.tensor([[[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]]]).log()
    [readings] = beam_search(logits, blank=0, width=9, n_best=9)
    assert [(reading.tokens, round(math.exp(reading.score), 6)) for reading in readings] == [((1,), 1.0)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width=0 and n_best=1: expected 1 <= n_best <= width"),
        ({"n_best": 0}, "n_best=0"),
        ({"width": 2, "n_best": 3}, "width=2 and n_best=3"),
        ({"min_token_log_prob": 0.5}, "min_token_log_prob=0.5, expected a logarithm"),
        ({"min_token_log_prob": math.nan}, "min_token_log_prob=nan"),
        ({"words": WordFusion(Toy(), ALPHABET)}, "alphabet of the language model has 4 tokens, but .* logits for 3"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        beam_search(torch.zeros(1, 2, 3), blank=0, **options)


@pytest.mark.parametrize("weights", [{"alpha": math.nan}, {"beta": math.inf}, {"alpha": "1"}, {"beta": True}])
def test_weights_are_finite_numbers(weights: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(weights))}=.*, expected a finite number"):
        WordFusion(Toy(), ALPHABET, **weights)
