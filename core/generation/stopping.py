"""When a row ends: at a token, at a time, or when the caller says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor

from speechgraft.errors import InputError

Criterion = Callable[[Tensor, Tensor | None], Tensor | bool]
"""*Shapes:* ids (rows, tokens so far), the scores (rows, vocabulary) that the last of them was chosen by (`None`
in beam search), to (rows,) bool, or one bool for all: whether a row ends there."""


class Stopping:
    """Tells which rows end with the token that they got last.

    Args:
        ends: Tokens that end a row.
        criteria: Those of the caller.
        seconds: Time from now on after which all rows end, `None` for any.
        device: Where rows are.

    Attributes:
        ends: (tokens,), int64.
        criteria: Those of the caller, who alone look at scores.
    """

    def __init__(
        self,
        ends: Collection[int],
        criteria: Sequence[Criterion] = (),
        seconds: float | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.ends = torch.tensor(sorted(ends), dtype=torch.int64, device=device)
        self.criteria = tuple(criteria)
        self._deadline = None if seconds is None else time.monotonic() + seconds

    @property
    def can_stop(self) -> bool:
        """Whether a row can end before its limit."""
        return len(self.ends) > 0 or bool(self.criteria) or self._deadline is not None

    def __call__(self, ids: Tensor, scores: Tensor | None) -> Tensor:
        """*Shapes:* (rows, tokens so far), (rows, vocabulary) to (rows,), bool.

        Raises:
            InputError: A criterion gave something else than a bool for each row.
        """
        ended = torch.isin(ids[:, -1], self.ends)  # (rows,)
        for criterion in self.criteria:
            ended = ended | _answer(criterion, ids, scores)
        if self._deadline is not None and time.monotonic() > self._deadline:
            ended = torch.ones_like(ended)
        return ended


def _answer(criterion: Criterion, ids: Tensor, scores: Tensor | None) -> Tensor:
    answer = criterion(ids, scores)
    given = torch.tensor(answer) if isinstance(answer, bool) else answer
    if not isinstance(given, Tensor) or given.dtype != torch.bool or tuple(given.shape) not in ((), (len(ids),)):
        found = f"{tuple(given.shape)} of {given.dtype}" if isinstance(given, Tensor) else repr(answer)
        raise InputError(
            f"{criterion!r} of stopping_criteria gave {found}; expected a bool for each row ({len(ids)},), or one"
        )
    return given.to(ids.device)
