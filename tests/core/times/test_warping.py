"""The path is the best of all monotonic ones, and attention is read as the decoder gives it in one pass."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import speechgraft
from speechgraft.errors import InputError
from speechgraft.registry import default_catalog
from speechgraft.times import frames_of_tokens, shown_by_attention, warping


@settings(max_examples=60, deadline=None)
@given(tokens=st.integers(1, 4), frames=st.integers(1, 7), seed=st.integers(0, 10**6))
def test_no_other_path_gathers_more(tokens: int, frames: int, seed: int) -> None:
    attention = np.random.default_rng(seed).random((tokens, frames)) ** 3
    told = attention - attention.mean(axis=0) if tokens > 1 else attention
    smooth = np.stack([np.convolve(np.pad(row, 1, mode="edge"), [0.25, 0.5, 0.25], "valid") for row in told])
    path = frames_of_tokens(attention)
    assert list(path) == sorted(path)
    gathered = smooth[range(tokens), path].sum()
    best = max(smooth[range(tokens), each].sum() for each in combinations_with_replacement(range(frames), tokens))
    assert gathered == pytest.approx(best)


def test_what_every_token_attends_to_tells_of_none() -> None:
    attention = np.full((3, 30), 0.01)
    attention[:, 25] = 0.9  # where each of them looks
    attention[[0, 1, 2], [4, 11, 19]] += 0.1
    assert list(frames_of_tokens(attention)) == [4, 11, 19]


def test_a_long_one_takes_milliseconds() -> None:
    from time import perf_counter

    attention = np.random.default_rng(0).random((60, 1500))
    took = []
    for _ in range(5):
        begun = perf_counter()
        frames_of_tokens(attention)
        took.append(perf_counter() - begun)
    assert min(took) < 0.05


@pytest.fixture(scope="module", params=default_catalog().list_decoders())
def decoder(request: pytest.FixtureRequest) -> speechgraft.contracts.Decoder:
    torch.manual_seed(0)
    catalog = default_catalog()
    entry = catalog.decoder(request.param)
    model = speechgraft.pair(
        "wav2vec2", request.param, encoder=dict(catalog.encoder("wav2vec2").tiny), decoder=dict(entry.tiny)
    )
    return model.decoder.eval()


@torch.no_grad()
@pytest.mark.parametrize("at_once", [1, 50, 10**6])
def test_tokens_a_few_at_a_time_show_what_all_at_once_show(
    decoder: speechgraft.contracts.Decoder, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = torch.randn(2, 9, decoder.memory_size)
    mask = torch.tensor([[1] * 9, [1] * 6 + [0] * 3]).bool()
    inputs = torch.randint(0, decoder.vocab_size, (2, 5))
    output = decoder(inputs, memory=memory, memory_mask=mask, output_attentions=True)
    everything = torch.stack(output.cross_attentions)  # (layers, rows, heads, tokens, frames)
    monkeypatch.setattr(warping, "_AT_ONCE", at_once)
    found = shown_by_attention(decoder, memory, mask, inputs)
    np.testing.assert_allclose(found, everything.mean(dim=(0, 2)).numpy(), atol=1e-6)
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
    assert (found[1, :, 6:] == 0).all()
    one = shown_by_attention(decoder, memory, mask, inputs, heads=[[0, 1]])
    np.testing.assert_allclose(one, everything[0, :, 1].numpy(), atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("heads", [[], [[99, 0]], [[0, 99]], [[-1, 0]], [[0]]])
def test_heads_that_are_not_there_are_refused(decoder: speechgraft.contracts.Decoder, heads: list[list[int]]) -> None:
    with pytest.raises(InputError, match="alignment_heads"):
        shown_by_attention(decoder, torch.randn(1, 3, decoder.memory_size), None, torch.zeros(1, 1).long(), heads=heads)
