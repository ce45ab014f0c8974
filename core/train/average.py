"""A running average of weights: flatter, and mostly better, than those of any one step (Polyak and Juditsky 1992)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


class Average:
    """An exponential average of a model's parameters.

    Args:
        model: Whose parameters.
        decay: How much of the average a step keeps; early steps keep less, so that first weights are soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self._model = model
        self.weights = (
            {name: parameter.detach().clone() for name, parameter in model.named_parameters()} if decay else {}
        )

    def update(self, steps: int) -> None:
        """Take in the weights after `steps` steps."""
        share = 1 - min(self.decay, (1 + steps) / (10 + steps))
        for name, parameter in self._model.named_parameters():
            if name in self.weights:
                self.weights[name].lerp_(parameter.detach(), share)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Go on with an average that was saved."""
        for name, weight in self.weights.items():
            weight.copy_(weights[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model with the averaged weights in place of its own."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        import torch

        with torch.no_grad():
            for name, parameter in self._model.named_parameters():
                if name in self.weights:
                    own = parameter.detach().clone()
                    parameter.copy_(self.weights[name])
                    self.weights[name].copy_(own)
