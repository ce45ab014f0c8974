"""A pair, as the Transcriber asks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from speechgraft.errors import InputError
from speechgraft.hearing.contract import Heard, Hearing
from speechgraft.text import TextTokenizer

if TYPE_CHECKING:
    from speechgraft.generation import GenerationConfig
    from speechgraft.registry.models import PairModel


class PairHearing(Hearing):
    """A pair: its decoder generates tokens. Options are fields of `GenerationConfig`."""

    silence = Heard()

    def __init__(self, model: PairModel, tokenizer: TextTokenizer) -> None:
        self.model = model
        self.tokenizer = tokenizer

    def options(self, given: Mapping[str, Any]) -> GenerationConfig:
        """The model's generation config with the options of a call before its own.

        Raises:
            ConfigError: An option is unknown or impossible.
            InputError: There is an option of CTC models.
        """
        foreign = sorted({"language_model", "alpha", "beta"} & given.keys())
        if foreign:
            raise InputError(f"{foreign[0]} is an option of CTC models, and this model is a pair with a decoder")
        return self.model.generation_config.superseded_by(given)

    def hear(self, values: Tensor, mask: Tensor, options: GenerationConfig) -> list[Heard]:
        """See `Hearing.hear`."""
        rows = self.model.generate(values, attention_mask=mask, generation_config=options)
        ends = self.model.ends(options)
        return [self._heard([int(token) for token in row], ends) for row in rows.tolist()]

    def _heard(self, row: list[int], ends: set[int]) -> Heard:
        said = row[1:]
        end = next((place for place, token in enumerate(said) if token in ends), None)
        warnings = (f"stopped after {len(said)} tokens without an end",) if ends and end is None else ()
        tokens = tuple(said[:end])
        return Heard(self.tokenizer.decode(tokens), tokens, warnings=warnings)
