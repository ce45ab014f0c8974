"""Tokens read from frames, and the greedy way to read them."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from speechgraft.ctc.scores import rows_of


@attrs.frozen
class Reading:
    """Tokens of one utterance, with the frames that each of them takes."""

    tokens: tuple[int, ...]
    """Token ids; repeated frames are one token, and there are no blanks."""

    spans: tuple[tuple[int, int], ...]
    """For each token its first frame and the frame behind its last."""

    score: float
    """Natural logarithm of its probability: of the best alignment, or of all alignments after a beam search."""

    language: float = 0.0
    """What a language model added, with its weights."""

    @property
    def total(self) -> float:
        """What readings of one utterance are ranked by."""
        return self.score + self.language


def greedy(logits: Tensor, lengths: Any = None, *, blank: int) -> list[Reading]:
    """The best token of each frame, equal neighbours taken as one, blanks left out.

    Graves et al. 2006, "Connectionist temporal classification", section 3.2 ("best path decoding").

    Args:
        logits: (batch, frames, vocabulary): scores or log-probabilities.
        lengths: (batch,): frames of each utterance; `None` is all of them.
        blank: The token that stands for nothing.

    Returns:
        One reading a row; its score is that of the best path, a lower bound for the score of its tokens.

    Raises:
        InputError: Shapes or lengths that do not fit, NaN, a blank that the vocabulary lacks.
    """
    rows = rows_of(logits, lengths, blank=blank)
    return [read_path(row.argmax(axis=-1), float(row.max(axis=-1).sum()), blank) for row in rows]


def read_path(path: NDArray[np.integer[Any]], score: float, blank: int) -> Reading:
    """The tokens of a path with a token or blank a frame. *Shapes:* `path` (frames,)."""
    tokens: list[int] = []
    spans: list[tuple[int, int]] = []
    begin = 0
    for token, frames in groupby(path.tolist()):
        end = begin + sum(1 for _ in frames)
        if token != blank:
            tokens.append(token)
            spans.append((begin, end))
        begin = end
    return Reading(tuple(tokens), tuple(spans), score)
