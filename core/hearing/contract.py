"""What the Transcriber asks of a model with its tokenizer, and what it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from speechgraft.ctc import Timed


@attrs.frozen
class Heard:
    """What was said in one recording."""

    text: str = ""
    """The words."""

    tokens: tuple[int, ...] = ()
    """The ids behind them."""

    words: tuple[Timed, ...] | None = None
    """The words with their seconds; `None` from a model that cannot tell."""

    warnings: tuple[str, ...] = ()
    """What makes the text doubtful."""


class Hearing(ABC):
    """A model with its tokenizer, as the Transcriber asks it."""

    silence: Heard
    """What is said where there is nothing to hear."""

    @abstractmethod
    def options(self, given: Mapping[str, Any]) -> Any:
        """The options of a call, checked, as `hear` takes them.

        Raises:
            SpeechGraftError: What cannot be meant.
        """

    @abstractmethod
    def hear(self, values: Tensor, mask: Tensor, options: Any) -> list[Heard]:
        """What is said in each row. *Shapes:* `values` (batch, samples), right-padded; `mask` (batch, samples)."""


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode for a while, without gradients; each part goes back to the mode that it had."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training
