"""Samples in memory have the scale that a file of their type has."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.audio import Audio, Wav2Vec2FeatureExtractor, read_audio
from speechgraft.audio.samples import as_samples
from speechgraft.errors import InputError


@settings(max_examples=40, deadline=None)
@given(kind=st.sampled_from([("int16", "PCM_16"), ("int32", "PCM_32")]), seed=st.integers(0, 2**32 - 1))
def test_integers_are_what_a_file_of_them_is_read_as(kind: tuple[str, str], seed: int) -> None:
    info = np.iinfo(kind[0])
    values = np.random.default_rng(seed).integers(info.min, info.max, 50, dtype=kind[0], endpoint=True)
    buffer = io.BytesIO()
    soundfile.write(buffer, values, 16_000, format="WAV", subtype=kind[1])
    read = read_audio(buffer.getvalue()).samples
    for given_as in (values, torch.from_numpy(values)):
        np.testing.assert_array_equal(as_samples(given_as, "here"), read)
        np.testing.assert_array_equal(Audio.of(given_as, 16_000).samples, read)
        [row] = Wav2Vec2FeatureExtractor(do_normalize=False)([given_as]).input_values
        np.testing.assert_array_equal(row, read)


def test_unsigned_bytes_are_silent_in_the_middle_as_in_wav_files() -> None:
    np.testing.assert_array_equal(as_samples(np.array([0, 128, 192], np.uint8), "here"), [-1, 0, 0.5])
    np.testing.assert_array_equal(as_samples(np.array([-128, 0, 64], np.int8), "here"), [-1, 0, 0.5])


def test_floats_stay_as_they_are_whatever_holds_them() -> None:
    values = [0.5, -1.5, 3000.0]
    tensor = torch.tensor(values)
    for held in (values, np.array(values), tensor, tensor.double(), tensor.bfloat16(), tensor.requires_grad_()):
        found = as_samples(held, "here")
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, values, rtol=1e-2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2, 3], "row 0: values of type int64, expected floats from -1 to 1, or int16, int32, int8, uint8"),
        (np.array([True, False]), "row 0: values of type bool"),
        (np.array([1j]), "row 0: values of type complex128"),
        (np.zeros((2, 3), np.int16), r"row 0: shape \(2, 3\), expected \(samples,\)"),
        (["a"], "row 0: not a row of numbers"),
        ([[0.0], [0.0, 1.0]], "row 0: not a row of numbers"),
    ],
)
def test_what_has_no_scale_is_refused(values: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_samples(values, "row 0")
