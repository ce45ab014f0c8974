"""Words inside a beam search: what a language model must be, and how it is weighed against the audio."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Any, Protocol

import attrs

from speechgraft.errors import InputError
from speechgraft.text.alphabet import Alphabet


class LanguageModel(ABC):
    """Probabilities of words, each given those before it."""

    @abstractmethod
    def start(self) -> Hashable:
        """The state before the first word."""

    @abstractmethod
    def score(self, state: Hashable, word: str) -> tuple[float, Hashable]:
        """Natural logarithm of a word's probability in a state, and the state behind the word."""

    @abstractmethod
    def finish(self, state: Hashable) -> float:
        """Natural logarithm of the probability that the text ends in a state."""


@attrs.frozen(eq=False)
class Said:
    """What a prefix says in words."""

    weight: float
    """What its complete words add to its score."""

    state: Hashable
    """Where the language model is behind them."""

    word: str
    """What stands behind the last space: a word that goes on."""


class Words(Protocol):
    """What the search asks about words."""

    def begin(self) -> Said:
        """What an empty text says."""

    def closed(self, said: Said) -> Said:
        """The same with its last word complete."""

    def after(self, said: Said, token: int) -> Said:
        """The same with a token that ends no word behind it."""

    def ends_word(self, token: int) -> bool:
        """Whether a token ends a word."""

    def ended(self, said: Said) -> float:
        """The weight of a text that ends here."""


class NoWords:
    """No language model: nothing is weighed."""

    _nothing = Said(0.0, None, "")

    def begin(self) -> Said:
        """Nothing."""
        return self._nothing

    def closed(self, said: Said) -> Said:
        """Nothing."""
        return said

    def after(self, said: Said, token: int) -> Said:
        """Nothing."""
        return said

    def ends_word(self, token: int) -> bool:
        """Never."""
        return False

    def ended(self, said: Said) -> float:
        """Nothing."""
        return 0.0


def _weight(fusion: WordFusion, attribute: attrs.Attribute[float], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{attribute.name}={value!r}, expected a finite number")


@attrs.frozen
class WordFusion:
    """A language model in a beam search: `ln p(tokens | audio) + alpha * ln p(words) + beta * words`.

    Hannun et al. 2014, "First-pass large vocabulary continuous speech recognition using bi-directional
    recurrent DNNs", section 2.2. A word counts once the space behind it is read, the last one at the end.

    Raises:
        InputError: A weight is no finite number.
    """

    model: LanguageModel
    """What knows words."""

    alphabet: Alphabet
    """How tokens are written: words go to the model in this spelling, in the alphabet's case."""

    alpha: float = attrs.field(default=0.5, validator=_weight)
    """Weight of the language model's logarithms."""

    beta: float = attrs.field(default=1.0, validator=_weight)
    """Added for each word; without it a language model prefers few words."""

    def begin(self) -> Said:
        """Nothing is said yet."""
        return Said(0.0, self.model.start(), "")

    def closed(self, said: Said) -> Said:
        """The last word is complete: it is scored. Spaces that follow each other end one word."""
        if not said.word:
            return said
        gain, state = self.model.score(said.state, self.alphabet.cased(said.word))
        return Said(said.weight + self.alpha * gain + self.beta, state, "")

    def after(self, said: Said, token: int) -> Said:
        """The last word is longer by a token, where that is written at all."""
        written = self.alphabet.spelling(token)
        return attrs.evolve(said, word=said.word + written) if written else said

    def ends_word(self, token: int) -> bool:
        """Whether a token is written as a space."""
        return self.alphabet.is_space(token)

    def ended(self, said: Said) -> float:
        """The weight with the last word complete and the text at its end."""
        closed = self.closed(said)
        return closed.weight + self.alpha * self.model.finish(closed.state)
