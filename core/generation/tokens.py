"""Rules about single tokens and sequences of them: forced, ruled out, made likelier, or alone allowed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import Any, Self

import attrs
import torch
from torch import Tensor

from speechgraft.errors import InputError
from speechgraft.generation.steps import Steps

PrefixFunction = Callable[[int, Tensor], Sequence[int]]
"""For an utterance's place in the batch and the tokens (tokens so far,) of one of its rows, those that may follow."""


def token_ids(tokens: Sequence[int], vocab_size: int, name: str, device: torch.device) -> Tensor:
    """Ids as a tensor. *Shapes:* (tokens,), int64.

    Raises:
        InputError: One is outside the vocabulary; the message says which, and whose it is.
    """
    for token in tokens:
        if not 0 <= token < vocab_size:
            known = f"the vocabulary has {vocab_size} tokens (0 to {vocab_size - 1})"
            raise InputError(f"{name} holds id {int(token)}, but {known}")
    return torch.tensor(list(tokens), dtype=torch.int64, device=device)


@attrs.frozen(eq=False)
class Biased:
    """Adds to the score of a sequence's last token where a row ends with the others of it; -inf rules it out."""

    groups: tuple[tuple[Tensor, Tensor, Tensor], ...]
    """For sequences of one length: (sequences, tokens) but the last, (sequences,) the last, (sequences,) the biases."""

    @classmethod
    def of(cls, biases: Sequence[tuple[list[int], float]], ids: Callable[[list[int], str], Tensor], name: str) -> Self:
        """Sort sequences by their lengths.

        Args:
            biases: Sequences of tokens, and what is added to the score of the last.
            ids: Makes a tensor of tokens that the option `name` has, or refuses them.
            name: Of the option that names them, for messages.
        """
        by_length: dict[int, dict[tuple[int, ...], float]] = {}
        for tokens, bias in biases:
            by_length.setdefault(len(tokens), {})[tuple(tokens)] = bias
        groups = []
        for _, group in sorted(by_length.items()):
            sequences = torch.stack([ids(list(tokens), name) for tokens in group])
            added = torch.tensor(list(group.values()), dtype=torch.float64, device=sequences.device)
            groups.append((sequences[:, :-1], sequences[:, -1], added))
        return cls(tuple(groups))

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        for begun, last, biases in self.groups:
            length = begun.shape[1]
            if length > ids.shape[1]:
                continue
            met = (ids[:, None, ids.shape[1] - length :] == begun).all(dim=-1)  # (rows, sequences)
            scores.index_add_(1, last, torch.where(met, biases, 0.0).to(scores.dtype))
        return scores


@attrs.frozen(eq=False)
class Suppressed:
    """Rules tokens out."""

    tokens: Tensor
    """(tokens,), int64."""

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        return scores.index_fill_(1, self.tokens, float("-inf"))


@attrs.frozen(eq=False)
class SuppressedBefore:
    """Rules tokens out at all places before one."""

    place: int
    """Tokens so far from which on they may come."""

    tokens: Tensor
    """(tokens,), int64."""

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        return scores.index_fill_(1, self.tokens, float("-inf")) if ids.shape[1] < self.place else scores


@attrs.frozen(eq=False)
class SuppressedAt:
    """Rules tokens out at one place."""

    place: int
    """Tokens so far at that place."""

    tokens: Tensor
    """(tokens,), int64."""

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        return scores.index_fill_(1, self.tokens, float("-inf")) if ids.shape[1] == self.place else scores


@attrs.frozen(eq=False)
class Forced:
    """At one place leaves nothing but these tokens, each with certainty."""

    place: int
    """Tokens so far at that place."""

    tokens: Tensor
    """(tokens,), int64."""

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        if ids.shape[1] != self.place:
            return scores
        return scores.fill_(float("-inf")).index_fill_(1, self.tokens, 0.0)


def _whole_numbers(answer: Any, name: str) -> list[int]:
    """Ids that a caller's function gave."""
    items = answer.tolist() if isinstance(answer, Tensor) else answer
    try:
        tokens = [item if isinstance(item, bool) else index(item) for item in items]
    except TypeError:  # nothing to go through, or no whole numbers in it
        tokens = [True]
    if any(isinstance(token, bool) for token in tokens):
        raise InputError(f"{name} is {answer!r}, expected the ids of tokens, whole numbers")
    return tokens


@attrs.frozen(eq=False)
class AllowedPrefixes:
    """Leaves the tokens that a function allows behind each row.

    Where rules before this one have ruled out all that it allows, in all rows of an utterance, those are certain.
    """

    function: PrefixFunction

    steps: Steps

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary).

        Raises:
            InputError: The function gives no token ids, allows none, or one outside the vocabulary; the message names
                the row.
        """
        limits = torch.full_like(scores, float("-inf"))
        for row, utterance in enumerate(self.steps.utterances_of(len(ids)).tolist()):
            name = f"what prefix_allowed_tokens_fn gave for row {utterance} of the batch"
            allowed = _whole_numbers(self.function(utterance, ids[row]), name)
            if not allowed:
                raise InputError(f"{name} is empty: at least one token has to be allowed")
            limits[row, token_ids(allowed, scores.shape[1], name, scores.device)] = 0.0
        limited = scores + limits
        stuck = (limited.amax(dim=-1) == float("-inf")).view(len(self.steps.utterances), -1).all(dim=1)
        stuck = stuck.repeat_interleave(len(ids) // len(stuck))  # (rows,)
        return torch.where(stuck[:, None], limits, limited)


@attrs.frozen
class FiniteScores:
    """Replaces NaN by zero, and infinity by the largest and the smallest number that there is."""

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        return torch.nan_to_num_(scores)


@attrs.frozen(eq=False)
class EndSooner:
    """From a place on, makes tokens that end a row likelier with each token: |score| x (factor^tokens - 1) is added."""

    place: int
    """Tokens so far from which on it counts."""

    factor: float

    ends: Tensor
    """(tokens,), int64."""

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows, vocabulary)."""
        since = ids.shape[1] - self.place
        if since <= 0:
            return scores
        ending = scores[:, self.ends]
        added = ending.abs() * (self.factor**since - 1.0)
        return scores.index_copy_(1, self.ends, torch.where(ending.isfinite(), ending + added, ending))
