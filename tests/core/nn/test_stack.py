"""Stacks of layers: what is kept, LayerDrop, gradient checkpointing."""

from __future__ import annotations

from datetime import timedelta

import pytest
import torch

from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.attention import CrossAttention, SelfAttention
from speechgraft.nn.cache import DecoderCache
from speechgraft.nn.feed_forward import FeedForward
from speechgraft.nn.layers import PostNormDecoderLayer, PostNormEncoderLayer, PreNormEncoderLayer
from speechgraft.nn.stack import DecoderStack, EncoderStack, skip


def feed_forward(**options):
    return FeedForward(8, 12, ACTIVATIONS["gelu"], inner_dropout=0.2, dropout=0.2, **options)


def encoder_stack(kind=PostNormEncoderLayer, layers=3, **options):
    torch.manual_seed(0)
    made = (
        kind(SelfAttention(8, 2, dropout=0.2), feed_forward(), size=8, eps=1e-5, dropout=0.2) for _ in range(layers)
    )
    return EncoderStack(made, **options).double()


def decoder_stack(layers=3, **options):
    torch.manual_seed(0)
    made = (
        PostNormDecoderLayer(
            SelfAttention(8, 2, dropout=0.2),
            CrossAttention(8, 2, memory_size=6, dropout=0.2),
            feed_forward(),
            size=8,
            eps=1e-5,
            dropout=0.2,
        )
        for _ in range(layers)
    )
    return DecoderStack(made, **options).double()


def run(stack, **options):
    torch.manual_seed(1)
    hidden = torch.randn(2, 5, 8, dtype=torch.float64)
    if isinstance(stack, EncoderStack):
        return stack(hidden, None, **options)
    memory = torch.randn(2, 4, 6, dtype=torch.float64)
    return stack(hidden, None, memory, None, None, **options)


STACKS = [
    pytest.param(lambda **o: encoder_stack(PostNormEncoderLayer, **o), id="post-norm encoder"),
    pytest.param(lambda **o: encoder_stack(PreNormEncoderLayer, **o), id="pre-norm encoder"),
    pytest.param(decoder_stack, id="decoder"),
]


@pytest.mark.parametrize("make", STACKS)
def test_keeping_states_and_weights_changes_no_result(make):
    stack = make().eval()
    plain, kept = run(stack), run(stack, keep_states=True, keep_weights=True)
    torch.testing.assert_close(plain.hidden, kept.hidden, rtol=0, atol=1e-12)
    assert plain.hidden_states is None
    assert plain.attentions is None
    assert len(kept.hidden_states) == 4
    assert torch.equal(kept.hidden_states[-1], kept.hidden)
    assert [weights.shape for weights in kept.attentions] == [(2, 2, 5, 5)] * 3
    if isinstance(stack, DecoderStack):
        assert [weights.shape for weights in kept.cross_attentions] == [(2, 2, 5, 4)] * 3


@pytest.mark.parametrize("make", STACKS)
def test_gradient_checkpointing_gives_the_same_gradients(make):
    gradients = []
    for enabled in (False, True):
        stack = make(layerdrop=0.3).train()
        stack.gradient_checkpointing = enabled
        torch.manual_seed(2)
        run(stack, keep_weights=True).hidden.square().sum().backward()
        gradients.append([parameter.grad for parameter in stack.parameters()])
    for one, other in zip(*gradients, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_gradient_checkpointing_does_not_fill_a_cache_twice():
    results = []
    for enabled in (False, True):
        stack, cache = decoder_stack().train(), DecoderCache(3)
        stack.gradient_checkpointing = enabled
        torch.manual_seed(1)
        hidden, memory = torch.randn(1, 3, 8, dtype=torch.float64), torch.randn(1, 4, 6, dtype=torch.float64)
        stack(hidden, None, memory, None, cache).hidden.sum().backward()
        assert cache.length == 3
        results.append([parameter.grad for parameter in stack.parameters()])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", STACKS)
def test_layerdrop_leaves_out_layers_in_training_alone(make):
    stack = make(layerdrop=1.0)
    hidden = run(stack.train(), keep_states=True)
    assert all(torch.equal(state, hidden.hidden) for state in hidden.hidden_states)
    assert not torch.equal(run(stack.eval()).hidden, hidden.hidden)
    assert torch.equal(run(stack.eval()).hidden, run(make(layerdrop=0.0).eval()).hidden)


def test_layerdrop_leaves_out_no_layer_of_a_cache():
    stack, cache = decoder_stack(layerdrop=0.5).train(), DecoderCache(3)
    stack.layers.eval()  # without dropout within the layers
    torch.manual_seed(1)
    hidden, memory = torch.randn(1, 6, 8, dtype=torch.float64), torch.randn(1, 4, 6, dtype=torch.float64)
    found = [stack(part, None, memory, None, cache).hidden for part in hidden.split(1, dim=1)]
    assert {store.length for store in cache.self_stores} == {6}
    whole = stack.eval()(hidden, None, memory, None, None).hidden
    torch.testing.assert_close(torch.cat(found, dim=1), whole, rtol=0, atol=1e-12)


def test_layerdrop_leaves_out_about_its_share():
    stack = encoder_stack(layers=1, layerdrop=0.3).train()
    torch.manual_seed(0)
    dropped = sum(stack._is_dropped() for _ in range(2000))
    assert 520 < dropped < 680


def test_a_layer_left_out_still_takes_part_where_training_is_distributed(tmp_path):
    layer, hidden = torch.nn.Linear(2, 2), torch.ones(1, 2)
    assert skip(layer, hidden) is hidden
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1, timeout=timedelta(seconds=20))
    try:
        out = skip(layer, hidden)
        assert torch.equal(out, hidden)
        out.sum().backward()
        assert all((parameter.grad == 0).all() for parameter in layer.parameters())
    finally:
        torch.distributed.destroy_process_group()


def test_feed_forward_in_chunks_is_the_same():
    hidden = torch.randn(2, 7, 8, dtype=torch.float64)
    torch.manual_seed(0)
    whole = feed_forward().double().eval()
    for chunk in (1, 3, 7, 9):
        parts = feed_forward(chunk=chunk).double().eval()
        parts.load_state_dict(whole.state_dict())
        torch.testing.assert_close(parts(hidden), whole(hidden), rtol=0, atol=1e-12)


def test_feed_forward_in_chunks_is_traced_for_every_length():
    torch.manual_seed(0)
    module = FeedForward(4, 6, torch.tanh, chunk=2).eval()
    dynamic = {"hidden": {1: torch.export.Dim.DYNAMIC}}
    program = torch.export.export(module, (torch.randn(1, 5, 4),), dynamic_shapes=dynamic).module()
    other = torch.randn(1, 9, 4)
    torch.testing.assert_close(program(other), module(other))
