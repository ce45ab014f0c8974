"""What the scores of a step go through before a token is drawn: temperature, then one cut after the other.

Each is a rule (see `speechgraft.generation.rules`), applied in the published order. `keep` is the number of most
probable tokens that no cut takes away.
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from speechgraft.generation.config import GenerationConfig
from speechgraft.generation.rules import Rule

_NEVER = float("-inf")


def warpers_of(config: GenerationConfig, ends: int) -> list[Rule]:
    """What a config asks for.

    Args:
        config: How to generate.
        ends: How many tokens end a row: where beams are drawn, one token more than these has to be left.
    """
    warpers: list[Rule] = []
    if config.do_sample:
        warpers += _drawn(config, max(ends, 1) + 1 if config.num_beams > 1 else 1)
    if config.renormalize_logits:
        warpers.append(Normalised())
    return warpers


def _drawn(config: GenerationConfig, keep: int) -> list[Rule]:
    warpers: list[Rule] = []
    if config.temperature != 1.0:
        warpers.append(Temperature(config.temperature))
    if config.top_h is not None:
        warpers.append(TopH(config.top_h))
    if config.top_k:
        warpers.append(TopK(config.top_k, keep))
    if config.top_p < 1.0:
        warpers.append(TopP(config.top_p, keep))
    if config.min_p is not None:
        warpers.append(MinP(config.min_p, keep))
    if config.typical_p < 1.0:
        warpers.append(TypicalP(config.typical_p, keep))
    if config.epsilon_cutoff:
        warpers.append(EpsilonCutoff(config.epsilon_cutoff, keep))
    if config.eta_cutoff:
        warpers.append(EtaCutoff(config.eta_cutoff, keep))
    return warpers


@attrs.frozen
class Temperature:
    """Divides scores."""

    value: float

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        return scores.div_(self.value)


@attrs.frozen
class TopK:
    """Leaves the most probable tokens, and those that are as probable as the last of them (Fan et al. 2018)."""

    count: int

    keep: int = 1

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        return scores.masked_fill_(scores < nth_highest(scores, max(self.count, self.keep)), _NEVER)


@attrs.frozen
class TopP:
    """Leaves the fewest most probable tokens that have a probability together (nucleus, Holtzman et al. 2020)."""

    mass: float

    keep: int = 1

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        ordered, tokens = scores.sort(dim=-1)  # the least probable first
        cut = ordered.softmax(dim=-1).cumsum(dim=-1) <= 1.0 - self.mass
        cut[:, -self.keep :] = False
        return scores.masked_fill_(cut.scatter(1, tokens, cut), _NEVER)


@attrs.frozen
class TopH:
    """Leaves the most probable of 100 tokens while their entropy is within a share of all (Potraghloo et al. 2025)."""

    share: float

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        highest, tokens = scores.topk(min(100, scores.shape[1]), dim=-1)
        log_probabilities = highest.log_softmax(dim=-1)
        surprise = torch.special.entr(log_probabilities.exp())
        left = surprise.cumsum(dim=-1) <= self.share * surprise.sum(dim=-1, keepdim=True)
        left[:, 0] = True
        return torch.full_like(scores, _NEVER).scatter_(1, tokens, highest.masked_fill(~left, _NEVER))


@attrs.frozen
class MinP:
    """Leaves tokens with a share of the most probable one's probability (Nguyen et al. 2024)."""

    share: float

    keep: int = 1

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        probabilities = scores.softmax(dim=-1)
        cut = probabilities < self.share * probabilities.amax(dim=-1, keepdim=True)
        kept = probabilities.topk(min(self.keep, scores.shape[1]), dim=-1).indices
        return scores.masked_fill_(cut.scatter_(1, kept, False), _NEVER)


@attrs.frozen
class TypicalP:
    """Leaves tokens whose surprise is nearest the expected one, of a probability together (Meister et al. 2023)."""

    mass: float

    keep: int = 1

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        surprise = -scores.log_softmax(dim=-1)
        probabilities = (-surprise).exp()
        expected = (surprise * probabilities).nansum(dim=-1, keepdim=True)  # a token ruled out adds nothing
        ordered, tokens = (surprise - expected).abs().sort(dim=-1)
        mass = probabilities.gather(1, tokens).cumsum(dim=-1)
        last = (mass < self.mass).sum(dim=-1, keepdim=True).clamp(max=scores.shape[1] - 1)
        cut = ordered > ordered.gather(1, last)
        cut[:, : self.keep] = False
        return scores.masked_fill_(cut.scatter(1, tokens, cut), _NEVER)


@attrs.frozen
class EpsilonCutoff:
    """Leaves tokens of at least a probability (Hewitt et al. 2022)."""

    least: float

    keep: int = 1

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        return _above(scores, scores.softmax(dim=-1), self.least, self.keep)


@attrs.frozen
class EtaCutoff:
    """Leaves tokens of at least a probability, or of less where the distribution is flat (Hewitt et al. 2022)."""

    least: float

    keep: int = 1

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        probabilities = scores.softmax(dim=-1)
        entropy = torch.special.entr(probabilities).sum(dim=-1, keepdim=True)  # (rows, 1)
        return _above(scores, probabilities, (self.least**0.5 * (-entropy).exp()).clamp(max=self.least), self.keep)


@attrs.frozen
class Normalised:
    """Makes scores log-probabilities."""

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        return scores.log_softmax(dim=-1)


def nth_highest(scores: Tensor, count: int) -> Tensor:
    """The score of the `count`-th most probable token. *Shapes:* (rows, vocabulary) to (rows, 1)."""
    return scores.topk(min(count, scores.shape[1]), dim=-1).values[:, -1:]


def _above(scores: Tensor, probabilities: Tensor, least: Tensor | float, keep: int) -> Tensor:
    cut = (probabilities < least) & (scores < nth_highest(scores, keep))
    return scores.masked_fill_(cut, _NEVER)
