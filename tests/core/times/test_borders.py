"""Words begin and end where the sound says, whatever moment of them is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.times import between_words
from speechgraft.times.borders import REACH

RATE = 16_000


def spoken(spans: list[tuple[float, float]], seconds: float, noise: float = 1e-4) -> np.ndarray:
    """Tones in the given seconds over faint noise: (samples,)."""
    generator = np.random.default_rng(0)
    samples = noise * generator.standard_normal(round(seconds * RATE))
    for number, (begin, end) in enumerate(spans):
        first, last = round(begin * RATE), round(end * RATE)
        samples[first:last] += 0.3 * np.sin(2 * np.pi * (200 + 90 * number) * np.arange(last - first) / RATE)
    return samples.astype(np.float32)


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_words_between_pauses_are_found_from_any_moment_in_them(data: st.DataObject) -> None:
    spans, moments, now = [], [], 0.0
    for _ in range(data.draw(st.integers(1, 5))):
        begin = now + data.draw(st.floats(0.06, 0.5))
        now = begin + data.draw(st.floats(0.1, 0.9))
        spans.append((begin, now))
        moments.append((begin + data.draw(st.floats(0.02, 0.98)) * (now - begin),) * 2)
    samples = spoken(spans, now + 0.2, noise=data.draw(st.sampled_from([0.0, 1e-4, 1e-2])))
    for found, expected in zip(between_words(moments, samples, RATE), spans, strict=True):
        assert found == pytest.approx(expected, abs=0.025)


def test_where_speech_goes_on_the_quietest_moment_parts_words() -> None:
    time = np.arange(RATE) / RATE
    samples = (np.abs(np.sin(np.pi * time / 0.5)) * 0.3 + 0.05) * np.sin(2 * np.pi * 200 * time)
    first, second = between_words([(0.3, 0.3), (0.6, 0.6)], samples, RATE)
    assert first[1] == second[0] == pytest.approx(0.5, abs=0.02)


@settings(max_examples=80, deadline=None)
@given(
    moments=st.lists(st.tuples(st.floats(-1, 4), st.floats(0, 1)), max_size=6),
    samples=st.integers(1, 3 * RATE),
    seed=st.integers(0, 5),
)
def test_words_never_overlap_and_lie_in_the_audio(moments: list[tuple[float, float]], samples: int, seed: int) -> None:
    heard = []
    for earliest, length in sorted(moments):
        begin = max(earliest, heard[-1][1] if heard else earliest)
        heard.append((begin, begin + length))
    loud = np.random.default_rng(seed)
    audio = loud.standard_normal(samples) * loud.random(samples // 800 + 1).repeat(800)[:samples]
    found = between_words(heard, audio, RATE)
    times = [time for span in found for time in span]
    assert len(found) == len(heard) and times == sorted(times)
    assert all(0 <= time <= samples / RATE for time in times)


def test_a_word_reaches_no_further_than_words_do() -> None:
    samples = np.random.default_rng(0).standard_normal(20 * RATE)
    [(begin, end)] = between_words([(10.0, 10.1)], samples, RATE)
    assert begin >= 10.0 - REACH and end <= 10.1 + REACH


def test_no_words_have_no_borders() -> None:
    assert between_words([], np.zeros(10), RATE) == []
