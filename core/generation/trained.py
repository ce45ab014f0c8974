"""What `transformers.Seq2SeqTrainer` asks of a generation config when it evaluates what a model generates."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, Final, cast

from speechgraft.config import Settings

LENGTH: Final = 20
"""Tokens to which that trainer fills rows up where nothing says how long they may be; its own default."""


class TrainedConfig(Settings):
    """Settings that a trainer updates between batches of evaluation."""

    _from_model_config: ClassVar[bool] = False
    """Whether it was put together from a model's config, in which case that trainer would settle it."""

    def _get_default_generation_params(self) -> dict[str, Any]:
        """What that trainer sets where it is `None`: it cannot do without a length."""
        return {"max_length": LENGTH}

    def update(
        self, config_dict: Mapping[str, Any] | None = None, *, defaults_only: bool = False, **options: Any
    ) -> None:
        """Set several fields, checked together; none is set where something is wrong with one.

        Args:
            config_dict: Fields and their values.
            defaults_only: Set those alone that are `None`, with a warning.
            **options: The same, by name.

        Raises:
            ConfigError: What is wrong.
        """
        given = {**(config_dict or {}), **options}
        if defaults_only:
            given = {name: value for name, value in given.items() if getattr(self, name) is None}
            for name, value in given.items():
                warnings.warn(
                    f"the trainer needs generation_config.{name}, which nothing sets: it is {value} from now on, here "
                    "and in what is saved; set it before training to choose",
                    stacklevel=3,
                )
        super().update(cast("Mapping[str, Any]", given))
