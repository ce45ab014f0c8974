"""Every option has one destination; others are refused with the nearest name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgraft.errors import InputError, RoutingError
from speechgraft.routing import keywords, named, one_of, route, spellings

FORWARD = {"encoder": {"mask_time_indices", "chunk"}, "decoder": {"position_ids", "chunk"}}
FACTORY = {"pair": {"pad_token_id", "decoder_start_token_id"}, "encoder": {"layerdrop"}, "decoder": {"n_layer"}}


UNPREFIXED = sorted(name for name in spellings(FORWARD, "encoder") if not name.startswith("encoder_"))


@given(st.dictionaries(st.sampled_from(UNPREFIXED), st.integers(), max_size=5))
def test_each_option_arrives_once(options):
    routed = route(options, FORWARD, unprefixed="encoder")
    assert routed.keys() == FORWARD.keys()
    expected = {
        "decoder": {k.removeprefix("decoder_"): v for k, v in options.items() if k.startswith("decoder_")},
        "encoder": {k: v for k, v in options.items() if not k.startswith("decoder_")},
    }
    assert routed == expected


def test_a_prefix_names_the_part_that_needs_none_as_well():
    assert route({"encoder_chunk": 1, "decoder_chunk": 2}, FORWARD, unprefixed="encoder") == {
        "encoder": {"chunk": 1},
        "decoder": {"chunk": 2},
    }


def test_an_option_that_only_looks_prefixed_stays_where_it_belongs():
    routed = route({"decoder_start_token_id": 1, "decoder_n_layer": 2}, FACTORY, unprefixed="pair")
    assert routed == {"pair": {"decoder_start_token_id": 1}, "decoder": {"n_layer": 2}, "encoder": {}}


def test_of_several_parts_without_a_prefix_the_first_that_takes_an_option_has_it():
    parts = {"generation": {"num_beams", "chunk"}, "encoder": {"mask", "chunk"}}
    options = {"num_beams": 1, "mask": 2, "chunk": 3, "encoder_chunk": 4}
    expected = {"generation": {"num_beams": 1, "chunk": 3}, "encoder": {"mask": 2, "chunk": 4}}
    assert route(options, parts, unprefixed=("generation", "encoder")) == expected
    with pytest.raises(RoutingError, match="'mask' of the encoder was passed twice"):
        route({"mask": 1, "encoder_mask": 2}, parts, unprefixed=("generation", "encoder"))
    with pytest.raises(RoutingError, match="unknown option 'masc'; did you mean 'mask'"):
        route({"masc": 1}, parts, unprefixed=("generation", "encoder"))


@pytest.mark.parametrize(
    ("option", "nearest"),
    [
        ("mask_time_indexes", "mask_time_indices"),
        ("decoder_position_id", "decoder_position_ids"),
        ("encoder_chunks", "encoder_chunk"),
    ],
)
def test_a_misspelt_option_is_refused_with_the_nearest_name(option, nearest):
    with pytest.raises(RoutingError, match=f"unknown option '{option}'; did you mean '{nearest}'"):
        route({option: 1}, FORWARD, unprefixed="encoder")


def test_all_problems_are_told_at_once():
    with pytest.raises(RoutingError) as caught:
        route({"chunk": 1, "encoder_chunk": 2, "what": 3, "position_ids": 4}, FORWARD, unprefixed="encoder")
    assert "'chunk' of the encoder was passed twice, with and without its prefix" in str(caught.value)
    assert "'what'" in str(caught.value)
    assert "did you mean 'decoder_position_ids'" in str(caught.value)
    assert isinstance(caught.value, TypeError)


def test_one_of_several_arguments_is_taken():
    assert one_of(a=None, b=None) is None
    assert one_of(a=None, b=0) == 0
    with pytest.raises(InputError, match="a and c were passed together; pass one of them"):
        one_of(a=1, b=None, c=2)


@pytest.mark.parametrize(
    ("option", "nearest"), [("lables", "labels"), ("decoder_inputs_id", "decoder_input_ids"), ("maks", "mask")]
)
def test_names_of_the_caller_itself_may_have_been_meant(option, nearest):
    own = ("labels", "label_names", "decoder_input_ids", "decoder_inputs_embeds", "mask")
    with pytest.raises(RoutingError, match=f"unknown option '{option}'; did you mean '{nearest}'"):
        route({option: 1}, FORWARD, unprefixed="encoder", own=own)


def test_an_option_of_something_else_is_sent_there():
    elsewhere = {"keep_head": "pass it to the other factory"}
    with pytest.raises(RoutingError, match=r"^unknown option 'keep_head': pass it to the other factory$"):
        route({"keep_head": 1}, FACTORY, unprefixed="pair", elsewhere=elsewhere)


class Caller:
    @named
    def call(self, values, mask=None, *, labels=None):
        """What it does."""
        return values + 1


MISFITS = {
    "a misspelt name": ((1,), {"atention_mask": 1, "lables": 2}, "unknown option 'atention_mask'.*'lables'.*'labels'"),
    "nothing": ((), {}, "missing a required argument: 'values'; expected values, mask, labels"),
    "too much": ((1, 2, 3), {}, "too many positional arguments; expected values"),
    "one twice": ((1,), {"values": 1}, "multiple values for argument 'values'"),
}


@pytest.mark.parametrize(("given", "options", "message"), MISFITS.values(), ids=MISFITS)
def test_a_function_refuses_arguments_as_a_pair_does(given, options, message):
    with pytest.raises(RoutingError, match=message):
        Caller().call(*given, **options)


def test_a_function_that_refuses_arguments_is_otherwise_the_same():
    assert Caller().call(1, labels=2) == 2
    assert Caller.call.__doc__ == "What it does."
    assert keywords(Caller.call) == ("values", "mask", "labels")
    with pytest.raises(TypeError) as caught:
        Caller().call("text")
    assert not isinstance(caught.value, RoutingError), "an error from within stays what it is"
