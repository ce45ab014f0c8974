"""Recordings as rows of data sets hold them: objects with samples and their rate, or with a file's bytes or path."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

from speechgraft.audio.read import Audio, AudioSource
from speechgraft.errors import InputError

_EXPECTED = "{'array', 'sampling_rate'}, or {'bytes', 'path'} of which one is not None"


def of_row(row: Mapping[str, Any]) -> Audio | AudioSource:
    """What a row holds: its sound, or where `read_audio` finds it.

    Args:
        row: `{"array": samples, "sampling_rate": rate}`, as an audio column of `datasets` was decoded to, or
            `{"bytes": file, "path": path}`, as one with `decode=False` holds it; bytes go before the path.

    Raises:
        InputError: It holds neither, or samples that are none.
    """
    path, data = row.get("path"), row.get("bytes")
    if "array" in row:
        rate = row.get("sampling_rate")
        if not isinstance(rate, Integral) or isinstance(rate, bool):
            raise InputError(f"sampling_rate is {rate!r} in a row of audio, expected samples a second")
        return Audio.of(row["array"], int(rate), path if isinstance(path, str) else "<array>")
    if isinstance(data, bytes):
        return data
    if isinstance(path, str):
        return path
    raise InputError(f"a row of audio with {sorted(map(str, row))}, expected {_EXPECTED}")
