from __future__ import annotations

import threading
import time

import pytest
import torch

from speechgraft.audio import Wav2Vec2FeatureExtractor
from speechgraft.train import Augment
from speechgraft.train.batches import Ahead, Loader
from speechgraft.train.data import Order, SpeechDataset


def make_loader(rows, **options):
    dataset = SpeechDataset(rows)
    order = Order(seconds=dataset.seconds, batch_size=3, batches_per_step=2, augment=Augment())
    labels = [[4] * (1 + index % 4) + [3] for index in range(len(rows))]
    common = {"dataset": dataset, "labels": labels, "extractor": Wav2Vec2FeatureExtractor(), "order": order}
    return Loader(**common, augment=Augment(), **options)


def same(one, two):
    return torch.equal(one.labels, two.labels) and all(
        torch.equal(one.inputs[name], two.inputs[name]) for name in one.inputs | two.inputs
    )


def test_batches_do_not_depend_on_where_a_run_goes_on(rows):
    whole, rest = list(make_loader(rows).steps(0, 6)), list(make_loader(rows).steps(3, 6))
    for one, two in zip(whole[3:], rest, strict=True):
        assert (one.step, one.tokens) == (two.step, two.tokens)
        assert all(same(*pair) for pair in zip(one.batches, two.batches, strict=True))


def test_processes_share_a_step(rows):
    alone = next(make_loader(rows).steps(4, 5))
    shares = [next(make_loader(rows, rank=rank, processes=2).steps(4, 5)) for rank in range(2)]
    assert all(same(share.batches[0], alone.batches[rank]) for rank, share in enumerate(shares))
    assert {share.tokens for share in shares} == {sum(int((b.labels != -100).sum()) for b in alone.batches)}


def test_items_are_made_ahead_in_order():
    made = []

    def items():
        for number in range(10):
            made.append(number)
            yield number

    with Ahead(items(), depth=3) as taken:
        assert next(taken) == 0
        for _ in range(100):
            if len(made) >= 4:
                break
            time.sleep(0.01)
        assert 4 <= len(made) <= 6
        assert list(taken) == list(range(1, 10))


def test_what_making_raises_is_raised_where_it_is_taken():
    def items():
        yield 1
        raise ValueError("broken")

    with Ahead(items()) as taken:
        assert next(taken) == 1
        with pytest.raises(ValueError, match="broken"):
            next(taken)


def test_leaving_early_ends_the_thread():
    with Ahead(iter(range(1000))) as taken:
        next(taken)
    assert not [thread for thread in threading.enumerate() if thread.name == "batches"]
