"""What the Transcriber asks of a model with its tokenizer, and what it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Protocol

import attrs
import torch
from torch import Tensor, nn

from speechgraft.audio import Audio
from speechgraft.ctc import Timed
from speechgraft.errors import InputError, did_you_mean

Times = Literal["words", "ctc", "attention"]
"""Seconds of words: by the best that the model has, by its CTC head, by what its decoder attends to."""

_TIMES = ("words", "ctc", "attention")


@attrs.frozen
class Heard:
    """What was said in one recording."""

    text: str = ""
    """The words."""

    tokens: tuple[int, ...] = ()
    """The ids behind them."""

    words: tuple[Timed, ...] | None = None
    """The words with their seconds; `None` where they were not asked for."""

    warnings: tuple[str, ...] = ()
    """What makes the text doubtful."""


@attrs.frozen
class Batch:
    """Recordings as a model takes them."""

    values: Tensor
    """(batch, inputs), or (batch, frames, bins), right-padded."""

    mask: Tensor
    """(batch, inputs), 1 for what counts."""

    audios: Sequence[Audio]
    """The sound of each row, at the model's rate."""


class Listener(Protocol):
    """Who is told of text as it appears."""

    def say(self, row: int, text: str) -> None:
        """New text of a row of the batch; what it raises ends the call."""

    def rule(self, ids: Tensor, scores: Tensor) -> Tensor:
        """Called on each step of a search, as a logits processor; what it raises ends the call."""


class Hearing(ABC):
    """A model with its tokenizer, as the Transcriber asks it."""

    @abstractmethod
    def options(self, given: Mapping[str, Any], times: Times | None = None) -> Any:
        """The options of a call, checked, as `hear` takes them.

        Raises:
            SpeechGraftError: What cannot be meant.
        """

    @abstractmethod
    def silence(self, options: Any) -> Heard:
        """What is said where there is nothing to hear."""

    @abstractmethod
    def hear(self, batch: Batch, options: Any, listener: Listener | None = None) -> list[Heard]:
        """What is said in each row. What a listener is told of a row adds up to its text.

        Raises:
            InputError: The model gives no numbers.
        """


def check_times(times: Any) -> None:
    """Refuse what is no `Times`.

    Raises:
        InputError: Saying what may be asked for.
    """
    if times is not None and times not in _TIMES:
        nearest = did_you_mean(str(times), _TIMES)
        raise InputError(f"times={times!r}, expected {', '.join(map(repr, _TIMES))} or None{nearest}")


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
