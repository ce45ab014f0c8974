"""Hypotheses that ended: of each utterance the best few."""

from __future__ import annotations

import torch
from torch import Tensor


class Pool:
    """The best hypotheses that ended so far, for each utterance of a batch and group of beams.

    Args:
        prompt: (utterances, tokens) that every hypothesis begins with.
        groups: Groups of an utterance.
        beams: Hypotheses that are kept of a group.
        limit: Tokens of a hypothesis at the most.

    Attributes:
        scores: (utterances, groups, beams), descending, -inf where a place is free; as exact as what was added.
        lengths: (utterances, groups, beams), tokens behind the prompt, 0 where a place is free.
        ids: (utterances, groups, beams, limit), tokens; what lies behind `lengths` means nothing.
        origins: (utterances, groups, beams, limit - prompt): the row of the batch's beams that each token was
            chosen for.
    """

    def __init__(self, prompt: Tensor, groups: int, beams: int, limit: int) -> None:
        places = (len(prompt), groups, beams)
        self.start = prompt.shape[1]
        self.scores = torch.full(places, -torch.inf, device=prompt.device)
        self.lengths = prompt.new_zeros(places)
        self.ids = prompt.new_zeros(*places, limit)
        self.ids[..., : self.start] = prompt[:, None, None]
        self.origins = prompt.new_full((*places, limit - self.start), -1)

    def add(self, utterances: Tensor, scores: Tensor, ids: Tensor, origins: Tensor) -> None:
        """Keep the best of what is there and of new hypotheses.

        *Shapes:* `utterances` (some,); `scores` (some, groups, new), -inf for what did not end; `ids` (some,
        groups, new, tokens); `origins` (some, groups, new, tokens behind the prompt).
        """
        tokens, grown = ids.shape[-1], origins.shape[-1]
        lengths = torch.where(torch.isfinite(scores), grown, 0)
        self.scores = self.scores.to(scores.dtype)
        both = torch.cat((self.scores[utterances], scores), dim=2)
        best, places = both.topk(self.scores.shape[2], dim=2)
        self.scores[utterances] = best
        self.lengths[utterances] = torch.cat((self.lengths[utterances], lengths), dim=2).gather(2, places)
        self.ids[utterances, ..., :tokens] = _taken(self.ids[utterances, ..., :tokens], ids, places)
        self.origins[utterances, ..., :grown] = _taken(self.origins[utterances, ..., :grown], origins, places)

    def full(self, utterances: Tensor) -> Tensor:
        """Whether no place is free. *Shapes:* (some,) to (some, groups)."""
        return (self.lengths[utterances] > 0).all(dim=-1)

    def worst(self, utterances: Tensor) -> Tensor:
        """The lowest score, -inf where a place is free. *Shapes:* (some,) to (some, groups)."""
        return self.scores[utterances, :, -1]

    def best(self, count: int, pad: int) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens, scores and origins of the best of each utterance, all groups taken together.

        *Shapes:* to (utterances * count, tokens of the longest), filled with `pad`; (utterances * count,);
        (utterances * count, tokens of the longest behind the prompt), filled with -1.
        """
        scores, places = self.scores.flatten(1).topk(count, dim=1)
        rows = torch.arange(len(places), device=places.device)[:, None]
        lengths = self.lengths.flatten(1)[rows, places].flatten()  # (utterances * count,)
        ids = self.ids.flatten(1, 2)[rows, places].flatten(0, 1)
        origins = self.origins.flatten(1, 2)[rows, places].flatten(0, 1)
        longest = int(lengths.max())
        behind = torch.arange(longest, device=places.device) >= lengths[:, None]
        ids = ids[:, : self.start + longest].clone()
        ids[:, self.start :].masked_fill_(behind, pad)
        return ids, scores.flatten(), origins[:, :longest].masked_fill(behind, -1)


def _taken(kept: Tensor, new: Tensor, places: Tensor) -> Tensor:
    """*Shapes:* (some, groups, beams, tokens), (some, groups, new, tokens), (some, groups, beams) to that of `kept`."""
    both = torch.cat((kept, new), dim=2)
    return both.gather(2, places[..., None].expand(-1, -1, -1, both.shape[-1]))
