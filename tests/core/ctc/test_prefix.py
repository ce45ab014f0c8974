"""Scores of prefixes against every path through a few frames."""

from __future__ import annotations

import math

import torch
from brute_force import scores, summed
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.ctc.prefix import PrefixScores

BLANK = 0


def beginning(texts: dict[tuple[int, ...], float], prefix: tuple[int, ...]) -> float:
    """The logarithm of the probability of all texts that begin with a prefix."""
    total = sum(math.exp(score) for text, score in texts.items() if text[: len(prefix)] == prefix)
    return math.log(total) if total else -math.inf


def near(found: float, expected: float) -> bool:
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)


@settings(max_examples=60)
@given(rows=st.lists(scores(min_size=3, max_size=3), min_size=1, max_size=3), data=st.data())
def test_prefixes_and_endings_have_the_probability_of_their_paths(rows, data):
    """Rows of several lengths in one batch, with numbers that would tell behind their ends."""
    lengths = torch.tensor([len(row) for row in rows])
    table = torch.full((len(rows), int(lengths.max()), 3), -0.1, dtype=torch.float64)
    for place, row in enumerate(rows):
        table[place, : len(row)] = row
    texts = [summed(row, BLANK) for row in rows]
    found = PrefixScores(table, lengths, BLANK)
    prefixes: list[tuple[int, ...]] = [()] * len(rows)
    for _ in range(data.draw(st.integers(0, 6))):
        tokens = torch.tensor(data.draw(st.lists(st.integers(1, 2), min_size=len(rows), max_size=len(rows))))
        which = torch.tensor(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
        found.extend(tokens, which)
        prefixes = [
            (*prefix, token) if taken else prefix
            for prefix, token, taken in zip(prefixes, tokens.tolist(), which.tolist(), strict=True)
        ]
    grown = found.of(torch.tensor([[1, 2]] * len(rows)))
    for row, (prefix, all_texts) in enumerate(zip(prefixes, texts, strict=True)):
        assert near(float(found.scores[row]), beginning(all_texts, prefix))
        assert near(float(found.ended()[row]), all_texts.get(prefix, -math.inf))
        for token in (1, 2):
            assert near(float(grown[row, token - 1]), beginning(all_texts, (*prefix, token)))


def test_rows_go_on_from_others_and_may_become_more():
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(2, 6, 4, generator=generator, dtype=torch.float64).log_softmax(-1)
    lengths = torch.tensor([6, 4])
    every = torch.ones(4, dtype=torch.bool)
    found = PrefixScores(table, lengths, BLANK)
    found.reorder(torch.tensor([0, 0, 1, 1]))
    found.extend(torch.tensor([1, 2, 1, 3]), every)
    found.reorder(torch.tensor([1, 1, 3, 2]))
    found.extend(torch.tensor([2, 3, 3, 3]), every)
    for row, (utterance, tokens) in enumerate([(0, (2, 2)), (0, (2, 3)), (1, (3, 3)), (1, (1, 3))]):
        texts = summed(table[utterance, : lengths[utterance]], BLANK)
        assert near(float(found.scores[row]), beginning(texts, tokens))
        assert near(float(found.ended()[row]), texts[tokens])


def test_what_a_frame_cannot_say_is_impossible_and_not_nan():
    table = torch.tensor([[[0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [1.0, 0.0, 0.0]]], dtype=torch.float64).log()
    found = PrefixScores(table, torch.tensor([3]), BLANK)
    yes = torch.tensor([True])
    found.extend(torch.tensor([1]), yes)
    assert near(float(found.ended()[0]), math.log(0.25))
    found.extend(torch.tensor([2]), yes)
    assert near(float(found.ended()[0]), math.log(0.25))
    found.extend(torch.tensor([1]), yes)
    assert float(found.scores[0]) == float(found.ended()[0]) == -math.inf
    assert found.of(torch.tensor([[1, 2]])).tolist() == [[-math.inf, -math.inf]]


def test_long_audio_keeps_its_precision():
    """The recursion over frames, step by step, for 2,000 frames of sharp float32 scores."""
    generator = torch.Generator().manual_seed(0)
    table = (20 * torch.randn(1, 2000, 8, generator=generator)).log_softmax(-1)
    found = PrefixScores(table, torch.tensor([2000]), BLANK)
    in_token, in_blank, last = [-math.inf] * 2001, [0.0], -1
    for frame in table[0, :, BLANK].tolist():
        in_blank.append(in_blank[-1] + frame)
    for token in (3, 5, 5, 1):
        found.extend(torch.tensor([token]), torch.tensor([True]))
        before = in_blank if token == last else [plus(*pair) for pair in zip(in_token, in_blank, strict=True)]
        in_token, in_blank, last = [-math.inf], [-math.inf], token
        for place, frame in enumerate(table[0].double().tolist()):
            stayed, blank = in_token[-1], plus(in_token[-1], in_blank[-1])
            in_token.append(plus(stayed, before[place]) + frame[token])
            in_blank.append(blank + frame[BLANK])
    assert near(float(found.ended()[0]), plus(in_token[-1], in_blank[-1]))


def plus(one: float, other: float) -> float:
    """The logarithm of a sum."""
    high = max(one, other)
    return high if high == -math.inf else high + math.log1p(math.exp(min(one, other) - high))
