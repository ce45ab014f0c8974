"""The scores of each step of a beam search, and their memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from speechgraft.generation.output import certain
from speechgraft.generation.rules import Rule, applied
from speechgraft.generation.steps import Steps

Kept = tuple[Tensor, ...] | None


class _Shown(NamedTuple):
    """(rows, vocabulary) of one step, `times` rows for each of these utterances."""

    utterances: Tensor
    times: int
    values: Tensor


class Scorer:
    """The log-probabilities of each step, as the search weighs them.

    Args:
        steps: What gives logits.
        changes: Change the log-probabilities, one after another.
        keep_scores: Whether the scores of each step are kept.
        keep_logits: Whether the logits of each step are kept.
    """

    def __init__(self, steps: Steps, changes: Sequence[Rule], *, keep_scores: bool, keep_logits: bool) -> None:
        self.steps = steps
        self._changes = changes
        self._scores: list[_Shown] | None = [] if keep_scores else None
        self._logits: list[_Shown] | None = [] if keep_logits else None

    def __call__(self, rows: Tensor) -> Tensor:
        """What each token scores. *Shapes:* (rows, tokens so far) to (rows, vocabulary)."""
        logits = self.steps(rows)
        self._keep(self._logits, logits)
        scores = applied(self._changes, rows, logits.log_softmax(dim=-1))
        self._keep(self._scores, scores)
        return scores

    def kept(self, utterances: int, beams: int, pad: int) -> tuple[Kept, Kept]:
        """Scores and logits of all steps, or `None` where they were not to be kept.

        *Shapes:* for each step (utterances * beams, vocabulary), certain of `pad` for utterances that had left.
        """
        scores, logits = (
            None if shown is None else tuple(_of_all(step, utterances, beams, pad) for step in shown)
            for shown in (self._scores, self._logits)
        )
        return scores, logits

    def _keep(self, shown: list[_Shown] | None, values: Tensor) -> None:
        if shown is not None:
            shown.append(_Shown(self.steps.utterances, self.steps.times, values.clone()))


def _of_all(step: _Shown, utterances: int, beams: int, pad: int) -> Tensor:
    """With a row for each beam of each utterance; those of the first step are equal."""
    return certain(step.values, step.utterances, utterances, pad).repeat_interleave(beams // step.times, dim=0)
