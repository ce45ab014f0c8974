"""What the scores of a CTC model must be before they are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechgraft.checks import check_tensor
from speechgraft.errors import InputError

Rows = list[NDArray[np.float64]]
"""For each utterance (its frames, vocabulary): log-probabilities."""


def rows_of(logits: Tensor, lengths: Any = None, *, blank: int) -> Rows:
    """The log-probabilities of each utterance, without the frames behind its end.

    Args:
        logits: (batch, frames, vocabulary): scores, or log-probabilities, which normalising leaves as they are.
        lengths: (batch,): frames of each utterance; `None` is all of them.
        blank: The token that stands for nothing.

    Raises:
        InputError: Another shape or type, lengths that cannot be, a blank that the vocabulary lacks, NaN.
    """
    _check_shape(logits, blank)
    counts = _counts(lengths, logits.shape[0], logits.shape[1])
    # Half precision is too coarse for sums over paths.
    wide = logits.detach().to(torch.promote_types(logits.dtype, torch.float32))
    log_probs = wide.log_softmax(dim=-1).cpu().double().numpy()  # (batch, frames, vocabulary)
    rows = [row[:count] for row, count in zip(log_probs, counts, strict=True)]
    for number, row in enumerate(rows):
        _check_numbers(row, number)
    return rows


def _check_shape(logits: Tensor, blank: int) -> None:
    check_tensor(logits, "logits")
    shape = tuple(logits.shape)
    if logits.dim() != 3 or not logits.is_floating_point():
        raise InputError(f"logits have shape {shape} of {logits.dtype}, expected floats (batch, frames, vocabulary)")
    if not 0 <= blank < shape[-1]:
        raise InputError(f"the blank is token {blank}, but there are logits for {shape[-1]} tokens (from 0 on)")


def _counts(lengths: Any, rows: int, frames: int) -> list[int]:
    if lengths is None:
        return [frames] * rows
    found = torch.as_tensor(lengths)
    if tuple(found.shape) != (rows,) or found.is_floating_point() or found.dtype == torch.bool:
        raise InputError(f"lengths have shape {tuple(found.shape)} of {found.dtype}, expected integers ({rows},)")
    counts = [int(count) for count in found.tolist()]
    for row, count in enumerate(counts):
        if not 0 <= count <= frames:
            raise InputError(f"row {row} has a length of {count} frames, but the logits have {frames}")
    return counts


def _check_numbers(log_probs: NDArray[np.float64], row: int) -> None:
    """Normalising makes NaN of infinity as well, and of a frame in which nothing is possible."""
    broken = np.isnan(log_probs).any(axis=-1)
    if broken.any():
        raise InputError(
            f"row {row}, frame {int(broken.argmax())}: logits hold NaN or infinity, or nothing is possible"
        )
