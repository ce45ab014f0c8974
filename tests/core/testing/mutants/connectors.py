"""Connectors with a fault each, derived from the one that stacks frames."""

from __future__ import annotations

from typing import Any

import torch
from attrs import evolve
from torch import nn

from mutants.table import CATALOG, Mutant, made_by
from speechgraft.nn.masks import length_mask
from speechgraft.plugins.connectors.stack import StackConnector

STACK = evolve(CATALOG.connector("stack"), draw=None)


class RoundsDown(StackConnector):
    def output_lengths(self, lengths: Any) -> Any:
        return lengths // self.config.num_frames


class ReadsPadding(StackConnector):
    """Its mask is right, and what it stacks beside the last frame is padding."""

    def forward(self, hidden: Any, frame_mask: Any) -> Any:
        memory, _ = super().forward(hidden, None)
        return memory, super().forward(hidden, frame_mask)[1]


class LetsPaddingCount(StackConnector):
    def forward(self, hidden: Any, frame_mask: Any) -> Any:
        memory, mask = super().forward(hidden, frame_mask)
        return memory, None if mask is None else torch.ones_like(mask)


class TakesGapsForPadding(StackConnector):
    def forward(self, hidden: Any, frame_mask: Any) -> Any:
        if frame_mask is not None:
            frame_mask = length_mask(frame_mask.sum(dim=1), frame_mask.shape[1])
        return super().forward(hidden, frame_mask)


class StopsTheGradient(StackConnector):
    def forward(self, hidden: Any, frame_mask: Any) -> Any:
        return super().forward(hidden.detach(), frame_mask)


class HasASparePart(StackConnector):
    def __init__(self, config: Any, input_size: int, output_size: int) -> None:
        super().__init__(config, input_size, output_size)
        self.spare = nn.Linear(2, 2)

    def init_weights(self, module: nn.Module) -> None:
        if module is self.spare:
            nn.init.ones_(self.spare.weight)
            nn.init.ones_(self.spare.bias)
        else:
            super().init_weights(module)


class IsRandomInEval(StackConnector):
    def forward(self, hidden: Any, frame_mask: Any) -> Any:
        return super().forward(hidden + torch.rand_like(hidden), frame_mask)


def _one(name: str, killer: str, factory: Any, finds: str = "") -> Mutant:
    return Mutant(f"connector: {name}", killer, (made_by(STACK, factory),), finds=finds)


MUTANTS = (
    _one("rounds its lengths down", "P02_lengths", RoundsDown, "of memory"),
    _one("reads padding", "P03_batch_invariance", ReadsPadding, "in the batch and alone"),
    _one("lets padding count", "P03_batch_invariance", LetsPaddingCount, "the mask of the memory"),
    _one("takes gaps for padding", "P04_mask", TakesGapsForPadding),
    _one("stops the gradient", "P07_audio_sensitivity", StopsTheGradient, "not made of the frames"),
    _one("a parameter that is never used", "P07_audio_sensitivity", HasASparePart, "spare"),
    _one("random in eval mode", "P12_determinism", IsRandomInEval),
    Mutant(
        "connector: declares that it shortens nothing",
        "P00_capabilities",
        (evolve(STACK, shortens=False),),
        finds="of memory",
    ),
)
