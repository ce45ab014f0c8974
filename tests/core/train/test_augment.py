from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgraft.errors import ConfigError
from speechgraft.train import Augment
from speechgraft.train.augment import change_speed

RATE = 16_000
STILL = {"speed": (1.0, 1.0), "gain_db": (0.0, 0.0), "noise": 0.0, "tilt": 0.0, "silence": 0.0}


def tone(hertz=440.0, seconds=0.5):
    return np.sin(2 * np.pi * hertz * np.arange(int(RATE * seconds)) / RATE).astype(np.float32)


@given(st.integers(0, 2**32), st.integers(1, 5000), st.booleans())
def test_the_same_generator_state_gives_the_same_samples(seed, size, is_wide):
    augment = Augment(speed=(0.5, 2.0)) if is_wide else Augment()
    samples = np.random.default_rng(1).standard_normal(size).astype(np.float32)
    before = samples.copy()
    one, two = (augment(samples, RATE, np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(one, two) and one.dtype == np.float32 and np.isfinite(one).all()
    assert np.array_equal(samples, before)


@given(st.integers(0, 2**32), st.integers(RATE // 10, RATE))
def test_length_foretells_what_comes_out(seed, size):
    augment = Augment()
    made = augment(np.ones(size, np.float32), RATE, np.random.default_rng(seed))
    foretold = augment.length(size / RATE, np.random.default_rng(seed))
    assert abs(len(made) / RATE - foretold) < 5 / RATE


def test_without_variation_nothing_changes():
    samples = tone()
    assert np.array_equal(Augment(**STILL)(samples, RATE, np.random.default_rng(0)), samples)


@pytest.mark.parametrize("speed", [0.8, 0.9, 1.1, 1.3])
def test_speed_moves_the_pitch(speed):
    changed = change_speed(tone(seconds=1.0), speed)
    peak = np.argmax(np.abs(np.fft.rfft(changed, RATE)))
    assert abs(peak - 440 * speed) <= 1
    assert abs(len(changed) - RATE / speed) <= 2


@pytest.mark.parametrize("snr", [0.0, 10.0, 30.0])
def test_noise_has_the_level_asked_for(snr):
    augment = Augment(**{**STILL, "noise": 1.0, "noise_snr_db": (snr, snr)})
    samples = tone(seconds=25.0)  # longer than the stored noise, which then repeats
    for seed in range(6):
        added = augment(samples, RATE, np.random.default_rng(seed)) - samples
        found = 10 * np.log10(np.square(samples).mean() / np.square(added).mean())
        assert abs(found - snr) < 1


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(ConfigError) as caught:
        Augment(speed=(1.1, 0.9), noise=2, silence="x")
    assert len(caught.value.problems) == 3
