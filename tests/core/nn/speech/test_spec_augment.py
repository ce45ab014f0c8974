"""SpecAugment: spans stay in their row, are no more than asked, and hide what they should."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.errors import InputError
from speechgraft.nn.speech.spec_augment import Spans, SpecAugment

SPANS = st.builds(
    Spans, probability=st.sampled_from([0.0, 0.05, 0.5, 1.0]), length=st.integers(1, 12), minimum=st.integers(0, 4)
)


@settings(max_examples=100)
@given(spans=SPANS, lengths=st.lists(st.integers(0, 15), min_size=1, max_size=4), seed=st.integers(0, 10**6))
def test_spans_stay_in_their_row_and_are_no_more_than_asked(spans, lengths, seed):
    torch.manual_seed(seed)
    size = max(lengths) + 2
    mask = spans.draw(torch.tensor(lengths), size)
    assert mask.shape == (len(lengths), size)
    for row, length in zip(mask, lengths, strict=True):
        assert not row[length:].any()
        most = max(math.floor(spans.probability * length / spans.length + 1), spans.minimum)
        starts = [place for place in range(size) if row[place] and (place == 0 or not row[place - 1])]
        assert len(starts) <= most
        assert int(row.sum()) <= most * spans.length
        if length < spans.length:
            assert not row.any(), "a row shorter than a span gets none"
        elif spans.minimum:
            assert int(row.sum()) >= spans.length, "the minimum holds wherever a span fits"
        for start in starts:
            assert row[start : start + spans.length].all()
            assert start + spans.length <= length


def test_spans_cover_about_their_share():
    torch.manual_seed(0)
    mask = Spans(0.3, 5).draw(torch.full((50,), 200), 200)
    assert 0.2 < float(mask.double().mean()) < 0.3  # below it, for spans overlap


def augment(**options):
    torch.manual_seed(0)
    options = {"time": Spans(0.5, 2, 1), "feature": Spans(0.5, 2, 1)} | options
    made = SpecAugment(6, **options).double()
    torch.nn.init.normal_(made.embedding)
    return made


HIDDEN = torch.randn(2, 8, 6, dtype=torch.float64)


def test_masked_frames_become_the_embedding_and_masked_channels_zero():
    made = augment(feature=Spans(0.0, 2)).train()
    out = made(HIDDEN, torch.tensor([8, 4]))
    changed = (out != HIDDEN).any(dim=-1)
    assert changed.any()
    assert not changed[1, 4:].any()
    assert (out[changed] == made.embedding).all()
    silent = augment(time=Spans(0.0, 2)).train()(HIDDEN, None)
    zero = (silent == 0).all(dim=1)
    assert zero.any(dim=1).all()
    assert torch.equal(silent, HIDDEN.masked_fill(zero[:, None], 0.0))


def test_given_frames_are_masked_in_eval_mode_too_and_nothing_is_drawn():
    made = augment().eval()
    assert torch.equal(made(HIDDEN, None), HIDDEN)
    given_frames = torch.zeros(2, 8, dtype=torch.int64)
    given_frames[0, 3] = 1
    out = made(HIDDEN, None, given_frames)
    assert torch.equal(out[0, 3], made.embedding)
    assert int((out != HIDDEN).any(dim=-1).sum()) == 1


def test_switched_off_it_draws_nothing_in_training():
    assert torch.equal(augment(enabled=False).train()(HIDDEN, None), HIDDEN)


@pytest.mark.parametrize("given", [torch.zeros(2, 7).bool(), torch.zeros(1, 8).bool(), torch.zeros(2, 8)])
def test_given_masks_of_another_shape_or_kind_are_refused(given):
    with pytest.raises(InputError, match=r"mask_time_indices has shape \(\d, \d\) of .*, but \(2, 8\) of torch.bool"):
        augment()(HIDDEN, None, given)
