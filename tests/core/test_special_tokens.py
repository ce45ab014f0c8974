"""The first config that sets a token has it."""

from __future__ import annotations

import pytest

from speechgraft.errors import ConfigError
from speechgraft.generation import GenerationConfig
from speechgraft.special_tokens import IN_CALL, end_tokens, find_token, marking_tokens

UNSET = GenerationConfig()


def test_the_first_config_that_sets_a_token_has_it():
    first, second = GenerationConfig(pad_token_id=0), GenerationConfig(pad_token_id=4)
    assert find_token("pad_token_id", "here", first, second) == 0
    assert find_token("pad_token_id", "here", UNSET, second) == 4


def test_a_token_that_is_nowhere_is_asked_for():
    with pytest.raises(ConfigError, match=r"pad_token_id is needed to fill rows, .*: set model.config.pad_token_id"):
        find_token("pad_token_id", "to fill rows", UNSET, UNSET)


def test_another_token_does_where_no_config_sets_the_first():
    named = {"instead": "bos_token_id"}
    bos, start = GenerationConfig(bos_token_id=5), GenerationConfig(decoder_start_token_id=0)
    assert find_token("decoder_start_token_id", "to begin with", bos, start, **named) == 0
    assert find_token("decoder_start_token_id", "to begin with", UNSET, bos, **named) == 5
    asked = (
        r"decoder_start_token_id or bos_token_id is needed to begin with, .*: pass decoder_start_token_id to generate"
    )
    with pytest.raises(ConfigError, match=asked):
        find_token("decoder_start_token_id", "to begin with", UNSET, **named, remedy=IN_CALL)


@pytest.mark.parametrize("token", [-1, 9])
def test_a_token_outside_the_vocabulary_is_told_with_where_to_put_another(token):
    config = GenerationConfig(pad_token_id=token)
    assert find_token("pad_token_id", "to fill", config) == token, "checked where it is asked for alone"
    refused = rf"pad_token_id is {token} and needed to fill, .* 9 tokens \(0 to 8\): set model.config.pad_token_id"
    with pytest.raises(ConfigError, match=refused):
        find_token("pad_token_id", "to fill", config, vocab_size=9)
    assert find_token("pad_token_id", "to fill", GenerationConfig(pad_token_id=8), vocab_size=9) == 8


def test_ends_are_those_of_one_config_alone():
    several = GenerationConfig(eos_token_id=[3, 5])
    assert end_tokens(UNSET, several, GenerationConfig(eos_token_id=7)) == {3, 5}
    assert end_tokens(GenerationConfig(eos_token_id=7), several) == {7}
    assert end_tokens(UNSET) == set()


def test_marks_are_those_of_all_configs():
    one = GenerationConfig(eos_token_id=[3, 5], bos_token_id=1)
    other = GenerationConfig(pad_token_id=0, decoder_start_token_id=3)
    assert marking_tokens(one, other, UNSET) == {0, 1, 3, 5}
