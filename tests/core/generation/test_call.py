"""Greedy search: limits, ends, prompts, and what it refuses."""

from __future__ import annotations

import warnings

import pytest
import torch

from speechgraft.errors import ConfigError, InputError, RoutingError
from speechgraft.generation import GenerationConfig
from speechgraft.registry import default_catalog, pair
from speechgraft.testing.models import scramble

ENCODER = dict(default_catalog().encoder("wav2vec2").tiny)
DECODER = {**default_catalog().decoder("bert").tiny, "max_position_embeddings": 12}


def make(**options):
    torch.manual_seed(0)
    model = pair("wav2vec2", "bert", encoder=ENCODER, decoder=DECODER, **options).double().eval()
    scramble(model)
    return model


TOKENS = {"pad_token_id": 0, "decoder_start_token_id": 1}


@pytest.fixture(scope="module")
def model():
    return make(**TOKENS)


torch.manual_seed(1)
X = torch.randn(3, 300, dtype=torch.float64)
MASK = (torch.arange(300) < torch.tensor([300, 200, 120])[:, None]).long()
PROMPT = torch.tensor([[1, 5], [1, 6], [1, 7]])


def test_rows_begin_with_the_start_token_and_go_to_the_limit(model):
    ids = model.generate(X, attention_mask=MASK, max_new_tokens=4)
    assert ids.shape == (3, 5)
    assert ids.dtype == torch.int64
    assert (ids[:, 0] == 1).all()
    assert torch.equal(model.generate(X, attention_mask=MASK, max_length=5), ids)
    assert model.generate(X, attention_mask=MASK).shape == (3, 12), "as many tokens as the decoder has positions"
    assert model.generate(X, max_length=13).shape == (3, 13), "the last token is never fed back"
    assert model.generate(X, max_new_tokens=0).tolist() == [[1]] * 3


def test_rows_end_behind_any_ending_token_and_are_filled(model):
    endless = model.generate(X, attention_mask=MASK, max_new_tokens=8)
    first, second = endless[0, 2], endless[1, 4]
    ids = model.generate(X, attention_mask=MASK, max_new_tokens=8, eos_token_id=[int(first), int(second)])
    for row, free in zip(ids, endless[:, : ids.shape[1]], strict=True):
        ending = torch.isin(free[1:], torch.stack([first, second])).nonzero()
        end = int(ending[0]) + 2 if len(ending) else len(free)
        assert torch.equal(row[:end], free[:end])
        assert (row[end:] == 0).all()


def test_a_prompt_stands_for_the_start_token(model):
    ids = model.generate(X, attention_mask=MASK, decoder_input_ids=PROMPT, max_new_tokens=3)
    assert torch.equal(ids[:, :2], PROMPT)
    assert ids.shape == (3, 5)
    uncached = model.generate(X, attention_mask=MASK, decoder_input_ids=PROMPT, max_new_tokens=3, use_cache=False)
    assert torch.equal(ids, uncached)


def test_the_generation_config_goes_before_the_model_config_and_the_call_before_both():
    model = make(**TOKENS)
    model.generation_config = GenerationConfig(decoder_start_token_id=3, max_new_tokens=2)
    assert model.generate(X).tolist() == model.generate(X, decoder_start_token_id=3, max_length=3).tolist()
    assert model.generate(X).shape == (3, 3)
    assert (model.generate(X)[:, 0] == 3).all()
    assert (model.generate(X, decoder_start_token_id=4)[:, 0] == 4).all()
    assert (model.generate(X, generation_config=GenerationConfig(max_length=4))[:, 0] == 3).all()


def test_encoder_outputs_stand_for_inputs(model):
    encoded = model.encode(X, MASK)
    expected = model.generate(X, attention_mask=MASK, max_new_tokens=4)
    assert torch.equal(model.generate(encoder_outputs=encoded, max_new_tokens=4), expected)
    assert torch.equal(model.generate(input_values=X, attention_mask=MASK, max_new_tokens=4), expected)


def test_options_of_the_encoder_reach_it(model):
    frames = model.encode(X, MASK).frame_mask.shape[1]
    hidden = torch.ones(3, frames, dtype=torch.bool)
    plain = model.generate(X, max_new_tokens=6)
    assert not torch.equal(model.generate(X, encoder_mask_time_indices=hidden, max_new_tokens=6), plain)


BAD_CALLS = {
    "both limits": ({"max_length": 5, "max_new_tokens": 4}, InputError, "max_length and max_new_tokens were passed"),
    "no room": (
        {"max_new_tokens": 13},
        InputError,
        "max_new_tokens=13 asks for rows of 14 tokens, 1 of which .* has 12 positions: rows have 13 tokens at the most",
    ),
    "no room, in all": ({"max_length": 14}, InputError, "max_length=14 asks for rows of 14 tokens, but .* have 13 "),
    "prompt without room": (
        {"decoder_input_ids": torch.ones(3, 13, dtype=torch.int64)},
        InputError,
        "13 tokens were asked for, but the decoder has 12 positions",
    ),
    "prompt of truth values": ({"decoder_input_ids": PROMPT > 1}, InputError, "decoder_input_ids .* of torch.bool"),
    "config in words": ({"generation_config": "here"}, InputError, "is a str, expected a .*from_pretrained reads"),
    "config as dict": ({"generation_config": {}}, InputError, "generation_config is a dict, .*from_dict makes one"),
    "no generator": ({"generator": 5, "do_sample": True}, InputError, "generator=5, expected one torch.Generator"),
    "generators": ({"generator": [torch.Generator()], "do_sample": True}, InputError, "expected one torch.Generator"),
    "nothing drawn": ({"generator": torch.Generator()}, InputError, "nothing is drawn: pass do_sample=True"),
    "no prefix function": ({"prefix_allowed_tokens_fn": 3}, InputError, "prefix_allowed_tokens_fn=3, expected a func"),
    "no watch": ({"watch": 3}, InputError, "watch=3, expected a function or None"),
    "no rule": ({"logits_processor": [3]}, InputError, "logits_processor holds 3; expected a list of callables"),
    "no criterion": ({"stopping_criteria": 3}, InputError, "stopping_criteria holds 3"),
    "no fusion": ({"fusion": 3}, InputError, r"fusion holds 3, which has no start\(\): expected a list of Fusion"),
    "no fusions": ({"fusion": [lambda ids: ids]}, InputError, r"which has no start\(\)"),
    "no encoder outputs": ({"encoder_outputs": 1}, InputError, "encoder_outputs is 1, expected what encode gave"),
    "empty encoder outputs": ({"encoder_outputs": {}}, InputError, "encoder_outputs is {}, expected what encode gave"),
    "misspelt config": ({"generation_confg": None}, RoutingError, "did you mean 'generation_config'"),
    "streamer": ({"streamer": None}, RoutingError, "'streamer': watch is told of tokens as they are settled"),
    "other model": ({"assistant_model": None}, RoutingError, "'assistant_model': a second model"),
    "mask of prompt": ({"decoder_attention_mask": MASK}, RoutingError, "all tokens of decoder_input_ids count"),
    "less than the prompt": (
        {"decoder_input_ids": PROMPT, "max_length": 1},
        InputError,
        "max_length=1 is less than the 2 tokens that rows begin with",
    ),
    "negative limit": ({"max_new_tokens": -1}, ConfigError, r"\$.max_new_tokens: expected at least 0, got -1"),
    "limit in words": ({"max_new_tokens": "4"}, ConfigError, r"\$.max_new_tokens"),
    "id outside": ({"decoder_input_ids": PROMPT + 35}, InputError, "decoder_input_ids holds id 40 in row 0, place 1"),
    "start outside": ({"decoder_start_token_id": 99}, InputError, "id 99"),
    "prompt of other rows": (
        {"decoder_input_ids": PROMPT[:2]},
        InputError,
        "decoder_input_ids has 2 rows, but there are 3",
    ),
    "empty prompt": ({"decoder_input_ids": PROMPT[:, :0]}, InputError, r"decoder_input_ids has shape \(3, 0\)"),
    "two inputs": ({"input_values": X}, InputError, "inputs and input_values were passed together"),
    "misspelt": ({"max_new_token": 4}, RoutingError, "did you mean 'max_new_tokens'"),
    "misspelt encoder option": ({"encoder_mask_time_index": 1}, RoutingError, "mask_time_indices"),
    "bad mask": ({"attention_mask": MASK[:, :9]}, InputError, r"attention_mask has shape \(3, 9\)"),
    "short row": ({"attention_mask": MASK * 0}, InputError, "row 0 has 0, row 1 has 0, row 2 has 0 samples"),
}


BAD_PREFIXES = {
    "fraction": [3.5],
    "nothing": None,
    "letters": "ab",
    "truth": [True],
    "number": 3,
    "tensor of fractions": torch.tensor([3.5]),
    "table": torch.tensor([[3]]),
}


@pytest.mark.parametrize("given", BAD_PREFIXES.values(), ids=BAD_PREFIXES)
def test_what_a_prefix_function_must_not_give(model, given):
    with pytest.raises(InputError, match=r"prefix_allowed_tokens_fn gave for row 0 of the batch is .* ids of tokens"):
        model.generate(X, prefix_allowed_tokens_fn=lambda utterance, ids: given, max_new_tokens=2)


@pytest.mark.parametrize("given", [range(3, 5), (3, 4), {3, 4}, torch.tensor([3, 4], dtype=torch.int32)], ids=repr)
def test_a_prefix_function_may_give_whole_numbers_of_any_kind(model, given):
    found = model.generate(X, prefix_allowed_tokens_fn=lambda utterance, ids: given, max_new_tokens=4)[:, 1:]
    same = model.generate(X, prefix_allowed_tokens_fn=lambda utterance, ids: [3, 4], max_new_tokens=4)[:, 1:]
    assert torch.equal(found, same) and set(found.unique().tolist()) <= {3, 4}


def test_a_prompt_of_narrower_integers_is_the_same_prompt(model):
    wide = model.generate(X, decoder_input_ids=PROMPT, max_new_tokens=3)
    narrow = model.generate(X, decoder_input_ids=PROMPT.to(torch.int32), max_new_tokens=3)
    assert narrow.dtype == torch.int64 and torch.equal(narrow, wide)


def test_none_of_a_callers_parts_is_nothing(model):
    nothing = dict.fromkeys(("logits_processor", "stopping_criteria", "fusion", "watch", "generator"))
    assert torch.equal(model.generate(X, max_new_tokens=3, **nothing), model.generate(X, max_new_tokens=3))


@pytest.mark.parametrize("beams", [1, 2])
@pytest.mark.parametrize("name", ["pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id"])
@pytest.mark.parametrize("token", [37, -7])
def test_special_tokens_that_there_are_not_are_refused_wherever_a_generation_config_is_from(name, token, beams):
    model = make(**TOKENS)
    value = [2, token] if name == "eos_token_id" else token
    config = GenerationConfig.from_dict({name: value, "num_beams": beams})
    message = rf"the generation config's {name} holds id {token}, but the vocabulary has 37 tokens \(0 to 36\)"
    with pytest.raises(InputError, match=message):
        model.generate(X, generation_config=config, max_new_tokens=2)
    model.generation_config = config
    with pytest.raises(InputError, match=message):
        model.generate(X, max_new_tokens=2)


def test_special_tokens_of_the_pair_that_there_are_not_are_refused_where_they_are_needed():
    model = make(**TOKENS, eos_token_id=99)
    with pytest.raises(InputError, match=r"model.config.eos_token_id holds id 99"):
        model.generate(X, max_new_tokens=2)
    model.config.eos_token_id, model.config.pad_token_id = 2, 99
    with pytest.raises(ConfigError, match="pad_token_id is 99 and needed to fill rows that ended"):
        model.generate(X, max_new_tokens=2)


def test_a_generation_config_of_another_kind_is_refused_when_it_is_set():
    model = make(**TOKENS)
    before = model.generation_config
    with pytest.raises(InputError, match=r"model.generation_config is a dict, expected a speechgraft GenerationConfig"):
        model.generation_config = {"num_beams": 2}
    assert model.generation_config is before


def test_a_model_in_train_mode_warns_that_tokens_are_not_the_same_again():
    model = make(**TOKENS)
    model.decoder.train()
    with pytest.warns(UserWarning, match=r"generating in train mode: .* model.eval\(\)"):
        model.generate(X, max_new_tokens=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.eval().generate(X, max_new_tokens=2)


@pytest.mark.parametrize(("options", "error", "message"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_bad_calls_are_refused(model, options, error, message):
    with pytest.raises(error, match=message):
        model.generate(X, **options)


def test_nothing_to_encode_is_refused(model):
    with pytest.raises(InputError, match="nothing to encode"):
        model.generate(max_new_tokens=3)


def test_special_tokens_are_asked_for_when_they_are_needed():
    model = make()
    told = "decoder_start_token_id or bos_token_id is needed to begin with, .* set model.generation_config"
    with pytest.raises(ConfigError, match=told):
        model.generate(X, max_new_tokens=2)
    assert model.generate(X, decoder_input_ids=PROMPT, max_new_tokens=2).shape == (3, 4)
    model.config.decoder_start_token_id, model.config.eos_token_id = 1, 2
    model.config.decoder.pad_token_id = None
    with pytest.raises(ConfigError, match=r"pad_token_id is needed to fill rows that ended, .*: pass pad_token_id"):
        model.generate(X, max_new_tokens=2)


@pytest.mark.parametrize("options", [{}, {"num_beams": 3}, {"do_sample": True}])
def test_one_row_needs_no_padding(options):
    model = make()
    model.config.decoder_start_token_id, model.config.decoder.pad_token_id = 1, None
    asked = {"eos_token_id": list(range(2, model.decoder.vocab_size, 2)), "max_new_tokens": 8, **options}
    torch.manual_seed(3)
    padded = model.generate(X[:1], pad_token_id=0, **asked)
    torch.manual_seed(3)
    assert torch.equal(model.generate(X[:1], **asked), padded)
    with pytest.raises(ConfigError, match="pad_token_id is needed to fill rows that ended"):
        model.generate(X[:1], num_return_sequences=2, **{"num_beams": 2, **asked})


def test_special_tokens_are_those_of_the_call_of_generation_configs_of_the_pair_of_the_decoder():
    """Each place goes before those set here before it, all of them after the model was built; the start before bos."""
    model = make()
    passed, options = GenerationConfig(max_new_tokens=1), {}
    places = [model.config.decoder, model.config, model.generation_config, passed]
    for name in ("bos_token_id", "decoder_start_token_id"):
        for token, place in enumerate(places, start=3):
            setattr(place, name, token)
            assert (model.generate(X, generation_config=passed)[:, 0] == token).all(), (name, token)
        options[name] = 8
        assert (model.generate(X, generation_config=passed, **options)[:, 0] == 8).all()
        options[name] = None
        for place in places:
            setattr(place, name, None)
    free = model.generate(X, decoder_start_token_id=1, max_new_tokens=9)
    ends = sorted({int(row[2]) for row in free})
    model.config.decoder.eos_token_id, model.config.decoder.pad_token_id = ends, 7
    ended = model.generate(X, decoder_start_token_id=1, max_new_tokens=9)
    assert ended.shape[1] <= 3 and model.config.decoder.eos_token_id == ends
    model.config.eos_token_id = [0]
    assert model.generate(X, decoder_start_token_id=1, max_new_tokens=9, eos_token_id=ends).tolist() == ended.tolist()


def test_a_start_token_outside_the_vocabulary_is_refused():
    model = make(decoder_start_token_id=99)
    with pytest.raises(ConfigError, match=r"decoder_start_token_id is 99 and needed to begin with, .* \(0 to 36\)"):
        model.generate(X)
    with pytest.raises(InputError, match="decoder_start_token_id holds id 99"):
        model.generate(X, decoder_start_token_id=99)


def test_settings_of_searches_that_there_are_not_are_refused_and_not_passed_over(model):
    other = GenerationConfig.from_dict({"penalty_alpha": 0.6, "top_k": 4, "max_length": 5})
    with pytest.raises(InputError, match=r"penalty_alpha=0.6: contrastive search is published as code"):
        model.generate(X, generation_config=other)
    with pytest.raises(InputError, match="stop_strings='a': a search knows token ids alone"):
        model.generate(X, stop_strings="a")
    with pytest.raises(ConfigError, match=r"\$.dola_layers: contrasting layers .* repetition_penalty"):
        GenerationConfig(dola_layers="high")
    assert model.generate(X, penalty_alpha=None, guidance_scale=1.0, max_length=5).shape == (3, 5)
