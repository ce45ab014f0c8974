"""The feature extractor: waveforms in, padded log-mel features and their mask out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from speechgraft.config import FileKeys, Settings, config_class, field, non_negative, positive, rule
from speechgraft.errors import InputError
from torch import Tensor

from speechgraft_logmel.filterbank import log_mel, mel_filters

Rows = Any
"""Samples of one utterance, or of several: arrays, tensors or lists of numbers."""

_SPREAD = 1e-5
"""The least standard deviation that a bin is divided by: a bin of silence stays zero."""


@config_class
class LogMelFeatureExtractor(Settings):
    """Makes batches for encoders that read log-mel features (Davis and Mermelstein 1980, without the cosines).

    Calling it with one utterance or a list of them gives `input_features` (batch, frames, bins), float32, and
    `attention_mask` (batch, frames), int64, 1 for frames and 0 for padding. Each row's numbers are its own: they are
    the same alone and in a batch.

    Raises:
        ConfigError: A setting has a wrong type or an impossible value; all of them are listed.
    """

    file_name: ClassVar[str] = "preprocessor_config.json"
    file_keys: ClassVar[FileKeys] = FileKeys(carried=frozenset({"feature_extractor_type", "processor_class"}))

    num_mel_bins: int = field(default=80, validator=positive)
    """Bands, and bins of a frame: the encoder's `num_mel_bins`."""

    sampling_rate: int = field(default=16_000, validator=positive)
    """Samples a second of what is put in."""

    window: int = field(default=400, validator=positive)
    """Samples of a window (25 ms)."""

    hop: int = field(default=160, validator=positive)
    """Samples from one frame to the next (10 ms)."""

    n_fft: int = field(default=512, validator=positive)
    """Samples of the Fourier transform; windows are filled up to it with zeros."""

    low_frequency: float = field(default=20.0, validator=non_negative)
    """Where the lowest band begins, in hertz."""

    high_frequency: float | None = field(default=None, validator=positive)
    """Where the highest band ends, in hertz; `None`: half of `sampling_rate`."""

    normalize: Literal["utterance", "none"] = field(default="utterance")
    """Whether each bin is brought to mean 0 and variance 1 over an utterance's frames."""

    @rule
    def the_window_fits(self) -> str | None:
        """A longer window would be cut off."""
        return None if self.window <= self.n_fft else f"n_fft: {self.n_fft}, expected at least the window {self.window}"

    @rule
    def bands_are_heard(self) -> str | None:
        """Above half the rate there is no frequency, and below the lowest no band."""
        if self.low_frequency < self.highest <= self.sampling_rate / 2:
            return None
        return (
            f"high_frequency: {self.highest:g} Hz, expected above {self.low_frequency:g} Hz and at most half the rate"
        )

    @rule
    def every_band_holds_a_frequency(self) -> str | None:
        """A band between two frequencies of the transform would be silent whatever is said."""
        if not self.window <= self.n_fft or not self.low_frequency < self.highest <= self.sampling_rate / 2:
            return None  # the rules above tell
        empty = (self.filters().sum(dim=0) == 0).nonzero().flatten().tolist()
        return f"n_fft: {self.n_fft} has no frequency in band {empty[0]} of {self.num_mel_bins}" if empty else None

    @property
    def highest(self) -> float:
        """Where the highest band ends, in hertz."""
        return self.sampling_rate / 2 if self.high_frequency is None else self.high_frequency

    def __call__(
        self,
        raw_speech: Rows,
        *,
        padding: bool = True,
        return_attention_mask: bool = True,
        return_tensors: Literal["pt"] | None = "pt",
        sampling_rate: int | None = None,
    ) -> dict[str, Any]:
        """Features of one utterance or of several.

        Args:
            raw_speech: Mono samples, full scale -1 to 1.
            padding: Whether rows are filled up to the longest; without, rows of several lengths make no batch.
            return_attention_mask: Whether the mask comes with them.
            return_tensors: `"pt"` tensors; `None` a list of one array a row.
            sampling_rate: The rate of `raw_speech`, to be compared with the one expected.

        Raises:
            InputError: The rate is another one, a row is empty or not mono, or rows of several lengths are asked for
                as one tensor without padding.
        """
        if sampling_rate not in (None, self.sampling_rate):
            raise InputError(f"samples at {sampling_rate} Hz, expected {self.sampling_rate} Hz: resample them")
        rows = [self.features(row) for row in _rows(raw_speech)]
        lengths = torch.tensor([len(row) for row in rows])
        if not padding and len(set(lengths.tolist())) > 1:
            raise InputError(f"rows of {lengths.min()} to {lengths.max()} frames make no batch; pass padding=True")
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)  # (batch, frames, bins)
        batch = {"input_features": padded}
        if return_attention_mask:
            batch["attention_mask"] = (torch.arange(padded.shape[1]) < lengths[:, None]).long()
        if return_tensors == "pt":
            return batch
        return {name: [row.numpy() for row in values] for name, values in batch.items()}

    def filters(self) -> Tensor:
        """The bands. *Shapes:* (n_fft // 2 + 1, num_mel_bins), float64."""
        return mel_filters(self.num_mel_bins, self.n_fft, self.sampling_rate, self.low_frequency, self.highest)

    def features(self, samples: Tensor) -> Tensor:
        """Features of one utterance. *Shapes:* (samples,) to (frames, num_mel_bins), float32."""
        frames = log_mel(samples, self.filters(), n_fft=self.n_fft, window=self.window, hop=self.hop)
        if self.normalize == "utterance":
            deviation = frames.std(dim=0, correction=0).clamp(min=_SPREAD)
            frames = (frames - frames.mean(dim=0)) / deviation
        return frames.float()


def _rows(raw_speech: Rows) -> list[Tensor]:
    several = isinstance(raw_speech, Sequence) and len(raw_speech) > 0 and np.ndim(raw_speech[0]) > 0
    rows = [
        torch.as_tensor(np.asarray(row)) for row in (raw_speech if several or np.ndim(raw_speech) > 1 else [raw_speech])
    ]
    for index, row in enumerate(rows):
        if row.dim() != 1 or not len(row):
            raise InputError(f"row {index}: samples of shape {tuple(row.shape)}, expected (samples,), one or more")
        if not row.is_floating_point():
            raise InputError(f"row {index}: samples are {row.dtype}, expected floating point within -1 and 1")
    return [row.double() for row in rows]
