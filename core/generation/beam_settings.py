"""How a beam search goes."""

from __future__ import annotations

from typing import Literal, Self

import attrs

from speechgraft.errors import InputError
from speechgraft.generation.config import GenerationConfig


@attrs.frozen
class Beams:
    """How a beam search goes.

    Raises:
        InputError: Numbers that do not go together.
    """

    count: int
    """Hypotheses of an utterance that are followed side by side."""

    returned: int = 1
    """Hypotheses of an utterance that are given back, the best first."""

    length_penalty: float = 1.0
    """The power of a hypothesis's length (tokens behind the prompt) that its score is divided by: above 0 in favour
    of long hypotheses, below 0 of short ones."""

    early_stopping: bool | Literal["never"] = False
    """When an utterance is settled, once as many hypotheses as there are beams have ended. `True`: at once. `False`:
    when the best beam at its length now would score no more than the worst of them. `"never"`: when no beam can
    score more than the worst of them, whatever its length will be."""

    groups: int = 1
    """Groups that the beams are divided into, which are kept diverse (Vijayakumar et al. 2018)."""

    diversity_penalty: float = 0.0
    """What a token loses for each beam of an earlier group that takes it in the same step; it stays in the scores."""

    sample: bool = False
    """Whether continuations are drawn by their probability, rather than the best taken."""

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.returned <= self.count:
            raise InputError(f"num_return_sequences={self.returned}, expected 1 to num_beams={self.count}")
        if self.groups < 1 or self.count % self.groups:
            raise InputError(
                f"num_beams={self.count} cannot be divided into num_beam_groups={self.groups} equal groups"
            )

    @classmethod
    def of(cls, config: GenerationConfig) -> Self:
        """Those that a config asks for."""
        return cls(
            config.num_beams,
            returned=config.num_return_sequences,
            length_penalty=config.length_penalty,
            early_stopping=config.early_stopping,
            groups=config.num_beam_groups,
            diversity_penalty=config.diversity_penalty,
            sample=config.do_sample,
        )
