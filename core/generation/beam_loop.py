"""One step of a beam search after another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from speechgraft.errors import InputError
from speechgraft.generation.beam_choice import Candidates, Choice, Chooser
from speechgraft.generation.beam_pool import Pool
from speechgraft.generation.beam_scores import Scorer
from speechgraft.generation.beam_settings import Beams
from speechgraft.generation.beam_watch import Settled
from speechgraft.generation.fusion import Fusion
from speechgraft.generation.stopping import Stopping


class Search:
    """The beams that go on, and the hypotheses that ended.

    Args:
        scorer: What gives the scores of a step.
        choose: What picks continuations.
        stopping: What ends hypotheses.
        prompt: (utterances, tokens) that they begin with.
        beams: How to search.
        limit: Tokens of a hypothesis at the most.
        fusion: What keeps something of each row.
        settled: What is told of tokens that are settled.

    Attributes:
        ids: (rows, tokens so far).
        origins: (rows, tokens so far behind the prompt), the row of all beams of the batch that each was chosen for.
        sums: (live utterances, groups, beams), log-probabilities summed over tokens; one beam before the first token.
        done: (live utterances, groups), bool: whose pool is settled.
        pool: What ended.
    """

    def __init__(
        self,
        scorer: Scorer,
        choose: Chooser,
        stopping: Stopping,
        prompt: Tensor,
        beams: Beams,
        *,
        limit: int,
        fusion: Sequence[Fusion] = (),
        settled: Settled | None = None,
    ) -> None:
        self.steps = scorer.steps
        self.scorer = scorer
        self.choose = choose
        self.stopping = stopping
        self.beams = beams
        self.longest = limit - prompt.shape[1]
        self.fusion = fusion
        self.settled = settled
        self.ids = prompt
        self.origins = prompt[:, :0]
        self.sums = torch.zeros(len(prompt), beams.groups, 1, device=prompt.device)
        self.done = torch.zeros(len(prompt), beams.groups, dtype=torch.bool, device=prompt.device)
        self.pool = Pool(prompt, beams.groups, beams.count // beams.groups, limit)

    def step(self) -> bool:
        """Add a token to each beam, put aside what ended, let settled utterances go; whether any go on."""
        scores = self.scorer(self.ids)
        live, _, width = self.sums.shape
        by_group = scores.view(live, -1, width, scores.shape[-1])
        choice = self.choose(by_group, self.sums.to(scores.dtype), partial(self._ending, scores))
        self._put_aside(choice)
        self.sums = choice.going.scores
        self.done |= self._hopeless()
        self.sums = self.sums.masked_fill(self.done[..., None], -torch.inf)  # a group that is done has no beams
        kept = (~self.done.all(dim=-1)).nonzero().flatten()
        going = choice.going
        if len(kept) < live:
            self._tell_leaving()
            if not len(kept):
                return False
            self._keep(kept)
            going = Candidates(*(values[kept] for values in going))
        self._go_on(going)
        return True

    def _ending(self, scores: Tensor, group: int, found: Candidates) -> Tensor:
        """Which continuations of a group end. *Shapes:* to (live utterances, candidates), bool."""
        if self.origins.shape[1] + 1 == self.longest:
            return torch.ones_like(found.tokens, dtype=torch.bool)
        rows = self._rows(found.parents[:, None], group).flatten()
        ids = torch.cat((self.ids[rows], found.tokens.view(-1, 1)), dim=1)
        # Only the caller's own criteria look at the scores, which are wide.
        return self.stopping(ids, scores[rows] if self.stopping.criteria else scores).view_as(found.tokens)

    def _rows(self, parents: Tensor, first: int = 0) -> Tensor:
        """Rows of beams. *Shapes:* (live utterances, groups from `first` on, beams), both."""
        live, groups, _ = parents.shape
        utterances = torch.arange(live, device=parents.device)[:, None, None]
        if self.steps.times == 1:
            return utterances.expand_as(parents)
        group = torch.arange(first, first + groups, device=parents.device)[:, None]
        return utterances * self.steps.times + group * (self.steps.times // self.beams.groups) + parents

    def _grown(self, continuations: Candidates) -> tuple[Tensor, Tensor, Tensor]:
        """Rows, ids and origins of continuations. *Shapes:* (live utterances, groups, beams, further dimensions)."""
        rows = self._rows(continuations.parents)
        ids = torch.cat((self.ids[rows], continuations.tokens[..., None]), dim=-1)
        first_beams = self.steps.utterances[rows // self.steps.times] * self.beams.count
        last = first_beams + rows % self.steps.times
        return rows, ids, torch.cat((self.origins[rows], last[..., None]), dim=-1)

    def _put_aside(self, choice: Choice) -> None:
        """Keep those of the best continuations that ended; there are more of them only so that enough go on."""
        count = choice.going.scores.shape[-1]
        ending = choice.ending[..., :count]
        if ending.any():
            best = choice.found.first(count)
            _, ids, origins = self._grown(best)
            scores = best.scores / origins.shape[-1] ** self.beams.length_penalty
            self.pool.add(self.steps.utterances, scores.masked_fill(~ending, -torch.inf), ids, origins)

    def _hopeless(self) -> Tensor:
        """Groups whose pool nothing can enter any more, or is not to. *Shapes:* to (live utterances, groups)."""
        penalty, stopping, utterances = self.beams.length_penalty, self.beams.early_stopping, self.steps.utterances
        length = self.longest if stopping == "never" and penalty > 0 else self.origins.shape[1] + 1
        reachable: Tensor = self.sums[..., 0] / length**penalty  # (live utterances, groups)
        hopeless = ~(reachable > self.pool.worst(utterances))
        return hopeless | self.pool.full(utterances) if stopping is True else hopeless

    def _tell_leaving(self) -> None:
        """Refuse a result that there is not, and tell of those that are settled."""
        leaving = self.steps.utterances[self.done.all(dim=-1)]
        nothing = (self.pool.lengths[leaving].flatten(1).amax(dim=1) == 0).nonzero().flatten()
        if len(nothing):
            row, step = int(leaving[nothing[0]]), self.origins.shape[1] + 1
            raise InputError(f"row {row} of the batch cannot go on at step {step}: every token is ruled out there")
        if self.settled is not None:
            self.settled.finish(leaving, self.pool)

    def _keep(self, kept: Tensor) -> None:
        """Go on with some of the live utterances. *Shapes:* (kept,)."""
        self.steps.keep_rows(kept)
        for part in self.fusion:
            part.keep_rows(kept)
        times = self.steps.times
        self.ids, self.origins = (x.unflatten(0, (-1, times))[kept].flatten(0, 1) for x in (self.ids, self.origins))
        self.sums, self.done = self.sums[kept], self.done[kept]

    def _go_on(self, going: Candidates) -> None:
        """The next beams take their places."""
        rows, ids, origins = self._grown(going)
        self.ids, self.origins = ids.flatten(0, 2), origins.flatten(0, 2)
        self._reorder(rows.flatten())
        if self.settled is not None:
            self.settled.grow(self.steps.utterances, self.ids, self.sums, self.pool)

    def _reorder(self, rows: Tensor) -> None:
        """Everyone who keeps something of each row follows. *Shapes:* (rows,)."""
        if self.steps.times != self.beams.count:
            self.steps.expand(self.beams.count)
        elif torch.equal(rows, torch.arange(len(rows), device=rows.device)):
            return
        else:
            self.steps.reorder(rows)
        for part in self.fusion:
            part.reorder(rows)
