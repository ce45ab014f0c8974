"""The cache: what is appended comes back, whatever was cropped, repeated and reordered on the way."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from speechgraft.errors import InputError
from speechgraft.nn.cache import CrossStore, DecoderCache, SelfStore


def places(rows, number, seed, **options):
    return torch.randn(rows, 2, number, 3, generator=torch.Generator().manual_seed(seed), **options)


STEPS = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 20)),
    st.tuples(st.just("crop"), st.integers(0, 40)),
    st.tuples(st.just("select"), st.lists(st.integers(0, 7), min_size=1, max_size=4)),
    st.tuples(st.just("repeat"), st.integers(1, 2)),
    st.tuples(st.just("restore"), st.none()),
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
        elif name == "restore":
            if store.rows is not None:
                store.restore(*store.read())
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


def test_a_restored_cache_goes_on_as_the_one_that_was_read():
    one, other = filled(3), DecoderCache(2)
    other.restore(one.read(), one.reading, one.memory_mask)
    new = places(3, 1, 5)
    for layer in range(2):
        grown = [cache.self_stores[layer].append(new, new + 1) for cache in (one, other)]
        assert torch.equal(grown[0][0], grown[1][0]) and torch.equal(grown[0][1], grown[1][1])
        assert torch.equal(one.cross_stores[layer].read()[0], other.cross_stores[layer].read()[0])
        assert torch.equal(one.cross_stores[layer].read()[1], other.cross_stores[layer].read()[1])
    assert other.length == 3 and torch.equal(other.memory_mask, one.memory_mask)


def test_layers_that_attend_to_no_memory_are_told_apart():
    one, other = filled(3), DecoderCache(2)
    one.cross_stores[0] = CrossStore()
    assert one.reading == (1,) and len(one.read().memory) == 2
    other.restore(one.read(), one.reading, None)
    assert other.reading == (1,)


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


class CacheBesidePlainTensors(RuleBasedStateMachine):
    """A cache of one layer beside tensors that are copied whole at every turn."""

    def __init__(self):
        super().__init__()
        self.cache, self.beams, self.seed = DecoderCache(1), 1, 0
        self.cache.remember_mask(torch.rand(3, 4) < 0.5)
        self.cache.cross_stores[0].fill(places(3, 4, 1), places(3, 4, 2))
        self.mask, self.memory = self.cache.memory_mask, places(3, 4, 1)
        self.expected = places(3, 0, 0)  # (rows, heads, places, head_size)
        self.append(number=2)

    def take(self, rows):
        self.expected = self.expected[rows]

    @rule(number=st.integers(1, 3))
    def append(self, number):
        self.seed += 1
        new = places(len(self.expected), number, self.seed)
        self.expected = torch.cat([self.expected, new], dim=2)
        keys, values = self.cache.self_stores[0].append(new, -new)
        assert torch.equal(keys, self.expected)
        assert torch.equal(values, -self.expected)

    @precondition(lambda self: len(self.expected) <= 9)
    @rule(times=st.integers(1, 3))
    def expand(self, times):
        self.cache.expand(times)
        self.beams *= times
        self.expected = self.expected.repeat_interleave(times, dim=0)

    @rule(data=st.data(), again=st.booleans())
    def reorder(self, data, again):
        chosen = [data.draw(st.integers(0, self.beams - 1)) for _ in self.expected]
        rows = torch.arange(len(self.expected)) // self.beams * self.beams + torch.tensor(chosen)
        for _ in range(1 + again):
            self.cache.reorder(rows)
            self.take(rows)
            self.append(number=1)

    @precondition(lambda self: len(self.memory) > 1)
    @rule(data=st.data())
    def keep_rows(self, data):
        order = data.draw(st.permutations(range(len(self.memory))))
        kept = torch.tensor(order[: data.draw(st.integers(1, len(order)))])
        self.cache.keep_rows(kept)
        self.take((kept[:, None] * self.beams + torch.arange(self.beams)).flatten())
        self.memory, self.mask = self.memory[kept], self.mask[kept]

    @rule(length=st.integers(1, 20))
    def crop(self, length):
        self.cache.crop(length)
        self.expected = self.expected[:, :, :length]
        self.append(number=1)

    @invariant()
    def memory_is_that_of_the_rows(self):
        assert torch.equal(self.cache.cross_stores[0].read()[0], self.memory)
        assert torch.equal(self.cache.memory_mask, self.mask)
        assert self.cache.rows == len(self.expected)
        assert self.cache.length == self.expected.shape[2]


TestCacheBesidePlainTensors = CacheBesidePlainTensors.TestCase
TestCacheBesidePlainTensors.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def filled_with_beams(rows, tokens):
    cache = DecoderCache(1)
    cache.expand(rows)
    cache.self_stores[0].append(places(rows, tokens, 0), places(rows, tokens, 0))
    return cache


def test_what_beams_share_is_not_moved_again(monkeypatch):
    cache, starts = filled_with_beams(2, 3), []
    plain = SelfStore.select
    monkeypatch.setattr(
        SelfStore, "select", lambda self, rows, start=0: starts.append(start) or plain(self, rows, start=start)
    )
    for _ in range(2):
        cache.reorder(torch.tensor([1, 1]))
        cache.self_stores[0].append(places(2, 2, 1), places(2, 2, 1))
    cache.reorder(torch.tensor([1, 0]))
    cache.reorder(torch.tensor([0, 1]))
    assert starts == [0, 3, 5], "from where they last came from one row; nothing where each goes on from itself"


def test_reordering_and_thinning_out_make_no_new_buffers():
    cache = filled(3)
    cache.expand(2)
    own, cross = cache.self_stores[0], cache.cross_stores[0]
    one = torch.zeros(6, 2, 1, 3)
    keys, crossed = own.append(one, one)[0].data_ptr(), cross.read()[0].data_ptr()
    cache.reorder(torch.tensor([1, 0, 2, 2, 5, 4]))
    assert own.append(one, one)[0].data_ptr() == keys
    cache.keep_rows(torch.tensor([0, 2]))
    assert cross.read()[0].data_ptr() == crossed
    assert cross.read()[0].is_contiguous()


@pytest.mark.parametrize("rows", [[0, 2, 2, 3], [0, 1, 2], [2, 1]])
def test_rows_of_one_utterance_stay_together(rows):
    cache = filled(2)
    cache.expand(2)
    with pytest.raises(InputError, match="the 2 rows of an utterance stay together"):
        cache.reorder(torch.tensor(rows))


def test_gradients_flow_through_a_reordered_cache():
    store, new = SelfStore(), places(2, 2, 0, requires_grad=True)
    store.append(new, new)
    store.select(torch.tensor([1, 1]))
    keys, _ = store.append(places(2, 1, 1), places(2, 1, 1))
    keys.sum().backward()
    assert torch.equal(new.grad[:, 0, 0, 0], torch.tensor([0.0, 2.0]))
