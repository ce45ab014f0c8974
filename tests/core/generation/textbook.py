"""Beam searches as textbooks have them: one hypothesis, one token, one number at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

Scores = Callable[[tuple[int, ...]], list[float]]
"""Tokens so far, the prompt included, to the score of each next token."""


class Hypothesis(NamedTuple):
    score: float
    tokens: tuple[int, ...]


class Terms(NamedTuple):
    """What a search is asked for, under the names of `GenerationConfig`."""

    limit: int
    ends: frozenset[int]
    num_beams: int = 4
    num_beam_groups: int = 1
    diversity_penalty: float = 0.0
    length_penalty: float = 1.0
    early_stopping: bool | str = False


def search(scores: Scores, prompt: tuple[int, ...], terms: Terms) -> list[Hypothesis]:
    """All groups of one utterance, one group after another within a step; the best hypotheses first."""
    groups = [_Group(prompt, terms) for _ in range(terms.num_beam_groups)]
    for length in range(1, terms.limit - len(prompt) + 1):
        taken: dict[int, int] = {}
        for group in groups:
            if not group.done:
                group.step(scores, taken, length)
                for beam in group.beams:
                    taken[beam.tokens[-1]] = taken.get(beam.tokens[-1], 0) + 1
    return sorted((found for group in groups for found in group.ended), reverse=True)


class _Group:
    def __init__(self, prompt: tuple[int, ...], terms: Terms) -> None:
        self.prompt = prompt
        self.terms = terms
        self.width = terms.num_beams // terms.num_beam_groups
        self.beams = [Hypothesis(0.0, prompt)]
        self.ended: list[Hypothesis] = []
        self.done = False

    def step(self, scores: Scores, taken: dict[int, int], length: int) -> None:
        grown = [
            Hypothesis(beam.score + score - self.terms.diversity_penalty * taken.get(token, 0), (*beam.tokens, token))
            for beam in self.beams
            for token, score in enumerate(scores(beam.tokens))
        ]
        best = sorted((found for found in grown if found.score > -math.inf), reverse=True)
        self.beams = [found for found in best if not self._ends(found)][: self.width]
        for found in best[: self.width]:
            if self._ends(found):
                self.ended.append(Hypothesis(found.score / length**self.terms.length_penalty, found.tokens))
        self.ended = sorted(self.ended, reverse=True)[: self.width]
        self.done = self._settled(length)

    def _ends(self, found: Hypothesis) -> bool:
        return found.tokens[-1] in self.terms.ends or len(found.tokens) == self.terms.limit

    def _settled(self, length: int) -> bool:
        if not self.beams:
            return True
        if len(self.ended) < self.width:
            return False
        if self.terms.early_stopping is True:
            return True
        if self.terms.early_stopping == "never" and self.terms.length_penalty > 0:
            length = self.terms.limit - len(self.prompt)
        return self.beams[0].score / length**self.terms.length_penalty <= self.ended[-1].score


def spelt(frames: list[list[float]], blank: int) -> dict[tuple[int, ...], float]:
    """The probability of every text that some path through the frames spells, by going through all paths."""
    texts: dict[tuple[tuple[int, ...], int], float] = {((), blank): 1.0}  # by text and the last frame's token
    for frame in frames:
        after: dict[tuple[tuple[int, ...], int], float] = {}
        for (text, last), probability in texts.items():
            for token, score in enumerate(frame):
                said = text if token in (blank, last) else (*text, token)
                after[said, token] = after.get((said, token), 0.0) + probability * math.exp(score)
        texts = after
    found: dict[tuple[int, ...], float] = {}
    for (text, _), probability in texts.items():
        found[text] = found.get(text, 0.0) + probability
    return found


def joint(
    decoder: Scores, frames: list[list[float]], *, weight: float, blank: int, ends: frozenset[int], prompt: int
) -> Scores:
    """Scores of joint CTC/attention decoding, from the probabilities of all texts that CTC can have heard."""
    texts = spelt(frames, blank)

    def beginning(prefix: tuple[int, ...]) -> float:
        return sum(probability for text, probability in texts.items() if text[: len(prefix)] == prefix)

    def scores(tokens: tuple[int, ...]) -> list[float]:
        text = tokens[prompt:]
        found = []
        for token, score in enumerate(decoder(tokens)):
            heard = texts.get(text, 0.0) if token in ends else beginning((*text, token))  # no text has a blank
            gained = math.log(heard / beginning(text)) if heard else -math.inf
            found.append((1 - weight) * score + weight * gained)
        return found

    return scores
