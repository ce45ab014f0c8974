"""Losses of pairs and of heads."""

from __future__ import annotations

import math
from collections.abc import Collection
from numbers import Real
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from speechgraft.checks import check_tensor
from speechgraft.errors import InputError

IGNORED = -100
"""The label that counts for nothing."""


def shift_right(labels: Tensor, *, start: int, pad: int) -> Tensor:
    """Decoder inputs for labels: the start token, then each label but the last.

    *Shapes:* (batch, tokens) to the same; ignored labels become `pad`.
    """
    shifted = torch.cat([torch.full_like(labels[:, :1], start), labels[:, :-1]], dim=1)
    return shifted.masked_fill(shifted == IGNORED, pad)


def label_lengths(labels: Tensor) -> Tensor:
    """Places of each row up to its last label that counts. *Shapes:* (batch, tokens) to (batch,)."""
    places = torch.arange(1, labels.shape[1] + 1, device=labels.device)
    return torch.where(labels != IGNORED, places, 0).amax(dim=1)


def count_labels(labels: Tensor) -> int:
    """Labels that count, of a whole batch: those that are not negative.

    Raises:
        InputError: There are none, so that a mean over them means nothing.
    """
    count = int((labels >= 0).sum())
    if count == 0:
        raise InputError(f"every label is {IGNORED}: there is nothing to learn from")
    return count


def tokens_of(labels: Tensor, stated: Tensor | int | None) -> Tensor | int:
    """What a loss is divided by: the labels that count or, where it is stated, those of a whole step.

    Raises:
        InputError: There are none; or what is stated is no number above 0.
    """
    if stated is None:
        return count_labels(labels)
    value = stated.item() if isinstance(stated, Tensor) and stated.numel() == 1 else stated
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value < math.inf:
        raise InputError(
            f"num_items_in_batch is {value!r}, expected the number of label tokens in all micro-batches of a step"
        )
    return stated


def cross_entropy(logits: Tensor, labels: Tensor, count: Tensor | int) -> Tensor:
    """Summed cross-entropy over `count` tokens. *Shapes:* (batch, tokens, vocabulary), (batch, tokens) to ()."""
    total = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum")
    return total / count


def ctc(
    logits: Tensor,
    frames: Tensor,
    labels: Tensor,
    *,
    blank: int,
    skipped: Collection[int] = (),
    reduction: Literal["sum", "mean"] = "sum",
    zero_infinity: bool = False,
) -> Tensor:
    """Connectionist temporal classification (Graves et al. 2006).

    Args:
        logits: Scores of each token in each frame.
        frames: Frames of each row that count.
        labels: What each row says. Negative ones, `blank` and `skipped` are left out.
        blank: The token that stands for nothing new.
        skipped: Tokens that mark places of a text and are not heard.
        reduction: `"sum"` over the rows; `"mean"`: each row's loss is divided by its number of labels (by 1 where
            it has none), then the mean over the rows is taken.
        zero_infinity: Whether rows whose labels do not fit into their frames count zero.

    Raises:
        InputError: A label, or the blank, is none of the vocabulary; a row's labels do not fit into its frames.

    *Shapes:* `logits` (batch, frames, vocabulary); `frames` (batch,); `labels` (batch, tokens); to ().
    """
    kept = (labels >= 0) & (labels != blank)
    for token in skipped:
        kept &= labels != token
    _check_vocabulary(labels, kept, blank, logits.shape[-1])
    if not zero_infinity:
        _check_room(labels, kept, frames)
    # Half precision is too coarse for sums over paths; what is finer than float32 stays.
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    log_probs = wide.log_softmax(dim=-1).transpose(0, 1)  # (frames, batch, vocabulary)
    return F.ctc_loss(
        log_probs,
        labels[kept].long(),
        frames,
        kept.sum(dim=1),
        blank=blank,
        reduction=reduction,
        zero_infinity=zero_infinity,
    )


def _check_vocabulary(labels: Tensor, kept: Tensor, blank: int, size: int) -> None:
    """The loss itself would read beyond its logits."""
    if not 0 <= blank < size:
        raise InputError(f"the blank is token {blank} (pad_token_id), but the CTC head has {size} tokens")
    outside = kept & (labels >= size)
    if bool(outside.any()):
        row, column = outside.nonzero()[0].tolist()
        found = f"labels hold id {int(labels[row, column])} in row {row}, place {column}"
        raise InputError(f"{found}, but the CTC head has {size} tokens (0 to {size - 1})")


def _check_room(labels: Tensor, kept: Tensor, frames: Tensor) -> None:
    """A frame says one label, and between two equal ones there is a blank."""
    rows = zip(labels.cpu(), kept.cpu(), frames.tolist(), strict=True)
    for row, (tokens, mask, room) in enumerate(rows):
        said = tokens[mask]
        repeats = int((said[1:] == said[:-1]).sum())
        if len(said) + repeats > room:
            between = f" and {repeats} blanks between equal ones" if repeats else ""
            raise InputError(
                f"labels of row {row} need {len(said) + repeats} frames ({len(said)} labels{between}), but the audio "
                f"has {room}; with ctc_zero_infinity such rows count zero"
            )


def classification(
    logits: Tensor,
    labels: Tensor,
    kind: Literal["regression", "single_label_classification", "multi_label_classification"],
) -> Tensor:
    """Mean loss of whole rows: mean squared error, cross-entropy, or binary cross-entropy of each class.

    Raises:
        InputError: The labels have another shape or type, or one is none of the classes; naming the row.

    *Shapes:* `logits` (batch, classes); `labels` (batch,) or (batch, 1), numbers of classes, or of a regression or of
    of several classes at once as many as logits; to ().
    """
    check_tensor(labels, "labels")
    rows, classes = logits.shape
    if kind == "single_label_classification":
        labels = _as_shape(labels, (rows,))
        _check_classes(labels, classes)
        return F.cross_entropy(logits, labels.long())
    labels = _as_shape(labels, (rows, classes)).to(logits.dtype)
    if kind == "regression":
        _check_values(labels, torch.isfinite(labels), "a number")
        return F.mse_loss(logits, labels)
    _check_values(labels, (labels >= 0) & (labels <= 1), "between 0 and 1")
    return F.binary_cross_entropy_with_logits(logits, labels)


def _as_shape(labels: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Labels of one number a row may or may not have a dimension for it."""
    widths = [[size for size in sizes[1:] if size != 1] for sizes in (labels.shape, shape)]
    if labels.shape[:1] != shape[:1] or widths[0] != widths[1]:
        raise InputError(f"labels have shape {tuple(labels.shape)}, but {shape} was expected")
    return labels.reshape(shape)


def _check_classes(labels: Tensor, classes: int) -> None:
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise InputError(f"labels are {labels.dtype}, but numbers of classes (int64) were expected")
    outside = (labels < 0) | (labels >= classes)
    if bool(outside.any()):
        row = int(outside.nonzero()[0])
        found = f"labels hold {int(labels[row])} in row {row}"
        raise InputError(f"{found}, but there are {classes} classes (0 to {classes - 1})")


def _check_values(labels: Tensor, fine: Tensor, expected: str) -> None:
    if not bool(fine.all()):
        row, column = (~fine).nonzero()[0].tolist()
        raise InputError(f"labels hold {labels[row, column].item()} in row {row}, but {expected} was expected")
