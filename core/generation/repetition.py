"""Rules about tokens that were there before: in the row itself, or in what the encoder was given."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from speechgraft.generation.steps import Steps


@attrs.frozen(eq=False)
class Source:
    """The tokens that the encoder was given."""

    ids: Tensor
    """(utterances, tokens), int64."""

    counts: Tensor
    """(utterances, tokens), bool: those that count."""

    def held(self, vocab_size: int) -> Tensor:
        """Which tokens of a vocabulary each utterance has. *Shapes:* (utterances, vocabulary), bool."""
        held = torch.zeros(len(self.ids), vocab_size + 1, dtype=torch.bool, device=self.ids.device)
        known = self.counts & (self.ids < vocab_size)  # the encoder's vocabulary may be the larger one
        return held.scatter_(1, self.ids.masked_fill(~known, vocab_size), True)[:, :vocab_size]


@attrs.frozen
class RepetitionPenalty:
    """Scores of tokens that a row has: divided by a penalty where above zero, multiplied where below.

    Keskar et al. 2019, section 4.1.
    """

    penalty: float

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        return scores.scatter_(1, ids, penalised(scores.gather(1, ids), self.penalty))


@attrs.frozen(eq=False)
class EncoderRepetition:
    """Scores of tokens that the encoder was given, made better by what `RepetitionPenalty` makes others worse by."""

    reward: float

    held: Tensor
    """(utterances, vocabulary), bool."""

    steps: Steps

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        held = self.held[self.steps.utterances_of(len(ids))]
        return torch.where(held, penalised(scores, 1.0 / self.reward), scores)


def penalised(scores: Tensor, penalty: float) -> Tensor:
    """Scores made smaller by a penalty above 1, larger by one below. *Shapes:* any to the same."""
    return torch.where(scores < 0, scores * penalty, scores / penalty)


@attrs.frozen
class NoRepeatedNgrams:
    """Rules out tokens that would end an n-gram which the row has already."""

    size: int

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        if ids.shape[1] < self.size:
            return scores
        return ruled_out(scores, ids, ids.unfold(1, self.size, 1))


class NoEncoderNgrams:
    """Rules out tokens that would end an n-gram of what the encoder was given.

    Args:
        size: Tokens of an n-gram.
        source: What the encoder was given; an n-gram with tokens that do not count is none.
        steps: Tells which utterance a row is of.
    """

    def __init__(self, size: int, source: Source, steps: Steps) -> None:
        self.size = size
        self.steps = steps
        short = max(0, size - source.ids.shape[1])
        ids = torch.nn.functional.pad(source.ids, (0, short), value=-1)
        counts = torch.nn.functional.pad(source.counts, (0, short))
        # -1 is no token of a row, so that such n-grams are never met
        self.ngrams = ids.masked_fill(~counts, -1).unfold(1, size, 1)  # (utterances, n-grams, size)

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        if ids.shape[1] < self.size - 1:
            return scores
        return ruled_out(scores, ids, self.ngrams[self.steps.utterances_of(len(ids))])


def ruled_out(scores: Tensor, ids: Tensor, ngrams: Tensor) -> Tensor:
    """Scores with -inf for the last tokens of those n-grams whose others a row ends with.

    *Shapes:* `scores` (rows, vocabulary); `ids` (rows, tokens so far); `ngrams` (rows, n-grams, size).
    """
    begun = ids[:, ids.shape[1] - (ngrams.shape[2] - 1) :]  # (rows, size - 1)
    rows, places = (ngrams[..., :-1] == begun[:, None]).all(dim=-1).nonzero(as_tuple=True)
    tokens = ngrams[rows, places, -1]
    known = (tokens >= 0) & (tokens < scores.shape[1])
    scores[rows[known], tokens[known]] = float("-inf")
    return scores
