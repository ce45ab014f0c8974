"""A decoder that is a table: what comes behind tokens is random, sharp, and always the same."""

from __future__ import annotations

import random

import torch
from torch import Tensor


class TableSteps:
    """Stands for `Steps`; the logits of a row depend on its utterance and its tokens alone."""

    def __init__(self, utterances: int, vocab_size: int, seed: int, spread: float = 1.5) -> None:
        self.utterances = torch.arange(utterances)
        self.times = 1
        self.vocab_size = vocab_size
        self.seed = seed
        self.spread = spread
        self.widths: list[int] = []
        self.orders: list[list[int]] = []

    def logits(self, utterance: int, tokens: tuple[int, ...]) -> list[float]:
        source = random.Random(f"{self.seed} {utterance} {tokens}")
        return [self.spread * source.gauss(0.0, 1.0) for _ in range(self.vocab_size)]

    def log_probs(self, utterance: int, tokens: tuple[int, ...]) -> list[float]:
        logits = torch.tensor(self.logits(utterance, tokens), dtype=torch.float64)
        found: list[float] = logits.log_softmax(-1).tolist()
        return found

    def __call__(self, rows: Tensor) -> Tensor:
        assert len(rows) == len(self.utterances) * self.times
        self.widths.append(len(rows))
        of_rows = self.utterances.repeat_interleave(self.times).tolist()
        table = [self.logits(utterance, tuple(row)) for utterance, row in zip(of_rows, rows.tolist(), strict=True)]
        return torch.tensor(table, dtype=torch.float64)

    def expand(self, times: int) -> None:
        self.times *= times

    def reorder(self, rows: Tensor) -> None:
        assert rows.tolist() != list(range(len(rows))), "nothing to reorder"
        self.orders.append(rows.tolist())

    def keep_rows(self, kept: Tensor) -> None:
        self.utterances = self.utterances[kept]
