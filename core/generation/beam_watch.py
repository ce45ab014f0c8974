"""What of a beam search is settled: tokens that every hypothesis that can still win has in common."""

from __future__ import annotations

import torch
from torch import Tensor

from speechgraft.generation.beam_pool import Pool
from speechgraft.generation.sampling import Watch


class Settled:
    """Tells `watch` of an utterance whenever more of its tokens are settled, and at the end of all.

    Args:
        watch: Who is told.
        prompt: (utterances, tokens), settled from the beginning.
    """

    def __init__(self, watch: Watch, prompt: Tensor) -> None:
        self._watch = watch
        self._told = [prompt.shape[1]] * len(prompt)

    def grow(self, utterances: Tensor, ids: Tensor, sums: Tensor, pool: Pool) -> None:
        """Tell of live utterances.

        *Shapes:* `utterances` (live,); `ids` (live * beams, tokens); `sums` (live, groups, beams), -inf for beams
        that are none.
        """
        beams = ids.view(len(utterances), -1, ids.shape[1])  # (live, beams, tokens)
        first = beams[:, :1]
        equal = ((beams == first) | ~torch.isfinite(sums.flatten(1))[..., None]).all(dim=1)
        # Of those that ended the best alone can still win.
        best, lengths = _best(pool, utterances)
        places = torch.arange(ids.shape[1], device=ids.device)
        same = (best[:, : ids.shape[1]] == first[:, 0]) & (places < lengths[:, None])
        equal &= same | (lengths[:, None] == 0)
        settled = equal.long().cumprod(dim=1).sum(dim=1)
        for place, (utterance, count) in enumerate(zip(utterances.tolist(), settled.tolist(), strict=True)):
            self._tell(utterance, first[place, 0, :count])

    def finish(self, utterances: Tensor, pool: Pool) -> None:
        """Tell of utterances whose best hypothesis is found. *Shapes:* (some,)."""
        best, lengths = _best(pool, utterances)
        for utterance, row, length in zip(utterances.tolist(), best, lengths.tolist(), strict=True):
            self._tell(utterance, row[:length])

    def _tell(self, utterance: int, settled: Tensor) -> None:
        if len(settled) > self._told[utterance]:
            self._told[utterance] = len(settled)
            self._watch(utterance, settled)


def _best(pool: Pool, utterances: Tensor) -> tuple[Tensor, Tensor]:
    """The best that ended. *Shapes:* (some,) to (some, limit) and their tokens, prompt included, 0 where none ended."""
    place = pool.scores[utterances].flatten(1).argmax(dim=1)
    lengths = pool.lengths[utterances].flatten(1)[torch.arange(len(place)), place]
    ids = pool.ids[utterances].flatten(1, 2)[torch.arange(len(place)), place]
    return ids, torch.where(lengths > 0, lengths + pool.start, 0)
