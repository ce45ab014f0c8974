"""Log-mel features: bands where pitch is, exact frame counts, a row's numbers its own, settings that come back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from speechgraft.errors import ConfigError, InputError

from speechgraft_logmel.extractor import LogMelFeatureExtractor
from speechgraft_logmel.filterbank import frame_count, hertz_to_mel, log_mel, mel_filters, mel_to_hertz

EXTRACTOR = LogMelFeatureExtractor()


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).uniform(-1, 1, samples).astype(np.float32)


def test_pitch_and_back():
    hertz = torch.tensor([0.0, 440.0, 8000.0], dtype=torch.float64)
    torch.testing.assert_close(mel_to_hertz(hertz_to_mel(hertz)), hertz)
    assert hertz_to_mel(torch.tensor(1000.0)).item() == pytest.approx(1000, abs=0.1), "the definition of the mel"


def test_neighbouring_bands_share_each_frequency_between_them():
    filters = mel_filters(20, 512, 16_000, 0.0, 8000.0)
    middles = filters.argmax(dim=0)
    within = filters[middles[0] + 1 : middles[-1]].sum(dim=1)
    torch.testing.assert_close(within, torch.ones_like(within))
    assert (filters >= 0).all() and (filters <= 1).all() and (middles.diff() > 0).all()


@pytest.mark.parametrize("hertz", [300.0, 1000.0, 4000.0])
def test_a_tone_is_loudest_in_the_band_of_its_frequency(hertz):
    tone = torch.sin(2 * math.pi * hertz * torch.arange(8000, dtype=torch.float64) / 16_000)
    filters = mel_filters(40, 512, 16_000, 20.0, 8000.0)
    loudest = log_mel(tone, filters, n_fft=512, window=400, hop=160).mean(dim=0).argmax()
    assert abs(loudest - filters[round(hertz * 512 / 16_000)].argmax()) <= 1


def test_energies_are_those_of_the_definition():
    samples, window, n_fft = torch.from_numpy(noise(64)).double(), 16, 20
    filters = mel_filters(5, n_fft, 16_000, 0.0, 8000.0)
    found = log_mel(samples, filters, n_fft=n_fft, window=window, hop=7)
    for frame, values in enumerate(found):
        taper = [0.5 - 0.5 * math.cos(2 * math.pi * n / window) for n in range(window)]
        part = [taper[n] * samples[7 * frame + n].item() for n in range(window)]
        power = [
            abs(sum(x * complex(math.cos(a * n), -math.sin(a * n)) for n, x in enumerate(part))) ** 2
            for a in (2 * math.pi * k / n_fft for k in range(n_fft // 2 + 1))
        ]
        expected = (torch.tensor(power, dtype=torch.float64) @ filters).log()
        torch.testing.assert_close(values, expected, rtol=1e-9, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 900), st.integers(1, 60), st.integers(1, 50))
def test_frames_are_as_many_as_counted(samples, window, hop):
    filters = mel_filters(3, 64, 16_000, 0.0, 8000.0)
    found = log_mel(torch.from_numpy(noise(samples)), filters, n_fft=64, window=window, hop=hop)
    assert found.shape == (frame_count(samples, window, hop), 3)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=4), st.sampled_from(["utterance", "none"]))
def test_a_row_gives_the_same_alone_and_in_a_batch(lengths, normalize):
    extractor = LogMelFeatureExtractor(normalize=normalize)
    rows = [noise(length, seed) for seed, length in enumerate(lengths)]
    batch = extractor(rows)
    for row, samples in enumerate(rows):
        [alone] = extractor(samples)["input_features"]
        assert batch["attention_mask"][row].sum() == len(alone) == frame_count(len(samples), 400, 160)
        assert torch.equal(batch["input_features"][row, : len(alone)], alone)
        assert not batch["input_features"][row, len(alone) :].any()


def test_bins_are_normalised_over_the_utterance_and_silence_is_finite():
    [frames] = EXTRACTOR(noise(16_000))["input_features"]
    torch.testing.assert_close(frames.mean(dim=0), torch.zeros(80), rtol=0, atol=1e-5)
    torch.testing.assert_close(frames.std(dim=0, correction=0), torch.ones(80), rtol=0, atol=1e-4)
    [silent] = EXTRACTOR(np.zeros(16_000, np.float32))["input_features"]
    assert silent.abs().max() < 1e-6


def test_settings_come_back_from_their_file(tmp_path):
    extractor = LogMelFeatureExtractor(num_mel_bins=23, high_frequency=7600.0, normalize="none")
    extractor.save_pretrained(tmp_path)
    assert LogMelFeatureExtractor.from_pretrained(tmp_path) == extractor


def test_impossible_settings_are_refused_together():
    with pytest.raises(ConfigError) as caught:
        LogMelFeatureExtractor(window=1600, high_frequency=9000.0)
    assert "n_fft: 512, expected at least the window 1600" in str(caught.value)
    assert "high_frequency: 9000 Hz" in str(caught.value)


def test_bands_that_would_always_be_silent_are_refused():
    with pytest.raises(ConfigError, match="n_fft: 256 has no frequency in band"):
        LogMelFeatureExtractor(window=200, n_fft=256)


@pytest.mark.parametrize(
    ("speech", "options", "says"),
    [
        (noise(10), {"sampling_rate": 8000}, "samples at 8000 Hz, expected 16000 Hz"),
        ([noise(10), noise(0)], {}, r"row 1: samples of shape \(0,\)"),
        (np.zeros((2, 3, 4)), {}, r"row 0: samples of shape \(3, 4\)"),
        (np.zeros(10, np.int16), {}, "row 0: samples are torch.int16"),
        ([noise(400), noise(4000)], {"padding": False}, "rows of 1 to 23 frames make no batch"),
    ],
)
def test_what_is_no_speech_is_refused(speech, options, says):
    with pytest.raises(InputError, match=says):
        EXTRACTOR(speech, **options)
