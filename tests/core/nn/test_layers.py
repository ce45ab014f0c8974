"""Decoder layers with the norm first: what is added to the hidden states, and what is left out without a memory."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from speechgraft.nn.attention import CrossAttention, SelfAttention
from speechgraft.nn.cache import CrossStore, SelfStore
from speechgraft.nn.feed_forward import FeedForward
from speechgraft.nn.layers import PreNormDecoderLayer

MASK = torch.ones(3, 3, dtype=torch.bool).tril()[None, None]


@pytest.fixture
def layer():
    torch.manual_seed(0)
    made = PreNormDecoderLayer(
        SelfAttention(8, 2),
        CrossAttention(8, 2, memory_size=6),
        FeedForward(8, 5, torch.tanh),
        size=8,
        eps=1e-5,
        dropout=0.5,
    ).double()
    for norm in made.children():
        if isinstance(norm, nn.LayerNorm):
            nn.init.normal_(norm.weight)
    return made.eval()


def test_each_part_reads_its_norm_and_adds_to_the_hidden_states(layer):
    hidden, memory = torch.randn(2, 3, 8).double(), torch.randn(2, 4, 6).double()
    frames = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]).bool()[:, None, None]
    first = hidden + layer.self_attention(layer.self_attention_norm(hidden), MASK)[0]
    second = first + layer.cross_attention(layer.cross_attention_norm(first), memory, frames)[0]
    third = second + layer.feed_forward(layer.feed_forward_norm(second))
    found, weights, cross_weights = layer(hidden, MASK, memory, frames, need_weights=True)
    torch.testing.assert_close(found, third)
    assert weights.shape == (2, 2, 3, 3) and cross_weights.shape == (2, 2, 3, 4)
    found, weights, cross_weights = layer(hidden, MASK, None, None)
    torch.testing.assert_close(found, first + layer.feed_forward(layer.feed_forward_norm(first)))
    assert weights is None and cross_weights is None


def test_a_memory_that_was_read_is_attended_to_again(layer):
    hidden, memory = torch.randn(2, 3, 8).double(), torch.randn(2, 4, 6).double()
    whole, _, _ = layer(hidden, MASK, memory, None)
    stores = SelfStore(), CrossStore()
    with torch.no_grad():
        layer(hidden[:, :2], MASK[..., :2, :2], memory, None, stores)
        last, _, _ = layer(hidden[:, 2:], None, None, None, stores)
    torch.testing.assert_close(last, whole[:, 2:])


def test_what_attentions_add_is_dropped_in_training(layer):
    hidden, memory = torch.ones(1, 1, 8).double(), torch.randn(1, 4, 6).double()
    layer.train()
    added = torch.stack([layer(hidden, None, memory, None)[0] for _ in range(8)])
    assert len(added.unique(dim=0)) > 1
