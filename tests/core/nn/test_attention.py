"""Attention: the explicit path equals the fused one, masked keys count for nothing, memories are shared."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.nn.attention import CrossAttention, SelfAttention, attend, merge_heads, split_heads
from speechgraft.nn.cache import CrossStore, SelfStore

SIZES = {"queries": st.integers(1, 4), "keys": st.integers(1, 5), "seed": st.integers(0, 10**6)}


def drawn(queries, keys, seed, *, masked):
    torch.manual_seed(seed)
    query, key, value = (
        torch.randn(2, 3, places, 4, dtype=torch.float64, requires_grad=True) for places in (queries, keys, keys)
    )
    mask = torch.rand(2, 1, queries, keys) < masked
    return query, key, value, mask


@settings(max_examples=50)
@given(**SIZES, masked=st.sampled_from([0.0, 0.5, 1.0]))
def test_explicit_path_equals_fused_one_with_gradients(queries, keys, seed, masked):
    query, key, value, mask = drawn(queries, keys, seed, masked=masked)
    fused, none = attend(query, key, value, mask)
    explicit, weights = attend(query, key, value, mask, need_weights=True)
    torch.testing.assert_close(fused, explicit, rtol=0, atol=1e-12)
    assert none is None
    gradients = [torch.autograd.grad(out.square().sum(), (query, key, value)) for out in (fused, explicit)]
    for one, other in zip(*gradients, strict=True):
        assert one.isfinite().all()
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)
    visible = mask.any(dim=-1, keepdim=True)
    assert (fused.masked_select(~visible) == 0).all(), "a query whose every key is masked gets zeros"
    torch.testing.assert_close(weights.sum(dim=-1), visible[..., 0].double().expand(2, 3, queries))
    assert (weights.masked_select(~mask.expand_as(weights)) == 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_fully_masked_rows_are_zeros_in_every_precision(dtype):
    query, key, value = (torch.randn(1, 2, 3, 4, dtype=dtype, requires_grad=True) for _ in range(3))
    for need_weights in (False, True):
        mask = torch.tensor([True, False, True])[:, None].expand(3, 3)
        context, _ = attend(query, key, value, mask, need_weights=need_weights)
        assert (context[:, :, 1] == 0).all()
        gradients = torch.autograd.grad(context.sum(), (query, key, value))
        assert all(gradient.isfinite().all() for gradient in gradients)


@given(**SIZES)
@settings(max_examples=20)
def test_without_a_mask_every_key_is_seen(queries, keys, seed):
    query, key, value, mask = drawn(queries, keys, seed, masked=2.0)
    for need_weights in (False, True):
        bare, _ = attend(query, key, value, need_weights=need_weights)
        masked, _ = attend(query, key, value, mask, need_weights=need_weights)
        torch.testing.assert_close(bare, masked, rtol=0, atol=1e-12)


@settings(max_examples=30)
@given(**SIZES, scale=st.sampled_from([1.0, 0.125, 3.0]), masked=st.sampled_from([0.0, 0.5, 1.0]))
def test_scores_are_scaled_as_told_on_every_path(queries, keys, seed, scale, masked):
    query, key, value, mask = drawn(queries, keys, seed, masked=masked)
    expected, weights = attend(query * scale * 2, key, value, mask, need_weights=True)  # a head is four wide
    for options in ({}, {"need_weights": True}, {"upcast": True}):
        found, seen = attend(query, key, value, mask, scale=scale, **options)
        torch.testing.assert_close(found, expected)
        assert (seen is not None) == ("need_weights" in options)
        if seen is not None:
            torch.testing.assert_close(seen, weights)


def test_upcast_scores_are_those_of_float32_and_no_coarser_than_what_goes_in():
    query, key, value, mask = drawn(3, 5, 0, masked=0.7)
    halves = [each.detach().to(torch.float16) for each in (query, key, value)]
    _, weights = attend(*halves, mask, upcast=True, need_weights=True)
    _, wide = attend(*(each.float() for each in halves), mask, need_weights=True)
    assert weights.dtype == torch.float16
    assert torch.equal(weights, wide.half())
    assert attend(query, key, value, mask, upcast=True)[0].dtype == torch.float64


def test_dropout_leaves_weights_as_they_were():
    torch.manual_seed(0)
    query, key, value = (torch.randn(1, 1, 4, 4) for _ in range(3))
    _, weights = attend(query, key, value, need_weights=True)
    dropped, same = attend(query, key, value, dropout=1.0, need_weights=True)
    assert torch.equal(weights, same)
    assert (dropped == 0).all()


def test_heads_split_and_merge_back():
    x = torch.randn(2, 5, 12)
    assert split_heads(x, 3).shape == (2, 3, 5, 4)
    assert torch.equal(merge_heads(split_heads(x, 3)), x)


@settings(max_examples=20)
@given(cut=st.integers(1, 4), seed=st.integers(0, 10**6))
def test_a_store_stands_for_the_earlier_places(cut, seed):
    torch.manual_seed(seed)
    attention, hidden = SelfAttention(8, 2).double(), torch.randn(3, 5, 8, dtype=torch.float64)
    mask = torch.ones(5, 5, dtype=torch.bool).tril()
    whole, weights = attention(hidden, mask, need_weights=True)
    store = SelfStore()
    with torch.no_grad():
        first, _ = attention(hidden[:, :cut], mask[:cut, :cut], store=store)
        rest, rest_weights = attention(hidden[:, cut:], mask[cut:], store=store, need_weights=True)
    torch.testing.assert_close(torch.cat([first, rest], dim=1), whole, rtol=0, atol=1e-12)
    torch.testing.assert_close(rest_weights, weights[:, :, cut:], rtol=0, atol=1e-12)


@settings(max_examples=20)
@given(beams=st.integers(1, 3), tokens=st.integers(1, 3), seed=st.integers(0, 10**6))
def test_rows_that_share_an_utterance_attend_as_if_each_had_its_own(beams, tokens, seed):
    torch.manual_seed(seed)
    attention = CrossAttention(8, 2, memory_size=6).double()
    memory = torch.randn(2, 4, 6, dtype=torch.float64)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]], dtype=torch.bool)[:, None, None]
    hidden = torch.randn(2 * beams, tokens, 8, dtype=torch.float64)
    store = CrossStore()
    shared, weights = attention(hidden, memory, mask, store=store, need_weights=True)
    own, own_weights = attention(
        hidden, memory.repeat_interleave(beams, 0), mask.repeat_interleave(beams, 0), need_weights=True
    )
    torch.testing.assert_close(shared, own, rtol=0, atol=1e-12)
    torch.testing.assert_close(weights, own_weights, rtol=0, atol=1e-12)
    again, _ = attention(hidden, None, mask, store=store)
    torch.testing.assert_close(again, own, rtol=0, atol=1e-12)
