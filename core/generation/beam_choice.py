"""Which tokens may follow: the best continuations of each group of beams, one group after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Candidates(NamedTuple):
    """Continuations, in the order in which they were chosen.

    *Shapes:* (utterances, candidates), or (utterances, groups, candidates).
    """

    scores: Tensor
    """Logarithms of probabilities, summed over the tokens; -inf where there is no such continuation."""

    parents: Tensor
    """Which beam of the group each continues."""

    tokens: Tensor
    """The token that each adds."""

    def taken(self, places: Tensor) -> Candidates:
        """Those at some places of the last dimension."""
        return Candidates(*(values.gather(-1, places) for values in self))

    def first(self, count: int) -> Candidates:
        """Those that were chosen first."""
        return Candidates(*(values[..., :count] for values in self))


class Choice(NamedTuple):
    """Continuations of one group, or of all.

    *Shapes:* `found` and `ending` (utterances, groups, candidates); `going` (utterances, groups, beams).
    """

    found: Candidates
    """All that were looked at."""

    ending: Tensor
    """Which of them end."""

    going: Candidates
    """The best of those that do not end: the next beams, the best first; -inf where there are not so many."""


Judge = Callable[[int, Candidates], Tensor]
"""A group and its candidates (utterances, candidates) to which of them end, bool, of the same shape."""


class Chooser:
    """Picks the continuations of one step.

    Args:
        beams: Beams of a group.
        candidates: Continuations that are looked at for a group: so many that `beams` go on whichever end.
        diversity: What a group's token loses for each beam of an earlier group that takes it in the same step
            (Vijayakumar et al. 2018, "Diverse beam search", section 4, with the Hamming distance).
        draw: Whether continuations are drawn by their probability, without replacement, rather than the best taken.
        generator: Where the draws come from.
    """

    def __init__(
        self,
        beams: int,
        candidates: int,
        *,
        diversity: float = 0.0,
        draw: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        self.beams = beams
        self.candidates = candidates
        self.diversity = diversity
        self.draw = draw
        self.generator = generator

    def __call__(self, scores: Tensor, sums: Tensor, judge: Judge) -> Choice:
        """What each group looks at and goes on with.

        *Shapes:* `scores` (utterances, groups or 1, beams so far, vocabulary), one for all groups before the first
        token; `sums` (utterances, groups, beams so far), what the beams scored so far, added to `scores`.
        """
        choices: list[Choice] = []
        for group in range(sums.shape[1]):
            of_group = scores[:, min(group, scores.shape[1] - 1)]  # (utterances, beams so far, vocabulary)
            if choices and self.diversity:
                of_group = of_group - self.diversity * _times_taken(choices, of_group)
            found = self._continuations(of_group, sums[:, group])
            ending = judge(group, found)
            choices.append(Choice(found, ending, self._going(found, ending)))
        return Choice(
            _stacked([choice.found for choice in choices]),
            torch.stack([choice.ending for choice in choices], dim=1),
            _stacked([choice.going for choice in choices]),
        )

    def _continuations(self, scores: Tensor, sums: Tensor) -> Candidates:
        """*Shapes:* `scores` (utterances, beams so far, vocabulary), `sums` (utterances, beams so far)."""
        # The best of all beams are among the best of each, so that sums over the whole vocabulary are never formed.
        each = min(self.candidates, scores.shape[-1])
        ranks, tokens = (self._shaken(scores) if self.draw else scores).topk(each, dim=-1)
        added = scores.gather(-1, tokens) if self.draw else ranks  # (utterances, beams so far, each)
        count = min(self.candidates, sums.shape[1] * each)
        places = (ranks + sums[..., None]).flatten(1).topk(count, dim=1).indices  # (utterances, count)
        scores = (added + sums[..., None]).flatten(1).gather(1, places)
        found = Candidates(scores, places // each, tokens.flatten(1).gather(1, places))
        return _filled(found, self.candidates)

    def _shaken(self, scores: Tensor) -> Tensor:
        """Scores whose order is a draw without replacement (Kool et al. 2019, "Stochastic beams", section 2.3)."""
        return scores - torch.empty_like(scores).exponential_(generator=self.generator).log_()

    def _going(self, found: Candidates, ending: Tensor) -> Candidates:
        scores, places = found.scores.masked_fill(ending, -torch.inf).topk(self.beams, dim=-1)
        return found.taken(places)._replace(scores=scores)


def _filled(found: Candidates, count: int) -> Candidates:
    """As many candidates as are looked at, where a small vocabulary gives fewer: the rest is impossible."""
    missing = count - found.scores.shape[1]
    if not missing:
        return found
    size = (len(found.scores), missing)
    nothing = found.scores.new_full(size, -torch.inf), found.parents.new_zeros(size), found.tokens.new_zeros(size)
    return Candidates(*(torch.cat(pair, dim=1) for pair in zip(found, nothing, strict=True)))


def _stacked(groups: Sequence[Candidates]) -> Candidates:
    """*Shapes:* for each group (utterances, candidates), to (utterances, groups, candidates)."""
    return Candidates(*(torch.stack(values, dim=1) for values in zip(*groups, strict=True)))


def _times_taken(choices: Sequence[Choice], like: Tensor) -> Tensor:
    """How many beams of earlier groups took each token. *Shapes:* to (utterances, 1, vocabulary)."""
    taken = like.new_zeros(like.shape[0], like.shape[-1])
    for choice in choices:
        taken.scatter_add_(1, choice.going.tokens, torch.isfinite(choice.going.scores).to(taken.dtype))
    return taken[:, None]
