"""How a model generates where the call does not say, checked when it is set."""

from __future__ import annotations

from speechgraft.generation.asked import checked_config
from speechgraft.generation.config import GenerationConfig


class HoldsGeneration:
    """A model with a generation config of its own, which is read at each call and written beside its config."""

    _generation_config: GenerationConfig

    @property
    def generation_config(self) -> GenerationConfig:
        """How to generate where the call does not say.

        Raises:
            InputError: What it is set to is no `GenerationConfig`, as another library's is none.
        """
        return self._generation_config

    @generation_config.setter
    def generation_config(self, value: GenerationConfig) -> None:
        self._generation_config = checked_config(value, "model.generation_config")
