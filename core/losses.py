"""Losses of a pair, each normalised by the number of label tokens."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

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
    """Labels that count, of a whole batch.

    Raises:
        InputError: There are none, so that a mean over them means nothing.
    """
    count = int((labels != IGNORED).sum())
    if count == 0:
        raise InputError(f"every label is {IGNORED}: there is nothing to learn from")
    return count


def cross_entropy(logits: Tensor, labels: Tensor, count: Tensor | int) -> Tensor:
    """Summed cross-entropy over `count` tokens. *Shapes:* (batch, tokens, vocabulary), (batch, tokens) to ()."""
    total = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum")
    return total / count


def ctc(
    logits: Tensor, frames: Tensor, labels: Tensor, *, skipped: set[int], blank: int, count: Tensor | int
) -> Tensor:
    """Connectionist temporal classification (Graves et al. 2006), summed, over `count` tokens.

    Rows with more labels than frames can carry count zero.

    Raises:
        InputError: A label, or the blank, is none of the vocabulary.

    *Shapes:* `logits` (batch, frames, vocabulary); `frames` (batch,); `labels` (batch, tokens), those in
    `skipped` left out; to ().
    """
    kept = labels != IGNORED
    for token in skipped:
        kept &= labels != token
    _check_vocabulary(labels, kept, blank, logits.shape[-1])
    # Half precision is too coarse for sums over paths; what is finer than float32 stays.
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    log_probs = wide.log_softmax(dim=-1).transpose(0, 1)  # (frames, batch, vocabulary)
    total = F.ctc_loss(
        log_probs, labels[kept], frames, kept.sum(dim=1), blank=blank, reduction="sum", zero_infinity=True
    )
    return total / count


def _check_vocabulary(labels: Tensor, kept: Tensor, blank: int, size: int) -> None:
    """The loss itself would read beyond its logits."""
    if blank >= size:
        raise InputError(f"the blank is token {blank} (pad_token_id), but the CTC head has {size} tokens")
    outside = kept & (labels >= size)
    if bool(outside.any()):
        row, column = outside.nonzero()[0].tolist()
        found = f"labels hold id {int(labels[row, column])} in row {row}, place {column}"
        raise InputError(f"{found}, but the CTC head has {size} tokens (0 to {size - 1})")
