"""Masks: true is what counts."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from speechgraft.contracts import lengths_of
from speechgraft.nn.masks import both, causal_mask, is_right_padded, key_mask, length_mask

CPU = torch.device("cpu")


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4))
def test_lengths_and_masks_tell_the_same(lengths):
    mask = length_mask(torch.tensor(lengths), 6)
    assert mask.dtype == torch.bool
    assert lengths_of(mask).tolist() == lengths
    assert is_right_padded(mask).all()


@given(st.lists(st.booleans(), min_size=1, max_size=6))
def test_right_padded_is_ones_then_zeros(row):
    expected = row == sorted(row, reverse=True)
    for kind in (torch.bool, torch.int64, torch.float32):
        assert is_right_padded(torch.tensor([row]).to(kind)).tolist() == [expected]


@given(queries=st.integers(1, 5), seen=st.integers(0, 4))
def test_each_query_sees_the_keys_up_to_its_own_place(queries, seen):
    mask = causal_mask(queries, seen + queries, CPU)
    expected = [[key <= seen + query for key in range(seen + queries)] for query in range(queries)]
    if mask is None:
        assert queries == 1
        assert all(expected[0])
    else:
        assert mask.shape == (1, 1, queries, seen + queries)
        assert mask[0, 0].tolist() == expected


def test_no_mask_lets_everything_through():
    mask = torch.tensor([[True, False]])
    assert both(None, None) is None
    assert both(mask, None) is mask
    assert both(None, mask) is mask
    assert both(mask, ~mask).tolist() == [[False, False]]
    assert key_mask(None) is None
    assert key_mask(mask.long()).shape == (1, 1, 1, 2)
