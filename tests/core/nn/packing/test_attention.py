"""Prepared decoders' parts: one product for query, key and value, activations within a product, few rows."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.attention import SelfAttention
from speechgraft.nn.cache import SelfStore
from speechgraft.nn.feed_forward import FeedForward
from speechgraft.nn.packing import can_pack, prepared, weights

pytestmark = pytest.mark.skipif(not can_pack(), reason="this torch has no oneDNN operators")


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def attention(seed: int = 0, **options) -> SelfAttention:
    torch.manual_seed(seed)
    return SelfAttention(12, 3, **options).eval()


@torch.no_grad()
@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 99),
    parts=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    stored=st.booleans(),
    need_weights=st.booleans(),
    scale=st.sampled_from([None, 0.3]),
)
def test_joined_projections_give_the_same(seed, parts, stored, need_weights, scale):
    layer = attention(seed, scale=scale)
    runs = []
    for packed in (False, True):
        torch.manual_seed(seed)
        store = SelfStore() if stored else None
        with prepared(layer, packed=packed):
            assert ("forward" in vars(layer)) is packed
            runs.append([layer(torch.randn(2, n, 12), store=store, need_weights=need_weights) for n in parts])
    for (expected, weights_expected), (found, weights_found) in zip(*runs, strict=True):
        close(found, expected)
        assert (weights_found is None) is not need_weights
        if need_weights:
            close(weights_found, weights_expected)


def test_layers_that_became_one_are_not_packed_again():
    layer = attention()
    with torch.no_grad(), prepared(layer, packed=True):
        assert not any("forward" in vars(each) for each in (layer.query, layer.key, layer.value))
        assert "forward" in vars(layer.output)
        with prepared(layer, packed=True):
            assert "forward" not in vars(layer.query)


def test_each_layer_is_packed_where_the_packed_form_takes_its_place():
    layer, hidden = attention(), torch.randn(2, 3, 12)
    with torch.no_grad():
        expected, _ = layer(hidden)
        with prepared(layer, packed=True, replace=True):
            assert layer.query.weight.is_meta
            close(layer(hidden)[0], expected)
        assert torch.equal(layer(hidden)[0], expected)


@torch.no_grad()
def test_a_changed_bias_is_joined_anew():
    layer, hidden = attention(), torch.randn(1, 2, 12)
    for _ in range(2):
        with prepared(layer, packed=True):
            found, _ = layer(hidden)
        close(found, layer(hidden)[0])
        layer.value.bias += 1


@torch.no_grad()
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_is_the_same_within_a_product_and_behind_it(name):
    torch.manual_seed(0)
    layer, hidden = FeedForward(8, 12, ACTIVATIONS[name]).eval(), 3 * torch.randn(2, 3, 8)
    with prepared(layer, packed=True):
        assert ("forward" in vars(layer)) is (ACTIVATIONS[name] in weights.FUSED)
        close(layer(hidden), FeedForward.forward(layer, hidden))


@torch.no_grad()
@pytest.mark.parametrize("shape", [(0, 64), (1, 64), (1, 1, 64), (2, 1, 64), (1, 2, 64), (3, 64), (5, 64)])
def test_few_rows_of_a_large_matrix_give_the_same(shape):
    torch.manual_seed(0)
    linear = nn.Linear(64, 2**14)
    assert linear.weight.numel() >= weights._LARGE
    x = torch.randn(shape)
    found = weights.multiply(x, weights.pack(linear.weight), linear.bias)
    assert found.shape == (*shape[:-1], 2**14)
    close(found, linear(x))
