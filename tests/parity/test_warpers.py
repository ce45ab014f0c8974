"""What scores go through before a token is drawn is the yardstick's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.generation import logits_process as yardstick
from yardstick import examples

from speechgraft.generation import warpers

SHARES = st.floats(0.01, 0.99)
KINDS: dict[str, tuple[Any, Any, st.SearchStrategy[Any]]] = {
    "temperature": (warpers.Temperature, yardstick.TemperatureLogitsWarper, st.floats(0.1, 5.0)),
    "top_k": (warpers.TopK, yardstick.TopKLogitsWarper, st.integers(1, 40)),
    "top_p": (warpers.TopP, yardstick.TopPLogitsWarper, SHARES),
    "top_h": (warpers.TopH, yardstick.TopHLogitsWarper, SHARES),
    "min_p": (warpers.MinP, yardstick.MinPLogitsWarper, SHARES),
    "typical_p": (warpers.TypicalP, yardstick.TypicalLogitsWarper, SHARES),
    "epsilon_cutoff": (warpers.EpsilonCutoff, yardstick.EpsilonLogitsWarper, st.floats(0.001, 0.6)),
    "eta_cutoff": (warpers.EtaCutoff, yardstick.EtaLogitsWarper, st.floats(0.001, 0.6)),
}
IDS = torch.zeros(1, 1, dtype=torch.int64)


@pytest.mark.parametrize("name", KINDS)
@examples(60)
@given(data=st.data())
def test_scores_are_the_yardsticks(data: st.DataObject, name: str) -> None:
    ours, theirs, values = KINDS[name]
    value = data.draw(values)
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 2**32 - 1)))
    rows, vocab_size = data.draw(st.integers(1, 3)), data.draw(st.sampled_from([1, 2, 7, 30, 150]))
    scores = data.draw(st.floats(0.1, 5.0)) * torch.randn(rows, vocab_size, generator=generator, dtype=torch.float64)
    if data.draw(st.booleans()):  # what rules have ruled out before
        scores[:, 1:][torch.rand(rows, vocab_size - 1, generator=generator) < 0.3] = float("-inf")
    keep = data.draw(st.integers(1, 3))
    more = {} if name in ("temperature", "top_h") else {"min_tokens_to_keep": keep}
    expected = theirs(value, **more)(IDS, scores.clone())
    found = ours(value, *more.values())(IDS, scores.clone())
    assert torch.equal(found, expected)


def test_top_k_keeps_ties_and_a_vocabulary_that_is_smaller() -> None:
    scores = torch.tensor([[1.0, 3.0, 3.0, 2.0]])
    assert warpers.TopK(1)(IDS, scores.clone()).isfinite().tolist() == [[False, True, True, False]]
    assert torch.equal(warpers.TopK(9)(IDS, scores.clone()), scores)
