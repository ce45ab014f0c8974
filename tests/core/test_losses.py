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


@given(st.integers(1, 10**6), st.booleans())
def test_a_stated_number_of_tokens_goes_before_those_that_are_there(count, as_tensor):
    labels = torch.tensor([[1, -100]])
    assert losses.tokens_of(labels, None) == 1
    assert losses.tokens_of(labels, torch.tensor(count) if as_tensor else count) == count


@pytest.mark.parametrize("count", [0, -1, 0.0, float("nan"), float("inf"), True, "4", torch.tensor([1, 2])])
def test_a_number_of_tokens_that_divides_nothing_is_refused(count):
    with pytest.raises(InputError, match=r"num_items_in_batch is .*, expected the number of label tokens"):
        losses.tokens_of(torch.tensor([[1]]), count)
    if isinstance(count, int | float):
        with pytest.raises(InputError, match="num_items_in_batch is"):
            losses.tokens_of(torch.tensor([[1]]), torch.tensor(count))


def ctc(labels, logits=None, **options):
    labels = torch.tensor(labels)
    torch.manual_seed(0)
    logits = torch.randn(len(labels), 9, 6, dtype=torch.float64) if logits is None else logits
    options = {"frames": torch.tensor([9, 6])[: len(labels)], "skipped": {5}, "blank": 0} | options
    return losses.ctc(logits, labels=labels, **options)


def test_ctc_sums_over_rows_without_special_tokens_and_ignored_labels():
    torch.manual_seed(0)
    log_probs = torch.randn(2, 9, 6, dtype=torch.float64).log_softmax(dim=-1)
    rows = [
        F.ctc_loss(log_probs[row, :frames, None], torch.tensor([target]), [frames], [len(target)], reduction="sum")
        for row, (frames, target) in enumerate([(9, [1, 2, 3]), (6, [4])])
    ]
    found = ctc([[1, 2, 3, 5], [5, 4, -100, -100]])
    torch.testing.assert_close(found, rows[0] + rows[1], rtol=0, atol=1e-10)
    assert found.dtype == torch.float64
    mean = ctc([[0, 1, 2, 3, 5], [5, 4, -100, -1, 0]], reduction="mean")
    torch.testing.assert_close(mean, (rows[0] / 3 + rows[1]) / 2, rtol=0, atol=1e-10)


def test_ctc_counts_rows_zero_whose_labels_do_not_fit_their_frames_where_that_is_asked_for():
    assert float(ctc([[1, 1, 1, 1]], frames=torch.tensor([6]), zero_infinity=True)) == 0.0
    assert ctc([[1, 2]], logits=torch.randn(1, 9, 6, dtype=torch.bfloat16)).dtype == torch.float32


@settings(max_examples=60)
@given(
    rows=st.lists(st.lists(st.integers(-1, 3), min_size=5, max_size=5), min_size=1, max_size=3),
    frames=st.integers(1, 9),
)
def test_ctc_refuses_the_rows_whose_loss_would_be_infinite_and_no_others(rows, frames):
    labels, logits = torch.tensor(rows), torch.zeros(len(rows), 9, 6, dtype=torch.float64)
    kept = labels > 0
    each = F.ctc_loss(
        logits.log_softmax(-1).transpose(0, 1),
        labels[kept],
        torch.full((len(rows),), frames),
        kept.sum(1),
        reduction="none",
    )
    infinite = each.isinf().nonzero().flatten().tolist()
    call = {"labels": labels, "logits": logits, "frames": torch.full((len(rows),), frames), "blank": 0}
    if infinite:
        with pytest.raises(
            InputError, match=rf"labels of row {infinite[0]} need \d+ frames .* has {frames}; with ctc_z"
        ):
            losses.ctc(**call)
    else:
        torch.testing.assert_close(losses.ctc(**call), each.sum(), rtol=0, atol=1e-10)


def test_ctc_refuses_what_its_head_cannot_say():
    with pytest.raises(InputError, match=r"labels hold id 6 in row 1, place 0, but the CTC head has 6 tokens"):
        ctc([[1, 2], [6, 2]])
    with pytest.raises(InputError, match=r"the blank is token 6 \(pad_token_id\), but the CTC head has 6 tokens"):
        ctc([[1, 2]], blank=6)
    assert ctc([[1, 8]], skipped={8}).isfinite()


def test_classification_is_the_loss_of_its_kind():
    logits = torch.tensor([[1.0, -1.0], [0.5, 2.0]], dtype=torch.float64)
    classes = torch.tensor([1, 0])
    expected = -logits.log_softmax(-1)[[0, 1], classes].mean()
    for labels in (classes, classes[:, None], classes.int()):
        torch.testing.assert_close(losses.classification(logits, labels, "single_label_classification"), expected)
    targets = torch.tensor([[0.5, 1.0], [-3.0, 2.0]])
    torch.testing.assert_close(losses.classification(logits, targets, "regression"), (logits - targets).square().mean())
    torch.testing.assert_close(
        losses.classification(logits[:, :1], torch.tensor([2, 3]), "regression"),
        (logits[:, 0] - torch.tensor([2.0, 3.0])).square().mean(),
    )
    several = torch.tensor([[1, 0], [1, 1]])
    likely = torch.where(several.bool(), logits.sigmoid(), 1 - logits.sigmoid())
    torch.testing.assert_close(
        losses.classification(logits, several, "multi_label_classification"), -likely.log().mean()
    )


@pytest.mark.parametrize(
    ("labels", "kind", "message"),
    [
        ([0, 2], "single_label_classification", r"labels hold 2 in row 1, but there are 2 classes \(0 to 1\)"),
        ([-100, 1], "single_label_classification", r"labels hold -100 in row 0"),
        ([0.0, 1.0], "single_label_classification", r"labels are torch.float32"),
        ([0, 1, 1], "single_label_classification", r"labels have shape \(3,\), but \(2,\) was expected"),
        (0, "single_label_classification", r"labels have shape \(\)"),
        ([1.0, 2.0], "regression", r"labels have shape \(2,\), but \(2, 2\) was expected"),
        ([[1.0, 2.0], [float("nan"), 1.0]], "regression", r"labels hold nan in row 1, but a number was expected"),
        ([[1, 0], [1, 2]], "multi_label_classification", r"labels hold 2.0 in row 1, but between 0 and 1 was expected"),
    ],
)
def test_classification_refuses_labels_that_are_none(labels, kind, message):
    with pytest.raises(InputError, match=message):
        losses.classification(torch.zeros(2, 2), torch.tensor(labels), kind)
