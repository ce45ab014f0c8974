"""Probabilities of prefixes: how well a CTC model agrees with a text that is still being written."""

from __future__ import annotations

import torch
from torch import Tensor

_FLOOR = -1e6
"""Stands for the logarithm of zero in sums over frames, where differences of infinities would be NaN."""


class PrefixScores:
    """For each row the probability that what a CTC model heard begins with the row's tokens.

    Watanabe et al. 2017, "Hybrid CTC/attention architecture for end-to-end speech recognition", algorithm 2, for all
    rows and candidates at once. Its recursions over frames are solved as cumulative sums, in double precision
    whatever that of `log_probs`; the tokens of a row are remembered by two numbers a frame.

    Args:
        log_probs: (utterances, frames, vocabulary), natural logarithms.
        lengths: (utterances,), frames that count.
        blank: The token that stands for nothing.

    Attributes:
        scores: (rows,), log-probabilities of all texts that begin with a row's tokens.
    """

    def __init__(self, log_probs: Tensor, lengths: Tensor, blank: int) -> None:
        self._table = log_probs.transpose(1, 2).contiguous()  # (utterances, vocabulary, frames)
        self._counts = torch.arange(log_probs.shape[1], device=log_probs.device) < lengths[:, None]
        self._utterances = torch.arange(len(log_probs), device=log_probs.device)  # (rows,), each one's utterance
        # Frames behind the end pass on what was there, so that the last frame holds the result of every row.
        self._blanks = self._table[:, blank].double().masked_fill(~self._counts, 0.0)  # (utterances, frames)
        self._last = torch.full_like(self._utterances, -1)
        nothing = torch.zeros(len(log_probs), 1, dtype=torch.float64, device=log_probs.device)
        # (rows, frames + 1): of alignments of all tokens to the first frames, by what the last of these frames says.
        self._in_blank = torch.cat((nothing, self._blanks.cumsum(dim=1)), dim=1)
        self._in_token = torch.full_like(self._in_blank, -torch.inf)
        self.scores = nothing[:, 0]

    def of(self, tokens: Tensor) -> Tensor:
        """Scores of each row with one more token. *Shapes:* (rows, candidates) to (rows, candidates), double."""
        spoken = self._spoken(tokens)  # (rows, candidates, frames)
        before = torch.logaddexp(self._in_token, self._in_blank)[:, None, :-1]  # (rows, 1, frames)
        grown = (before + spoken).logsumexp(dim=-1)
        # The same token again is a new one behind a blank alone.
        again = (self._in_blank[:, :-1] + self._spoken(self._last.clamp(min=0))).logsumexp(dim=-1)
        return torch.where(tokens == self._last[:, None], again[:, None], grown)

    def ended(self) -> Tensor:
        """Log-probabilities of each row's tokens as the whole text. *Shapes:* to (rows,), double."""
        return torch.logaddexp(self._in_token[:, -1], self._in_blank[:, -1])

    def extend(self, tokens: Tensor, which: Tensor) -> None:
        """Add a token to some rows. *Shapes:* `tokens` (rows,), `which` (rows,), bool."""
        spoken = self._spoken(tokens)  # (rows, frames)
        again = (tokens == self._last)[:, None]
        before = torch.where(again, -torch.inf, self._in_token[:, :-1]).logaddexp(self._in_blank[:, :-1])
        in_token = _followed(before, spoken)
        in_blank = _followed(in_token[:, :-1], self._blanks[self._utterances])
        kept = ~which[:, None]
        self.scores = torch.where(which, (before + spoken).logsumexp(dim=-1), self.scores)
        self._in_token = torch.where(kept, self._in_token, in_token)
        self._in_blank = torch.where(kept, self._in_blank, in_blank)
        self._last = torch.where(which, tokens, self._last)

    def reorder(self, rows: Tensor) -> None:
        """Row `i` goes on from what was row `rows[i]`; their number may change. *Shapes:* (rows,)."""
        self._utterances, self._last, self.scores = self._utterances[rows], self._last[rows], self.scores[rows]
        self._in_token, self._in_blank = self._in_token[rows], self._in_blank[rows]

    def _spoken(self, tokens: Tensor) -> Tensor:
        """Log-probabilities of tokens in each frame. *Shapes:* (rows, ...) to (rows, ..., frames), double."""
        utterances = self._utterances.view(-1, *[1] * (tokens.dim() - 1))
        counts = self._counts[utterances]  # (rows, ..., frames)
        return self._table[utterances, tokens].double().masked_fill_(~counts, -torch.inf)


def _followed(before: Tensor, spoken: Tensor) -> Tensor:
    """Of what begins behind each frame and is spoken from there on: `x[t + 1] = (x[t] + before[t]) * spoken[t]`.

    *Shapes:* (rows, frames), (rows, frames), logarithms; to (rows, frames + 1), the first of which is zero.
    """
    spoken = spoken.clamp(min=_FLOOR)
    sums = spoken.cumsum(dim=1)
    found = sums + (before - (sums - spoken)).logcumsumexp(dim=1)
    found = found.masked_fill(found < _FLOOR / 2, -torch.inf)
    return torch.cat((torch.full_like(found[:, :1], -torch.inf), found), dim=1)
