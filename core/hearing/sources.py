"""Where recordings come from: files, bytes and samples, read and checked for a model."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from speechgraft.audio import Audio, AudioSource, of_row, read_audio, source_name
from speechgraft.errors import InputError, SpeechGraftError
from speechgraft.hearing.results import Failure

Source = AudioSource | Audio | NDArray[Any] | torch.Tensor | Mapping[str, Any]
"""A path, the bytes of a file, a binary file, an `Audio`, an array or tensor of mono samples at the extractor's
rate: floats of which full scale is -1 to 1, or integers of 8, 16 or 32 bits, which are scaled to that; or an object of
a data set's audio column, see `speechgraft.audio.of_row`."""


def listed(sources: Any) -> Iterable[Source]:
    """The sources of a call, of which a single one needs no list."""
    alone = (str, os.PathLike, bytes, bytearray, Audio, np.ndarray, torch.Tensor, Mapping)
    one = isinstance(sources, alone) or hasattr(sources, "read")
    many: Iterable[Source] = [sources] if one else sources
    return many


@attrs.frozen
class Reader:
    """What a model needs of a recording, and how much of it a call takes."""

    rate: int
    """Samples a second, to which recordings are resampled."""

    least: int
    """The fewest samples that the model can do with."""

    max_seconds: float | None
    """The longest audio that is taken, `None` for any."""

    def read(self, index: int, source: Source) -> Audio | Failure:
        """A recording, by its place among the sources, or why it cannot be taken."""
        try:
            audio = self._audio(source)
            self._check_length(audio)
        except SpeechGraftError as error:
            name = source.source if isinstance(source, Audio) else source_name(source)
            return Failure(index, name, error)
        return audio

    def _audio(self, source: Source) -> Audio:
        if isinstance(source, Mapping):
            source = of_row(source)
        if isinstance(source, Audio):
            return source.at(self.rate)
        if isinstance(source, np.ndarray | torch.Tensor):
            return Audio.of(source, self.rate)
        if not (isinstance(source, str | os.PathLike | bytes) or hasattr(source, "read")):
            raise InputError(
                "expected a path, bytes, a binary file, an Audio, a row's audio, or an array or tensor of samples, "
                f"not a {type(source).__name__}"
            )
        return read_audio(source, self.rate, max_seconds=self.max_seconds)

    def _check_length(self, audio: Audio) -> None:
        if self.max_seconds is not None and audio.seconds > self.max_seconds:
            allowed = f"more than the {self.max_seconds:g} s allowed"
            raise InputError(f"{audio.source}: {audio.seconds:.1f} s long, {allowed}")
        if len(audio.samples) < self.least:
            found = f"{len(audio.samples)} samples at {audio.rate} Hz"
            raise InputError(f"{audio.source}: {found}, too short: the model needs at least {self.least}")
