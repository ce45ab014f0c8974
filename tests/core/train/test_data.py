from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from speechgraft.audio import read_audio
from speechgraft.errors import InputError
from speechgraft.train import Augment, Row
from speechgraft.train.data import Order, SpeechDataset

orders = st.builds(
    Order,
    seconds=st.lists(st.floats(0.1, 9.0), min_size=1, max_size=40).map(np.array),
    batch_size=st.integers(1, 5),
    batches_per_step=st.integers(1, 3),
    seed=st.integers(0, 99),
    augment=st.sampled_from([None, Augment()]),
    curriculum_steps=st.integers(0, 12),
    block_batches=st.integers(1, 9),
)


@given(orders, st.integers(0, 60))
def test_a_step_is_a_function_of_its_number(order, step):
    later = [order.step(number) for number in range(step, step + 2)]
    assert [order.step(number) for number in range(step + 1)][-1] == later[0]
    assert [len(batch) for batch in later[0]] == [order.batch_size] * order.batches_per_step


@given(orders)
def test_every_utterance_is_seen_once_an_epoch(order):
    count = len(order.seconds)
    start = -(-order.curriculum_steps // order.block_steps) * order.block_steps
    numbers, size = {}, order.batches_per_step * order.batch_size
    for step in range(start, start + order.block_steps * (3 + 2 * count // size)):
        numbers |= {draw.number: draw.index for batch in order.step(step) for draw in batch}
    first = -(-start * size // count) * count
    assert Counter(numbers[first + place] for place in range(count)) == Counter(range(count))


@given(orders, st.integers(0, 20))
def test_the_curriculum_holds_long_utterances_back(order, step):
    longest = max(order.seconds[draw.index] for batch in order.step(step) for draw in batch)
    assert longest <= order.longest(step)
    assert order.longest(step) <= order.longest(step + 1)


def test_batches_hold_utterances_of_like_length():
    seconds = np.random.default_rng(0).uniform(1, 10, 2000)
    order = Order(seconds=seconds, batch_size=16)
    lengths = [[seconds[draw.index] for draw in batch] for step in range(96) for batch in order.step(step)]
    filled = sum(map(sum, lengths)) / sum(len(batch) * max(batch) for batch in lengths)
    assert filled > 0.97


@given(st.integers(0, 2**32), st.floats(1e-4, 3.0))
def test_kept_samples_keep_their_precision(seed, peak):
    samples = np.random.default_rng(seed).uniform(-peak, peak, 500).astype(np.float32)
    dataset = SpeechDataset([Row(Path("x"), "")], read=lambda path, rate: samples)
    for _ in range(2):
        assert np.abs(dataset.samples(0) - samples).max() <= max(peak, 1) * 2**-15


def test_sixteen_bit_files_come_back_exactly(rows):
    dataset = SpeechDataset(rows)
    for index, row in enumerate(rows):
        for _ in range(2):
            assert np.array_equal(dataset.samples(index), read_audio(row.audio).samples)
        assert dataset.seconds[index] == pytest.approx(read_audio(row.audio).seconds)


def test_memory_is_limited():
    reads = Counter()

    def read(path, rate):
        reads[path] += 1
        return np.full(1000, 0.5, np.float32)

    dataset = SpeechDataset([Row(Path(str(i)), "") for i in range(3)], cache_bytes=4100, read=read)
    reads.clear()
    for _ in range(5):
        for index in range(3):
            dataset.samples(index)
    assert sorted(reads.values()) == [1, 1, 5]


def test_all_recordings_that_cannot_be_read_are_listed(tmp_path):
    (tmp_path / "text.wav").write_text("no audio")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16_000)
    names = ["missing.wav", "text.wav", "empty.wav"]
    with pytest.raises(InputError) as caught:
        SpeechDataset([Row(tmp_path / name, "", place=f"m.jsonl:{n}") for n, name in enumerate(names, start=1)])
    assert all(f"m.jsonl:{n}: " in str(caught.value) and names[n - 1] in str(caught.value) for n in (1, 2, 3))
