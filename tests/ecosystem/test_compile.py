"""`torch.compile` of a pair's parts, and of whole training steps."""

from __future__ import annotations

import pytest
import torch

from speechgraft.export.graphs import MemoryGraph, StepGraph, first_cache


@pytest.fixture(autouse=True)
def forgotten():
    """Nothing that was compiled outlives its test."""
    torch.compiler.reset()
    yield
    torch.compiler.reset()


BACKENDS = [
    "eager",
    pytest.param("aot_eager", marks=pytest.mark.long),
    pytest.param("inductor", marks=pytest.mark.long),
]


@torch.no_grad()
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("encoder", "decoder"), [("wav2vec2", "gpt2"), pytest.param("sew", "bart", marks=pytest.mark.long)]
)
def test_encoder_and_step_give_the_same_compiled_whole(make_pair, batch, backend, encoder, decoder):
    pair = make_pair(encoder, decoder)
    mask = torch.arange(2000) < torch.tensor([2000] * 5 + [1500] * 3)[:, None]
    graph = MemoryGraph(pair.encoder, pair.connector)
    memory, memory_mask = graph(batch["input_values"], mask)
    compiled = torch.compile(graph, backend=backend, fullgraph=True)(batch["input_values"], mask)
    torch.testing.assert_close(compiled[0], memory, rtol=1e-4, atol=1e-5)
    assert torch.equal(compiled[1], memory_mask)
    ids = torch.full((8, 3), 5)
    kept, reading = first_cache(pair.decoder, memory, memory_mask, ids)
    plain = StepGraph(pair.decoder, reading)
    step = torch.compile(plain, backend=backend, fullgraph=True, dynamic=True)
    tokens = expected = kept.tokens
    for _ in range(3):
        logits, tokens = step(ids[:, :1], memory_mask, kept.memory, tokens)
        wanted, expected = plain(ids[:, :1], memory_mask, kept.memory, expected)
        torch.testing.assert_close(logits, wanted, rtol=1e-4, atol=1e-5)
    assert tokens[0].shape[2] == 6


@pytest.mark.long
@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_a_compiled_pair_trains_to_the_same_gradients(make_pair, batch, backend):
    plain, other = make_pair().train(), make_pair().train()
    compiled = torch.compile(other, backend=backend)
    plain(**batch).loss.backward()
    output = compiled(**batch)
    output.loss.backward()
    for (name, one), (_, two) in zip(plain.named_parameters(), other.named_parameters(), strict=True):
        if one.grad is not None:
            torch.testing.assert_close(two.grad, one.grad, rtol=1e-3, atol=1e-5, msg=name)


@pytest.mark.long
@torch.no_grad()
def test_a_compiled_encoder_generates_the_same(make_pair, batch):
    pair = make_pair()
    expected = pair.generate(batch["input_values"], max_new_tokens=8)
    pair.encoder.forward = torch.compile(pair.encoder.forward, backend="eager")
    assert torch.equal(pair.generate(batch["input_values"], max_new_tokens=8), expected)
