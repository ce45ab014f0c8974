from __future__ import annotations

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgraft.train.metrics import Errors, character_errors, total, word_errors

words = st.lists(st.sampled_from(["one", "two", "three", "a-b"]), max_size=6).map(" ".join)


def distance(left, right):
    """Levenshtein's, by its definition."""
    row = list(range(len(right) + 1))
    for number, item in enumerate(left, start=1):
        above, row = row, [number]
        for place, other in enumerate(right, start=1):
            row.append(min(above[place] + 1, row[-1] + 1, above[place - 1] + (item != other)))
    return row[-1]


@given(words, words)
def test_counts_are_those_of_the_shortest_alignment(reference, hypothesis):
    for found, (said, heard) in {
        word_errors(reference, hypothesis): (reference.split(), hypothesis.split()),
        character_errors(reference, hypothesis): (reference, hypothesis),
    }.items():
        assert found.wrong == distance(said, heard)
        assert found.said == len(said)
        assert found.hits + found.substitutions + found.insertions == len(heard)


@given(st.lists(st.tuples(words.filter(bool), words), min_size=1, max_size=4))
def test_summed_counts_give_the_rate_of_the_corpus(pairs):
    references, hypotheses = (list(texts) for texts in zip(*pairs, strict=True))
    found = total(word_errors(*pair) for pair in pairs)
    assert found.rate == pytest.approx(jiwer.wer(references, hypotheses))


def test_nothing_said():
    assert word_errors("", "").rate == 0
    assert word_errors("", "two words") == Errors(insertions=2)
    assert word_errors("", "two words").rate == 1
