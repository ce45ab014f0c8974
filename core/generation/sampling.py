"""Greedy search on a key/value cache."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from speechgraft.generation.steps import Steps


def greedy(steps: Steps, prompt: Tensor, *, limit: int, ends: Iterable[int], pad: int) -> Tensor:
    """Add the most probable token to each row until it ends; rows that ended leave the batch.

    *Shapes:* `prompt` (batch, tokens); to (batch, at most `limit`), filled with `pad` behind a token of `ends`.
    """
    start = prompt.shape[1]
    rows = prompt.new_full((len(prompt), max(limit, start)), pad)
    rows[:, :start] = prompt
    live = torch.arange(len(prompt), device=prompt.device)
    final = torch.tensor(sorted(ends), dtype=prompt.dtype, device=prompt.device)
    for place in range(start, limit):
        chosen = steps(rows[live, :place]).argmax(dim=-1)  # (live rows,)
        rows[live, place] = chosen
        going = (~torch.isin(chosen, final)).nonzero().flatten()
        if len(going) == 0:
            return rows[:, : place + 1]
        if len(going) < len(live):
            live = live[going]
            steps.keep_rows(going)
    return rows
