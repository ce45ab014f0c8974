"""Where no generation config says how to generate, the configs of the model do."""

from __future__ import annotations

from typing import ClassVar

import pytest

from speechgraft.config import Config, config_class, field
from speechgraft.errors import ConfigError
from speechgraft.generation import GenerationConfig
from speechgraft.generation.inherited import inherited


@config_class
class TextConfig(Config):
    """A decoder's that has an option of generation among its fields, as BART's has."""

    model_type: ClassVar[str] = "text"

    forced_eos_token_id: int | list[int] | None = field(default=2, runtime=True)


@config_class
class WholeConfig(Config):
    model_type: ClassVar[str] = "whole"


def test_a_field_of_the_decoder_counts_and_tokens_stay_open() -> None:
    decoder = TextConfig(eos_token_id=5, pad_token_id=1)
    assert inherited(WholeConfig(pad_token_id=3), decoder) == GenerationConfig(forced_eos_token_id=2)
    assert inherited(WholeConfig(), decoder.copy(forced_eos_token_id=[0, 4])).forced_eos_token_id == [0, 4]
    assert inherited(WholeConfig(), decoder.copy(forced_eos_token_id=None)) == GenerationConfig()


def test_old_keys_count_where_they_are_asked_for_and_the_first_config_has_them() -> None:
    whole = WholeConfig.from_dict({"num_beams": 4, "max_length": 20, "length_penalty": 1.0, "temperature": None})
    decoder = TextConfig.from_dict({"num_beams": 7, "max_length": 30, "length_penalty": 2.0, "prefix": " "})
    assert inherited(whole, decoder) == GenerationConfig(forced_eos_token_id=2)
    expected = GenerationConfig(num_beams=4, max_length=30, length_penalty=2.0, forced_eos_token_id=2)
    assert inherited(whole, decoder, old_keys=True) == expected


def test_the_length_that_nobody_chose_is_none() -> None:
    assert inherited(WholeConfig.from_dict({"max_length": 20, "top_k": 50}), old_keys=True) == GenerationConfig()


def test_an_impossible_value_is_named() -> None:
    with pytest.raises(ConfigError, match=r"\$.num_beams: expected a value above 0, got -1"):
        inherited(WholeConfig.from_dict({"num_beams": -1}), old_keys=True)
