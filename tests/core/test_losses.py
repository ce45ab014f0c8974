"""Losses by the number of label tokens; -100 counts for nothing."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft import losses
from speechgraft.errors import InputError

LABELS = st.lists(st.lists(st.sampled_from([-100, 0, 1, 2, 3]), min_size=4, max_size=4), min_size=1, max_size=3).map(
    torch.tensor
)


@given(LABELS)
def test_shifting_puts_the_start_first_and_padding_for_what_is_ignored(labels):
    shifted = losses.shift_right(labels, start=9, pad=7)
    expected = [[9, *(7 if token == -100 else token for token in row[:-1])] for row in labels.tolist()]
    assert shifted.tolist() == expected


@given(LABELS)
def test_label_lengths_go_to_the_last_label_that_counts(labels):
    expected = [
        max((place + 1 for place, token in enumerate(row) if token != -100), default=0) for row in labels.tolist()
    ]
    assert losses.label_lengths(labels).tolist() == expected


@settings(max_examples=40)
@given(labels=LABELS, seed=st.integers(0, 10**6), count=st.integers(1, 20))
def test_cross_entropy_is_a_sum_over_the_count(labels, seed, count):
    torch.manual_seed(seed)
    logits = torch.randn(*labels.shape, 5, dtype=torch.float64)
    log_probs = logits.log_softmax(dim=-1)
    expected = -sum(
        log_probs[row, place, token]
        for row, tokens in enumerate(labels.tolist())
        for place, token in enumerate(tokens)
        if token != -100
    ) + torch.zeros([], dtype=torch.float64)
    torch.testing.assert_close(losses.cross_entropy(logits, labels, count), expected / count, rtol=0, atol=1e-10)


def test_nothing_to_learn_from_is_an_error():
    assert losses.count_labels(torch.tensor([[-100, 3], [2, -100]])) == 2
    with pytest.raises(InputError, match="every label is -100"):
        losses.count_labels(torch.full((2, 3), -100))


def ctc(labels, logits=None, **options):
    labels = torch.tensor(labels)
    torch.manual_seed(0)
    logits = torch.randn(len(labels), 9, 6, dtype=torch.float64) if logits is None else logits
    options = {"frames": torch.tensor([9, 6])[: len(labels)], "skipped": {0, 5}, "blank": 0, "count": 4} | options
    return losses.ctc(logits, labels=labels, **options)


def test_ctc_sums_over_rows_without_special_tokens_and_ignored_labels():
    torch.manual_seed(0)
    log_probs = torch.randn(2, 9, 6, dtype=torch.float64).log_softmax(dim=-1)
    rows = [
        F.ctc_loss(log_probs[row, :frames, None], torch.tensor([target]), [frames], [len(target)], reduction="sum")
        for row, (frames, target) in enumerate([(9, [1, 2, 3]), (6, [4])])
    ]
    found = ctc([[1, 2, 3, 5], [5, 4, -100, -100]])
    torch.testing.assert_close(found, (rows[0] + rows[1]) / 4, rtol=0, atol=1e-10)
    assert found.dtype == torch.float64


def test_ctc_counts_rows_zero_whose_labels_do_not_fit_their_frames():
    assert float(ctc([[1, 1, 1, 1]], frames=torch.tensor([3]))) == 0.0
    assert ctc([[1, 2]], logits=torch.randn(1, 9, 6, dtype=torch.bfloat16)).dtype == torch.float32


def test_ctc_refuses_what_its_head_cannot_say():
    with pytest.raises(InputError, match=r"labels hold id 6 in row 1, place 0, but the CTC head has 6 tokens"):
        ctc([[1, 2], [6, 2]])
    with pytest.raises(InputError, match=r"the blank is token 6 \(pad_token_id\), but the CTC head has 6 tokens"):
        ctc([[1, 2]], blank=6)
    assert ctc([[1, 8]], skipped={8}).isfinite()
