"""How to generate: limits and special tokens, as `generation_config.json` holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from speechgraft.config import Settings, config_class, field, non_negative, positive
from speechgraft.errors import InputError

NEUTRAL: Final[Mapping[str, Any]] = {
    "num_beams": 1,
    "num_beam_groups": 1,
    "num_return_sequences": 1,
    "do_sample": False,
    "early_stopping": False,
    "length_penalty": 1.0,
    "min_length": 0,
    "min_new_tokens": None,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0,
    "bad_words_ids": None,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
    "penalty_alpha": None,
}
"""Published options of other searches than the greedy one, with the values that ask for nothing."""

_TOKENS: Final = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")


def _first_set(name: str, configs: Iterable[Settings]) -> Any:
    values = (getattr(config, name) for config in configs)
    return next((value for value in values if value is not None), None)


@config_class
class GenerationConfig(Settings):
    """Limits and special tokens of generation; what is `None` is taken from the model's config.

    Raises:
        ConfigError: A value has the wrong type or is impossible, or a keyword is unknown.
    """

    file_name: ClassVar[str] = "generation_config.json"

    pad_token_id: int | None = field(default=None, runtime=True)
    """The token that fills rows that ended."""

    bos_token_id: int | None = field(default=None, runtime=True)
    """The token that begins a text."""

    eos_token_id: int | list[int] | None = field(default=None, runtime=True)
    """The token, or any of the tokens, that ends a row."""

    decoder_start_token_id: int | None = field(default=None, runtime=True)
    """The token that a row begins with."""

    max_length: int | None = field(default=None, validator=positive, runtime=True)
    """The most tokens of a row, those it begins with included; `None`: as many as the decoder has positions."""

    max_new_tokens: int | None = field(default=None, validator=non_negative, runtime=True)
    """The most tokens that are added to what a row begins with; goes before `max_length`."""

    use_cache: bool = field(default=True, runtime=True)
    """Whether keys and values are kept between steps: the same tokens, sooner."""

    def superseded_by(self, options: Mapping[str, Any]) -> GenerationConfig:
        """This config with the options of one call before its own.

        Raises:
            InputError: The call asks for both limits at once.
            ConfigError: An option has the wrong type or is impossible.
        """
        if {"max_length", "max_new_tokens"} <= options.keys():
            raise InputError("max_length and max_new_tokens were passed together; pass one of them")
        limits = {"max_new_tokens": None} if "max_length" in options else {}
        return self.copy(**{**limits, **options}) if options else self

    def filled_from(self, *configs: Settings) -> GenerationConfig:
        """A copy whose special tokens, where this leaves them open, are those of the first config that sets them.

        Saved, it says all that other readers of `generation_config.json` need: they look into no other file.
        """
        tokens = {name: _first_set(name, (self, *configs)) for name in _TOKENS}
        return self.copy(**tokens)

    def refuse_other_searches(self) -> None:
        """Refuse settings of searches that are not to be had, rather than passing over them.

        Raises:
            InputError: Naming them.
        """
        told = {name: self.extras.get(name) for name in NEUTRAL}
        asked = {name: value for name, value in told.items() if value is not None and value != NEUTRAL[name]}
        if asked:
            settings = ", ".join(f"{name}={value!r}" for name, value in asked.items())
            raise InputError(f"generation is greedy; the generation config asks for {settings}: remove that from it")
