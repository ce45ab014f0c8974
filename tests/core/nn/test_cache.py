"""The cache: what is appended comes back, whatever was cropped, repeated and reordered on the way."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.nn.cache import CrossStore, DecoderCache, SelfStore


def places(rows, number, seed, **options):
    return torch.randn(rows, 2, number, 3, generator=torch.Generator().manual_seed(seed), **options)


STEPS = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 20)),
    st.tuples(st.just("crop"), st.integers(0, 40)),
    st.tuples(st.just("select"), st.lists(st.integers(0, 7), min_size=1, max_size=4)),
    st.tuples(st.just("repeat"), st.integers(1, 2)),
)


@settings(max_examples=60)
@given(steps=st.lists(STEPS, max_size=8), grad=st.booleans())
def test_a_store_holds_what_plain_tensors_would(steps, grad):
    store, expected = SelfStore(), places(2, 0, 0)
    for seed, (name, value) in enumerate([*steps, ("append", 1)]):
        rows = len(expected)
        if name == "append":
            new = places(rows, value, seed).requires_grad_(grad and seed % 2 == 0)
            expected = torch.cat([expected, new], dim=2)
            keys, values = store.append(new, new + 1)
            assert torch.equal(keys, expected)
            assert torch.equal(
                values, torch.cat([expected[:, :, : -new.shape[2]] * 0 + values[:, :, : -new.shape[2]], new + 1], 2)
            )
            assert torch.allclose(values, expected + 1)
        elif name == "crop":
            store.crop(value)
            expected = expected[:, :, :value]
        elif name == "select":
            index = torch.tensor(value) % rows
            store.select(index)
            expected = expected[index]
        elif rows <= 4:
            store.repeat(value)
            expected = expected.repeat_interleave(value, dim=0)
        assert store.length == expected.shape[2]


def test_appending_copies_nothing_while_there_is_room():
    store = SelfStore()
    first, _ = store.append(places(1, 1, 0), places(1, 1, 0))
    for seed in range(1, 10):
        now, _ = store.append(places(1, 1, seed), places(1, 1, seed))
        assert now.data_ptr() == first.data_ptr()


def test_gradients_flow_through_a_store():
    store, new = SelfStore(), [places(1, 2, seed, requires_grad=True) for seed in (0, 1)]
    for each in new:
        keys, _ = store.append(each, each)
    keys.sum().backward()
    assert all((each.grad == 1).all() for each in new)


def filled(utterances, layers=2):
    cache = DecoderCache(layers)
    cache.remember_mask(torch.eye(utterances, 4, dtype=torch.bool))
    for layer in range(layers):
        cache.self_stores[layer].append(places(utterances, 2, layer), places(utterances, 2, layer))
        cache.cross_stores[layer].fill(places(utterances, 4, layer), places(utterances, 4, layer + 9))
    return cache


def test_the_memory_is_not_touched_while_utterances_stay():
    cache = filled(3)
    before = [store.read()[0] for store in cache.cross_stores]
    cache.expand(2)
    cache.reorder(torch.tensor([1, 0, 2, 2, 5, 4]))
    cache.crop(1)
    assert all(store.read()[0] is kept for store, kept in zip(cache.cross_stores, before, strict=True))
    assert cache.rows_per_utterance == 2
    assert cache.length == 1


def test_keeping_utterances_keeps_all_their_rows():
    cache = filled(3)
    own = places(3, 2, 0)
    cache.expand(2)
    cache.keep_rows(torch.tensor([2, 0]))
    keys, _ = cache.self_stores[0].append(places(4, 1, 5), places(4, 1, 5))
    assert torch.equal(keys[:, :, :2], own[[2, 2, 0, 0]])
    assert torch.equal(cache.cross_stores[1].read()[0], places(3, 4, 1)[[2, 0]])
    assert torch.equal(cache.memory_mask, torch.eye(3, 4, dtype=torch.bool)[[2, 0]])


def test_a_mask_is_remembered_until_another_comes():
    cache, mask = DecoderCache(1), torch.ones(2, 3, dtype=torch.bool)
    assert cache.remember_mask(None) is None
    assert cache.remember_mask(mask) is mask
    assert cache.remember_mask(None) is mask


def test_an_empty_cache_can_be_cropped_expanded_and_reordered():
    cache = DecoderCache(2)
    cache.crop(0)
    cache.expand(2)
    cache.reorder(torch.tensor([1, 0]))
    assert cache.length == 0
    assert not CrossStore().filled
