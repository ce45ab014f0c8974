"""Greedy search, and multinomial sampling: one token after the other, each final once it is chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from speechgraft.errors import InputError
from speechgraft.generation.output import Found, certain
from speechgraft.generation.rules import Rule, applied
from speechgraft.generation.steps import Steps
from speechgraft.generation.stopping import Stopping

Choice = Callable[[Tensor], Tensor]
"""A token for each row. *Shapes:* scores (rows, vocabulary) to (rows,), int64."""

Watch = Callable[[int, Tensor], None]
"""Called with an utterance's place in the batch and its tokens so far that can no longer change."""


def most_probable(scores: Tensor) -> Tensor:
    """*Shapes:* (rows, vocabulary) to (rows,)."""
    return scores.argmax(dim=-1)


def drawn(generator: torch.Generator | None = None) -> Choice:
    """Tokens drawn by their probability, from a generator of one's own or torch's.

    *Shapes:* (rows, vocabulary) to (rows,).
    """

    def choose(scores: Tensor) -> Tensor:
        return torch.multinomial(scores.softmax(dim=-1), num_samples=1, generator=generator).squeeze(1)

    return choose


def one_by_one(
    steps: Steps,
    prompt: Tensor,
    *,
    limit: int,
    stopping: Stopping,
    pad: int,
    rules: Sequence[Rule] = (),
    choose: Choice = most_probable,
    samples: int = 1,
    keep_scores: bool = False,
    keep_logits: bool = False,
    watch: Watch | None = None,
) -> Found:
    """Add a token to each row until it ends; utterances whose rows have ended leave the batch.

    Args:
        steps: The decoder with its memory.
        prompt: (utterances, tokens) that rows begin with.
        limit: The most tokens of a row.
        stopping: Tells which rows end.
        pad: The token behind the end of a row.
        rules: What is done to the logits of each step before a token is chosen.
        choose: Takes the tokens.
        samples: Rows of each utterance.
        keep_scores: Whether the scores of all steps are given back.
        keep_logits: Whether their logits are.
        watch: Told of each token; with several samples, of each of theirs.

    Raises:
        InputError: The decoder gives no numbers, or the rules leave no token; the message names row and step.
    """
    rows = _Rows(prompt.repeat_interleave(samples, dim=0), samples, limit, pad)
    if samples > 1:
        steps.expand(samples)
    scores_kept: list[Tensor] = []
    logits_kept: list[Tensor] = []
    while rows.length < limit:
        ids = rows.live()
        scores = steps(ids)  # (live rows, vocabulary)
        if keep_logits:
            logits_kept.append(certain(scores.clone(), steps.utterances, len(prompt), pad))
        scores = applied(rules, ids, scores)
        if keep_scores:
            scores_kept.append(certain(scores, steps.utterances, len(prompt), pad))
        _check_choice(scores, rows.going, steps)
        rows.add(choose(scores))
        rows.end(stopping(rows.live(), scores))
        if watch is not None:
            rows.tell(watch, steps)
        left = rows.leave()  # (utterances that go on,)
        if len(left) == 0:
            break
        if len(left) < len(steps.utterances):
            steps.keep_rows(left)
    return Found(
        rows.all(),
        scores=tuple(scores_kept) if keep_scores else None,
        logits=tuple(logits_kept) if keep_logits else None,
    )


class _Rows:
    """The tokens of all rows, and which rows go on.

    Attributes:
        length: Tokens of each live row so far.
        going: (live rows,), bool; a row that has ended stays live, with filling, while others of its utterance go on.
        told: (live rows,), bool: the rows that got a token last that counts.
    """

    def __init__(self, prompt: Tensor, samples: int, limit: int, pad: int) -> None:
        self.length = prompt.shape[1]
        self.going = torch.ones(len(prompt), dtype=torch.bool, device=prompt.device)
        self.told = self.going
        self._tokens = prompt.new_full((len(prompt), max(limit, self.length)), pad)
        self._tokens[:, : self.length] = prompt
        self._places = torch.arange(len(prompt), device=prompt.device)  # (live rows,)
        self._samples = samples
        self._pad = pad

    def live(self) -> Tensor:
        """*Shapes:* (live rows, tokens so far)."""
        return self._tokens[self._places, : self.length]

    def all(self) -> Tensor:
        """*Shapes:* (rows, tokens)."""
        return self._tokens[:, : self.length]

    def add(self, chosen: Tensor) -> None:
        """A token for each row that goes on. *Shapes:* (live rows,)."""
        self._tokens[self._places, self.length] = chosen.masked_fill(~self.going, self._pad)
        self.length += 1

    def end(self, ended: Tensor) -> None:
        """*Shapes:* (live rows,), bool."""
        self.told, self.going = self.going, self.going & ~ended

    def tell(self, watch: Watch, steps: Steps) -> None:
        """Call `watch` for the rows that got a token."""
        rows = self.live()
        for row, utterance in enumerate(steps.utterances_of(len(rows)).tolist()):
            if self.told[row]:
                watch(utterance, rows[row])

    def leave(self) -> Tensor:
        """Drop utterances of which no row goes on. *Shapes:* (utterances that go on,), by place among the live."""
        going = self.going.view(-1, self._samples)
        left = going.any(dim=1).nonzero().flatten()
        if len(left) < len(going):
            self.going = going[left].flatten()
            self._places = self._places.view(-1, self._samples)[left].flatten()
        return left


def _check_choice(scores: Tensor, going: Tensor, steps: Steps) -> None:
    """Refuse scores of which nothing can be chosen. *Shapes:* (live rows, vocabulary), (live rows,)."""
    highest = scores.amax(dim=-1)  # (live rows,)
    stuck = (~highest.isfinite() & going).nonzero().flatten()
    if len(stuck):
        utterance = int(steps.utterances_of(len(scores))[stuck[0]])
        raise InputError(
            f"the rules leave no token for row {utterance} of the batch at step {steps.taken}: "
            f"the highest score is {float(highest[stuck[0]])}"
        )
