"""Disentangled attention: scores are those of the formula term by term, and distances fall into the right buckets."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.attention import SelfAttention
from speechgraft.nn.disentangled import DisentangledAttention, Distances, RelativePositions, by_distance, log_buckets
from speechgraft.nn.feed_forward import FeedForward
from speechgraft.nn.layers import PostNormEncoderLayer
from speechgraft.nn.stack import EncoderStack

TERMS = st.sampled_from([(), ("c2p",), ("p2c",), ("p2c", "c2p")])
SIZE, HEADS = 6, 2


def positions(span, longest=None, *, norm=True):
    made = RelativePositions(SIZE, span, longest=longest, norm=nn.LayerNorm(SIZE) if norm else None).double()
    for parameter in made.parameters():
        nn.init.normal_(parameter)
    return made


def vector_of(made, distance):
    """The vector of one distance, by the definition."""
    span = made.span
    if made.longest is not None:
        distance = int(log_buckets(torch.tensor([distance]), span // 2, made.longest))
    whole = made.embedding.weight if made.norm is None else made.norm(made.embedding.weight)
    return whole[min(max(distance, -span), span - 1) + span]


def weights_by_hand(attention, hidden, made):
    """Softmax of the scores of He et al. (2021), equation 4, entry by entry. One row of a batch."""
    length = len(hidden)
    own = dict(attention.distance)
    key_of, query_of = own.get("key", attention.key), own.get("query", attention.query)
    scores = torch.zeros(HEADS, length, length, dtype=torch.float64)
    for i in range(length):
        for j in range(length):
            vector = vector_of(made, i - j)
            query, key, by_key, by_query = (
                x.view(HEADS, -1)
                for x in (attention.query(hidden[i]), attention.key(hidden[j]), key_of(vector), query_of(vector))
            )
            scores[:, i, j] = (query * key).sum(-1)
            if "c2p" in attention.terms:
                scores[:, i, j] += (query * by_key).sum(-1)
            if "p2c" in attention.terms:
                scores[:, i, j] += (key * by_query).sum(-1)
    return (scores * attention.scale).softmax(dim=-1)


@settings(max_examples=60, deadline=None)
@given(
    terms=TERMS,
    shared=st.booleans(),
    length=st.integers(1, 12),
    span=st.integers(2, 8),
    beyond=st.none() | st.integers(2, 12),
    norm=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_weights_are_those_of_the_formula(terms, shared, length, span, beyond, norm, seed):
    torch.manual_seed(seed)
    longest = None if beyond is None else span // 2 + beyond
    made = positions(span, longest, norm=norm)
    attention = DisentangledAttention(SIZE, HEADS, scale=0.4, terms=terms, shared=shared).double()
    hidden = torch.randn(2, length, SIZE, dtype=torch.float64)
    context, weights = attention(hidden, None, made(length), need_weights=True)
    for row in range(2):
        torch.testing.assert_close(weights[row], weights_by_hand(attention, hidden[row], made), rtol=0, atol=1e-12)
    value = attention.value(hidden).view(2, length, HEADS, -1).transpose(1, 2)
    expected = attention.output((weights @ value).transpose(1, 2).flatten(2))
    torch.testing.assert_close(context, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("terms", [(), ("c2p",), ("p2c",), ("p2c", "c2p")])
@pytest.mark.parametrize("shared", [True, False])
def test_layers_are_those_that_the_terms_read(terms, shared):
    made = positions(4)
    attention = DisentangledAttention(SIZE, HEADS, scale=0.4, terms=terms, shared=shared).double()
    context, _ = attention(torch.randn(1, 5, SIZE, dtype=torch.float64), None, made(5))
    context.square().sum().backward()
    own = {name.split(".")[0] for name in attention.distance.state_dict()}
    assert own == (set() if shared else {{"c2p": "key", "p2c": "query"}[term] for term in terms})
    assert all(parameter.grad is not None for parameter in attention.parameters())
    assert (made.embedding.weight.grad is not None) == bool(terms)


def test_masked_keys_count_for_nothing_and_a_fully_masked_row_is_zeros():
    torch.manual_seed(0)
    made = positions(4)
    attention = DisentangledAttention(SIZE, HEADS, scale=0.4, terms=("c2p", "p2c"), shared=True).double()
    hidden = torch.randn(2, 5, SIZE, dtype=torch.float64)
    mask = torch.tensor([[1, 1, 1, 0, 0], [0, 0, 0, 0, 0]], dtype=torch.bool)[:, None, None]
    context, weights = attention(hidden, mask, made(5), need_weights=True)
    alone, _ = attention(hidden[:1, :3], None, made(3))
    torch.testing.assert_close(context[:1, :3], alone, rtol=0, atol=1e-12)
    assert not weights[0, ..., 3:].any()
    assert not weights[1].any()
    assert torch.equal(context[1], attention.output.bias.expand(5, SIZE))


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(0)
    made = positions(3, 6)
    attention = DisentangledAttention(SIZE, HEADS, scale=0.4, terms=("c2p", "p2c"), shared=False).double()
    hidden = torch.randn(1, 4, SIZE, dtype=torch.float64, requires_grad=True)
    rows = made(4).rows
    vectors = made(4).vectors.detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda x, v: attention(x, None, Distances(v, rows))[0], (hidden, vectors))


@given(batch=st.integers(1, 3), length=st.integers(1, 6))
@settings(max_examples=20, deadline=None)
def test_each_place_meets_the_vector_of_the_other_places_lead(batch, length):
    x = torch.randn(batch, HEADS, length, 3, dtype=torch.float64)
    vectors = torch.randn(2 * length + 1, HEADS * 3, dtype=torch.float64)
    found = by_distance(x, vectors)
    for i in range(length):
        for j in range(length):
            vector = vectors[j - i + length].view(HEADS, 3)
            torch.testing.assert_close(found[:, :, i, j], (x[:, :, i] * vector).sum(-1))


@settings(max_examples=100)
@given(middle=st.integers(1, 40), beyond=st.integers(2, 400))
def test_buckets_widen_with_the_distance(middle, beyond):
    longest = middle + beyond
    distances = torch.arange(0, 2 * longest)
    buckets = log_buckets(distances, middle, longest)
    assert torch.equal(buckets[: middle + 1], distances[: middle + 1])
    assert (buckets.diff() >= 0).all()
    assert int(buckets[longest - 1]) in (max(2 * middle - 1, 1), 2 * middle), "the rounding of the last bit"
    assert torch.equal(log_buckets(-distances, middle, longest), -buckets)


def test_buckets_of_the_published_models():
    found = log_buckets(torch.tensor([0, 5, 127, 128, 129, 130, 256, 511]), 128, 512)
    assert found.tolist() == [0, 5, 127, 128, 129, 130, 192, 255]


@settings(max_examples=60, deadline=None)
@given(span=st.integers(2, 12), beyond=st.none() | st.integers(2, 40), length=st.integers(1, 30))
def test_the_vectors_that_a_length_needs_are_those_of_the_whole_table(span, beyond, length):
    made = positions(span, None if beyond is None else span // 2 + beyond)
    vectors, rows = made(length)
    assert len(rows) == 2 * length + 1
    for distance in range(-length + 1, length):
        torch.testing.assert_close(vectors[rows[distance + length]], vector_of(made, distance), rtol=0, atol=1e-12)


def test_a_short_sequence_reads_a_part_of_the_table():
    assert len(positions(256, 512)(10).vectors) == 20
    assert len(positions(256, 512)(400).vectors) == 512


def test_a_stack_hands_what_is_shared_to_every_layer_in_checkpoints_too():
    torch.manual_seed(0)
    made = positions(4)
    layers = [
        PostNormEncoderLayer(
            DisentangledAttention(SIZE, HEADS, scale=0.4, terms=("c2p", "p2c"), shared=True, position_dropout=0.5),
            FeedForward(SIZE, 8, ACTIVATIONS["gelu"]),
            size=SIZE,
            eps=1e-7,
            dropout=0.5,
        )
        for _ in range(2)
    ]
    stack = EncoderStack(layers).double().train()
    hidden = torch.randn(1, 5, SIZE, dtype=torch.float64)
    found = []
    for checkpointing in (False, True):
        stack.gradient_checkpointing = checkpointing
        stack.zero_grad()
        made.zero_grad()
        torch.manual_seed(1)
        stack(hidden, None, made(5)).hidden.square().sum().backward()
        found.append([parameter.grad.clone() for parameter in (*made.parameters(), *stack.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    plain = EncoderStack(
        [
            PostNormEncoderLayer(
                SelfAttention(SIZE, HEADS), FeedForward(SIZE, 8, ACTIVATIONS["gelu"]), size=SIZE, eps=1e-7, dropout=0.5
            )
        ]
    ).double()
    with pytest.raises(TypeError, match="positional"):
        plain(hidden, None, made(5))
