"""From raw samples to what a waveform encoder takes: normalised, padded, with its mask."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from speechgraft.audio.collate import MASK, VALUES, Columns, Given
from speechgraft.audio.padding import pad_rows, planned_length, truncate_rows
from speechgraft.audio.samples import as_samples
from speechgraft.batch import Batch, Padding, check_tensors
from speechgraft.checkpoint.place import place_and_rest
from speechgraft.errors import ConfigError, InputError, did_you_mean
from speechgraft.json_files import read_json, write_json
from speechgraft.routing import named

_KINDS: dict[str, type | tuple[type, ...]] = {
    "feature_size": int,
    "sampling_rate": int,
    "padding_value": (int, float),
    "padding_side": str,
    "return_attention_mask": bool,
    "do_normalize": bool,
    "normalize_over": str,
}

_HIGHEST_RATE = 768_000
"""No recording has more; what is resampled to a far higher rate outgrows the memory."""

_LARGEST_SAMPLE = float(np.finfo(np.float32).max)

_CHOICES: dict[str, tuple[Any, ...]] = {
    "feature_size": (1,),  # a waveform has one value a sample
    "padding_side": ("right", "left"),
    "normalize_over": ("utterance", "row"),
}


class Features(Batch):
    """`input_values` and, where it is asked for, `attention_mask` of a batch of audio."""


def _checked(extractor: Wav2Vec2FeatureExtractor, attribute: attrs.Attribute[Any], value: Any) -> Any:
    if problem := _problem(attribute.name, value):
        raise ConfigError(f"{type(extractor).__name__}: one value is wrong", [problem])
    return value


def _problem(name: str, value: Any) -> str | None:
    if name not in _KINDS:
        return None
    if problem := _wrong_kind(value, _KINDS[name]):
        return f"$.{name}: {problem}"
    if name == "sampling_rate" and not 0 < value <= _HIGHEST_RATE:
        return f"$.sampling_rate: {value}, expected a positive number of samples a second, up to {_HIGHEST_RATE}"
    if name == "padding_value" and not abs(value) <= _LARGEST_SAMPLE:
        return f"$.padding_value: {value}, expected a number that float32 holds"
    if name in _CHOICES and value not in _CHOICES[name]:
        return f"$.{name}: {value!r}, expected {' or '.join(map(repr, _CHOICES[name]))}"
    return None


def _wrong_kind(value: Any, kind: type | tuple[type, ...]) -> str | None:
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return None
    expected = "a number" if isinstance(kind, tuple) else kind.__name__
    return f"{value!r} is a {type(value).__name__}, expected {expected}"


@attrs.define(slots=False, on_setattr=_checked)
class Wav2Vec2FeatureExtractor:
    """Makes batches for encoders that read waveforms.

    Calling it with one utterance or a list of them gives `Features` with `input_values`
    (batch, samples), float32, and, where asked for, `attention_mask` (batch, samples), int32, 1 for
    samples and 0 for padding.

    Raises:
        ConfigError: A setting has a wrong type or an impossible value; all of them are listed.
    """

    feature_size: int = 1
    """Values a sample: always 1."""

    sampling_rate: int = 16_000
    """Samples a second of what is put in."""

    padding_value: float = 0.0
    """What shorter rows are filled with."""

    return_attention_mask: bool = False
    """Whether the mask is returned when the call does not say."""

    do_normalize: bool = True
    """Whether each utterance is brought to mean 0 and variance 1."""

    padding_side: Literal["right", "left"] = attrs.field(default="right", kw_only=True)
    """Where the padding goes."""

    normalize_over: Literal["utterance", "row"] = attrs.field(default="utterance", kw_only=True)
    """What mean and variance are taken over. `"row"` includes the padding where no mask is returned:
    numbers then depend on the batch, as they do in other implementations."""

    extras: dict[str, Any] = attrs.field(factory=dict, kw_only=True)
    """Keys of `preprocessor_config.json` that nothing here reads; kept and written back."""

    FILE: ClassVar[str] = "preprocessor_config.json"

    model_input_names: ClassVar[tuple[str, ...]] = (VALUES, MASK)
    """What a call gives."""

    def __attrs_post_init__(self) -> None:
        problems = [_problem(name, getattr(self, name)) for name in _KINDS]
        if found := [problem for problem in problems if problem]:
            raise ConfigError(f"{type(self).__name__}: {len(found)} wrong", found)

    @named
    def __call__(
        self,
        raw_speech: ArrayLike | Sequence[ArrayLike],
        padding: bool | str = False,
        max_length: int | None = None,
        truncation: bool = False,
        pad_to_multiple_of: int | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: Literal["pt", "np"] | None = None,
        sampling_rate: int | None = None,
    ) -> Features:
        """Normalise and pad.

        Args:
            raw_speech: Mono samples of one utterance, or of several: arrays, tensors or lists. Full scale is -1 to 1;
                integers of 8, 16 and 32 bits are scaled to that, as `soundfile` does.
            padding: `True` or `"longest"`; `"max_length"`; `False` or `"do_not_pad"`.
            max_length: Samples that `padding="max_length"` pads to and `truncation` cuts at.
            truncation: Whether longer rows are cut.
            pad_to_multiple_of: Rounds these lengths up.
            return_attention_mask: Overrides the setting of the same name.
            return_tensors: `"pt"` torch tensors, `"np"` arrays, `None` a list of one array a row.
            sampling_rate: The rate of `raw_speech`, to be compared with the one expected.

        Raises:
            InputError: The rate is another one, a row is empty, not mono, not finite or of integers of 64 bits,
                or rows of different lengths are asked for as one tensor.
        """
        self._check_rate(sampling_rate)
        rows = _rows(raw_speech)
        wants_mask = self.return_attention_mask if return_attention_mask is None else return_attention_mask
        rows = truncate_rows(rows, max_length, pad_to_multiple_of, truncation)
        length = planned_length(rows, Padding.parse(padding), max_length, pad_to_multiple_of)
        values, masks = self._normalised(rows, length, wants_mask)
        batch: dict[str, list[NDArray[Any]]] = {"input_values": values}
        if wants_mask:
            batch["attention_mask"] = masks
        return Features((key, _as_tensors(arrays, return_tensors)) for key, arrays in batch.items())

    @named
    def pad(
        self,
        processed_features: Given,
        padding: bool | str = True,
        max_length: int | None = None,
        truncation: bool = False,
        pad_to_multiple_of: int | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: Literal["pt", "np"] | None = None,
    ) -> Features:
        """Put what calls gave together to one batch, without normalising it again.

        Args:
            processed_features: Features of a batch, or a list of those of each utterance. What there is besides
                values and masks is put one row behind the other.
            padding: As in a call.
            max_length: As in a call.
            truncation: As in a call.
            pad_to_multiple_of: As in a call.
            return_attention_mask: As in a call; masks that are put in come out.
            return_tensors: As in a call; by default what was put in.

        Raises:
            InputError: There are no `input_values`, or rows of different lengths are asked for as one tensor.
        """
        columns = Columns.of(processed_features)
        values, masks = columns.padded(
            padding, max_length, truncation, pad_to_multiple_of, value=self.padding_value, side=self.padding_side
        )
        kind = return_tensors or columns.kind
        batch = Features({VALUES: _as_tensors(values, kind)})
        wants_mask = self.return_attention_mask if return_attention_mask is None else return_attention_mask
        if wants_mask or columns.masks is not None:
            batch[MASK] = _as_tensors(masks, kind)
        for name, rows in columns.others.items():
            batch[name] = _as_tensors([np.asarray(row) for row in rows], kind)
        return batch

    def _normalised(
        self, rows: list[NDArray[np.float32]], length: int | None, has_mask: bool
    ) -> tuple[list[NDArray[np.float32]], list[NDArray[np.int32]]]:
        over_row = self.normalize_over == "row" and not has_mask
        if self.do_normalize and not over_row:
            rows = [_standardised(row) for row in rows]
        values, masks = pad_rows(rows, length, self.padding_value, self.padding_side)
        if self.do_normalize and over_row:
            values = [_standardised(row) for row in values]
        return values, masks

    def _check_rate(self, rate: int | None) -> None:
        if rate is not None and rate != self.sampling_rate:
            raise InputError(f"samples at {rate} Hz, expected {self.sampling_rate} Hz: resample them (read_audio does)")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Settings as `preprocessor_config.json` holds them; unknown keys are kept in `extras`."""
        known = {name: value for name, value in data.items() if name in _KINDS}
        return cls(**known, extras={name: value for name, value in data.items() if name not in _KINDS})

    def to_dict(self) -> dict[str, Any]:
        """The contents of `preprocessor_config.json`."""
        settings = {name: getattr(self, name) for name in _KINDS}
        if self.normalize_over == "utterance":
            del settings["normalize_over"]
        return {"feature_extractor_type": "Wav2Vec2FeatureExtractor", **self.extras, **settings}

    @classmethod
    def from_pretrained(cls, dir_or_id: str | os.PathLike[str], **options: Any) -> Self:
        """Read from a folder or a hub repository.

        The settings are in `preprocessor_config.json`, or under `feature_extractor` in `processor_config.json`.

        Args:
            dir_or_id: A folder, or the id of a repository on the hub.
            **options: `revision`, `subfolder`, `token`, `cache_dir`, `local_files_only`, for the hub; settings in
                place of those of the file.

        Raises:
            CheckpointError: There is neither, or it is not a JSON object.
            ConfigError: A value is wrong, or an override is unknown.
        """
        folder, settings = place_and_rest(dir_or_id, options)
        for name in settings.keys() - _KINDS.keys():
            raise ConfigError(f"{cls.__name__} has no setting {name!r}{did_you_mean(name, _KINDS)}")
        try:
            return cls.from_dict({**read_settings(folder), **settings})
        except ConfigError as error:
            raise ConfigError(f"{folder}: {error.title}", error.problems) from None

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write `preprocessor_config.json` into a folder, which is made if it is not there."""
        write_json(Path(folder) / self.FILE, self.to_dict())


def read_settings(folder: Path) -> dict[str, Any]:
    """What the files of a folder say of the extractor.

    Raises:
        CheckpointError: There are none, or one is not a JSON object.
    """
    processor = folder / "processor_config.json"
    if not (folder / Wav2Vec2FeatureExtractor.FILE).exists() and processor.exists():
        settings = read_json(processor).get("feature_extractor")
        if isinstance(settings, dict):
            return settings
    return read_json(folder / Wav2Vec2FeatureExtractor.FILE)


def _rows(raw_speech: Any) -> list[NDArray[np.float32]]:
    rows = raw_speech if _is_batch(raw_speech) else [raw_speech]
    if not len(rows):
        raise InputError("a batch of no utterances, expected at least one")
    return [_row(row, index) for index, row in enumerate(rows)]


def _is_batch(raw_speech: Any) -> bool:
    if isinstance(raw_speech, list | tuple):
        return not raw_speech or np.ndim(raw_speech[0]) > 0
    return np.ndim(raw_speech) > 1


def _row(row: Any, index: int) -> NDArray[np.float32]:
    # A copy: what is given back must not share memory with what was put in.
    samples = as_samples(row, f"row {index}").copy()
    if not len(samples):
        raise InputError(f"row {index}: no samples")
    if not np.isfinite(samples).all():
        raise InputError(f"row {index}: sample {int(np.flatnonzero(~np.isfinite(samples))[0])} is not a finite number")
    return samples


def _standardised(row: NDArray[np.float32]) -> NDArray[np.float32]:
    # In float32 throughout: published checkpoints were trained on exactly these numbers.
    scaled = (row - row.mean()) / np.sqrt(row.var() + 1e-7)
    return np.asarray(scaled, dtype=np.float32)


def _as_tensors(arrays: list[NDArray[Any]], kind: str | None) -> Any:
    if kind is None:
        return arrays
    check_tensors(kind)
    lengths = {len(array) for array in arrays if array.ndim}
    if len(lengths) > 1:
        raise InputError(f"rows of {min(lengths)} to {max(lengths)} samples make no single tensor; pass padding=True")
    stacked = np.stack(arrays)
    if kind == "np":
        return stacked
    import torch

    return torch.from_numpy(stacked)
