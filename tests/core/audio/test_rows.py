"""Rows of data sets as sources of audio."""

from __future__ import annotations

import numpy as np
import pytest

from speechgraft.audio import of_row
from speechgraft.errors import InputError


def test_decoded_rows_are_sound_at_their_own_rate():
    audio = of_row({"array": np.ones(8, np.float32), "sampling_rate": 8000, "path": "a.wav"})
    assert (len(audio.samples), audio.rate, audio.source) == (8, 8000, "a.wav")
    assert of_row({"array": [0.5] * 4, "sampling_rate": np.int64(16000), "path": None}).source == "<array>"


def test_bytes_go_before_the_path():
    assert of_row({"bytes": b"RIFF", "path": "a.wav"}) == b"RIFF"
    assert of_row({"bytes": None, "path": "a.wav"}) == "a.wav"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, r"a row of audio with \[\], expected \{'array'"),
        ({"bytes": None, "path": None}, r"with \['bytes', 'path'\], expected"),
        ({"array": [0.0]}, "sampling_rate is None"),
        ({"array": [0.0], "sampling_rate": "16000"}, "sampling_rate is '16000'"),
        ({"array": [[0.0], [1.0]], "sampling_rate": 16000}, "of one channel"),
    ],
    ids=str,
)
def test_other_rows_are_refused(row, expected):
    with pytest.raises(InputError, match=expected):
        of_row(row)
