"""The generation config: its file, its defaults, and calls that contradict themselves."""

from __future__ import annotations

import json

import pytest

from speechgraft.config.fields import fields_of
from speechgraft.errors import ConfigError, InputError
from speechgraft.generation import GenerationConfig
from speechgraft.generation.unoffered import UNOFFERED, refuse_unoffered


def test_a_file_comes_back_as_it_was(tmp_path):
    config = GenerationConfig(
        num_beams=4,
        early_stopping="never",
        bad_words_ids=[[1, 2], [3]],
        sequence_bias={(1, 2): 0.5, (3,): -1},
        eos_token_id=[2, 3],
        exponential_decay_length_penalty=(3, 1.1),
        alignment_heads=[[0, 1]],
        min_p=0.1,
        do_sample=True,
    )
    config.save_pretrained(tmp_path)
    assert GenerationConfig.from_pretrained(tmp_path) == config
    written = json.loads((tmp_path / "generation_config.json").read_text())
    assert written["sequence_bias"] == [[[1, 2], 0.5], [[3], -1.0]]
    assert written["early_stopping"] == "never"


def test_what_a_file_leaves_open_or_null_has_its_default():
    names = [name for name in fields_of(GenerationConfig) if name != "extras"]
    assert GenerationConfig.from_dict(dict.fromkeys(names)) == GenerationConfig() == GenerationConfig.from_dict({})
    assert GenerationConfig().top_k == 50, "as published"


def test_what_other_tools_wrote_is_kept_and_what_nobody_knows_is_reported():
    told = {"transformers_version": "4.30.0", "cache_implementation": None, "num_beam": 3, "max_length": 9}
    config = GenerationConfig.from_dict(told)
    assert config.unknown_keys == ("num_beam",)
    assert {name: config.to_dict()[name] for name in told} == told


def test_an_unknown_field_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match=r"\$.num_beam: GenerationConfig has no such field; did you mean 'num_beams'"):
        GenerationConfig(num_beam=3)
    with pytest.raises(ConfigError, match="kept where a file has it"):
        GenerationConfig(cache_implementation="static")


@pytest.mark.parametrize("name", UNOFFERED)
def test_published_options_that_there_are_not_are_refused_by_name_unless_they_ask_for_nothing(name):
    config = GenerationConfig.from_dict({name: 2, "max_length": 5})
    assert config.to_dict()[name] == 2, "the file is kept as it was"
    with pytest.raises(InputError, match=f"the generation config says {name}=2: .*; {name}=None leaves it aside"):
        config.superseded_by({})
    assert config.superseded_by({name: None}).max_length == 5
    with pytest.raises(InputError, match=f"{name}=2: "):
        GenerationConfig().superseded_by({name: 2})
    assert GenerationConfig().superseded_by({name: None}) == GenerationConfig()
    refuse_unoffered({name: False})


IMPOSSIBLE = {
    "temperature": 0.0,
    "top_k": -1,
    "top_p": 1.5,
    "min_p": -0.1,
    "typical_p": 0.0,
    "num_beams": 0,
    "early_stopping": "always",
    "repetition_penalty": 0,
    "no_repeat_ngram_size": -1,
    "bad_words_ids": [],
    "suppress_tokens": [-1],
    "ctc_weight": 1.1,
    "max_length": 0,
    "max_time": 0.0,
    "do_sample": 1,
    "exponential_decay_length_penalty": [1],
    "sequence_bias": [[[1], "high"]],
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_values_are_refused_by_their_path(name):
    with pytest.raises(ConfigError, match=rf"\$\.{name}"):
        GenerationConfig(**{name: IMPOSSIBLE[name]})


def test_what_a_pair_of_values_is_made_of_is_said():
    expected = r"\$.exponential_decay_length_penalty: expected a list \(an integer, a number\) or null, got"
    for value in (3, [1], [1, 1.0, 2]):
        with pytest.raises(ConfigError, match=expected):
            GenerationConfig(exponential_decay_length_penalty=value)
    with pytest.raises(ConfigError, match=r"\$.sequence_bias\[0\]\[0\]: expected a list \(an integer each\), got 5"):
        GenerationConfig(sequence_bias={5: 10.0})


@pytest.mark.parametrize("name", ["epsilon_cutoff", "eta_cutoff"])
def test_a_cutoff_of_one_would_leave_no_token_and_is_refused(name):
    with pytest.raises(ConfigError, match=rf"\$.{name}: expected a value below 1, got 1"):
        GenerationConfig(**{name: 1.0})
    assert getattr(GenerationConfig(**{name: 0.999}), name) == 0.999


def test_a_temperature_that_nothing_can_be_divided_by_is_refused():
    with pytest.raises(ConfigError, match=r"\$.temperature: expected at least 1e-30, got 1e-45: .* do_sample=False"):
        GenerationConfig(temperature=1e-45)
    assert GenerationConfig(temperature=1e-30).temperature == 1e-30


def test_what_is_saved_leaves_out_tokens_that_there_are_not():
    class Told(GenerationConfig):
        """Stands for the config of a part."""

    told = [Told(eos_token_id=[2, 50256], pad_token_id=3), Told(bos_token_id=-1, decoder_start_token_id=4)]
    filled = GenerationConfig(pad_token_id=1).filled_from(*told, vocab_size=10)
    assert filled == GenerationConfig(pad_token_id=1, decoder_start_token_id=4)
    assert GenerationConfig().filled_from(*told).eos_token_id == [2, 50256]


def test_a_word_without_tokens_is_refused():
    with pytest.raises(ConfigError, match=r"\$.bad_words_ids: expected at least one item"):
        GenerationConfig(bad_words_ids=[[1], []])
    with pytest.raises(ConfigError, match=r"\$.sequence_bias: expected at least one item"):
        GenerationConfig(sequence_bias={(): 1.0})


CONTRADICTIONS = {
    "both limits": ({"max_length": 5, "max_new_tokens": 4}, "max_length and max_new_tokens were passed together"),
    "both least": ({"min_length": 5, "min_new_tokens": 4}, "min_length and min_new_tokens were passed together"),
    "least above most": ({"min_length": 5, "max_length": 4}, "min_length=5 is more than max_length=4"),
    "least above most, added": (
        {"min_new_tokens": 5, "max_new_tokens": 4},
        "min_new_tokens=5 is more than max_new_tokens=4",
    ),
    "early stopping of one": (
        {"num_beams": 1, "early_stopping": True},
        "early_stopping=True is of beam search, and num_beams is 1",
    ),
    "never stopping of one": ({"early_stopping": "never"}, "early_stopping='never' is of beam search"),
    "length penalty of one": ({"length_penalty": 2.0}, "length_penalty=2.0 is of beam search"),
    "temperature": ({"temperature": 0.5}, "temperature=0.5 is of sampling, and do_sample is false"),
    "top_k": ({"top_k": 5, "do_sample": False}, "top_k=5 is of sampling"),
    "min_p": ({"min_p": 0.5, "num_beams": 3}, "min_p=0.5 is of sampling"),
    "scores of nothing": ({"output_scores": True}, "output_scores=True is given with return_dict_in_generate=True"),
    "more than beams": (
        {"num_beams": 2, "num_return_sequences": 3},
        "num_return_sequences=3 is more than num_beams=2",
    ),
    "more than one greedily": (
        {"num_return_sequences": 3},
        "greedy search finds one: pass do_sample=True or num_beams",
    ),
    "groups": ({"num_beams": 4, "num_beam_groups": 3}, "num_beams=4 cannot be parted into num_beam_groups=3"),
    "groups that are alike": (
        {"num_beams": 4, "num_beam_groups": 2},
        "num_beam_groups=2 find the same texts where diversity_penalty is 0",
    ),
    "groups that are drawn": (
        {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 1.0, "do_sample": True},
        "num_beam_groups=2 are searched and not drawn",
    ),
    "no groups": ({"num_beams": 4, "diversity_penalty": 0.5}, "diversity_penalty=0.5 needs num_beam_groups above 1"),
    "groups of one": ({"num_beam_groups": 2}, "num_beam_groups=2 is of beam search"),
    "forced and suppressed": (
        {"forced_eos_token_id": [2, 3], "suppress_tokens": [3, 2, 1]},
        r"forced_eos_token_id=\[2, 3\] is among suppress_tokens",
    ),
    "forced and no word": (
        {"forced_bos_token_id": 5, "bad_words_ids": [[1, 2], [5]]},
        "forced_bos_token_id=5 is among bad_words_ids",
    ),
}


@pytest.mark.parametrize(("options", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_call_that_contradicts_itself_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        GenerationConfig().superseded_by(options)


def test_all_contradictions_are_told_at_once():
    with pytest.raises(InputError, match=r"top_p=0.5 is of sampling.*; length_penalty=2.0 is of beam search"):
        GenerationConfig().superseded_by({"top_p": 0.5, "length_penalty": 2.0})


def test_a_call_may_leave_idle_what_the_config_says():
    config = GenerationConfig(num_beams=4, early_stopping=True, length_penalty=2.0, min_length=9, max_length=20)
    greedy = config.superseded_by({"num_beams": 1, "max_length": 5})
    assert (greedy.num_beams, greedy.length_penalty, greedy.max_length) == (1, 2.0, 5)
    assert not greedy.searches_beams
    drawn = GenerationConfig(do_sample=True, temperature=0.5)
    assert not drawn.superseded_by({"do_sample": False}).do_sample


def test_neutral_values_of_other_searches_contradict_nothing():
    options = {
        "num_beams": 1,
        "early_stopping": False,
        "length_penalty": 1.0,
        "temperature": 1.0,
        "top_k": 50,
        "top_p": 1.0,
        "min_p": None,
        "diversity_penalty": 0.0,
        "output_scores": False,
        "num_return_sequences": 1,
    }
    assert GenerationConfig().superseded_by(options) == GenerationConfig()


def test_a_limit_of_the_call_takes_the_place_of_both_of_the_configs():
    config = GenerationConfig(max_new_tokens=4, min_new_tokens=2)
    found = config.superseded_by({"max_length": 9, "min_length": 3})
    assert (found.max_length, found.max_new_tokens, found.min_length, found.min_new_tokens) == (9, None, 3, None)
    assert config.superseded_by({"max_new_tokens": None, "max_length": 9}).max_length == 9


def test_none_of_the_most_probable_tokens_in_a_call_means_all():
    assert GenerationConfig(do_sample=True).superseded_by({"top_k": None}).top_k == 0


def test_the_configs_own_contradictions_are_told_when_it_is_used():
    with pytest.raises(InputError, match="num_return_sequences=3 is more than num_beams=2"):
        GenerationConfig(num_beams=2, num_return_sequences=3).superseded_by({})


def test_a_call_of_another_search_is_told_what_to_do_about_the_configs_rows():
    several = GenerationConfig(num_beams=4, num_return_sequences=4)
    with pytest.raises(InputError, match="pass num_return_sequences=1, do_sample=True or num_beams=4"):
        several.superseded_by({"num_beams": 1})
    assert several.superseded_by({"num_beams": 1, "num_return_sequences": 1}).num_beams == 1
