"""Texts become the batches that the published tokenizers make of them, whatever a call asks for."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from published_tokenizers import FAMILIES, pair, texts

from speechgraft.errors import InputError, RoutingError

FAST = [name for name in FAMILIES if name != "ctc"]


def plain(batch: Any) -> dict[str, Any]:
    """A batch as lists."""
    return {name: values.tolist() if hasattr(values, "tolist") else values for name, values in dict(batch).items()}


def outcome(tokenizer: Any, *given: Any, **call: Any) -> Any:
    """What a call gives; `None` for an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            batch = tokenizer(*given, **call)
        except BaseException as error:  # noqa: BLE001 - the yardstick raises many, and panics
            if type(error).__module__.startswith("speechgraft"):
                assert isinstance(error, InputError), error
            return None
    if any(getattr(values, "dtype", None) == np.dtype(object) for values in batch.values()):
        return None  # what numpy makes of rows of different lengths
    kinds = {type(values) for values in batch.values()}
    return plain(batch), kinds


calls = st.fixed_dictionaries(
    {},
    optional={
        "padding": st.sampled_from([True, False, "longest", "max_length", "do_not_pad"]),
        "truncation": st.sampled_from([True, False, "longest_first", "only_first"]),
        "max_length": st.integers(3, 12),
        "pad_to_multiple_of": st.sampled_from([None, 2, 5]),
        "add_special_tokens": st.booleans(),
        "return_attention_mask": st.sampled_from([None, True, False]),
        "return_token_type_ids": st.sampled_from([None, True, False]),
        "return_special_tokens_mask": st.booleans(),
        "return_tensors": st.sampled_from([None, "pt", "np"]),
    },
)


def comparable(call: dict[str, Any]) -> bool:
    """Whether the yardstick does what it is asked: without a length it leaves padding to a length aside."""
    return call.get("padding") != "max_length" or "max_length" in call


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=40, deadline=None)
@given(
    text=texts | st.lists(texts, min_size=1, max_size=4),
    call=calls.filter(comparable),
    side=st.sampled_from(["right", "left"]),
)
def test_texts_are_encoded_as_published(family: str, text: Any, call: dict[str, Any], side: str) -> None:
    ours, theirs = pair(family, side)
    if family == "ctc" and not text:
        text = "A"  # an empty text is not padded there
    if not isinstance(text, str):  # torch makes an empty tensor of rows of which the first is empty
        text = ["a" + text[0], *text[1:]]
    assert outcome(ours, text, **call) == outcome(theirs, text, **call)


pair_calls = st.fixed_dictionaries(
    {},
    optional={
        "padding": st.sampled_from([True, False, "max_length"]),
        "truncation": st.sampled_from([True, False, "longest_first", "only_first", "only_second"]),
        "max_length": st.integers(5, 14),
        "stride": st.sampled_from([0, 0, 1]),
        "return_overflowing_tokens": st.booleans(),
        "return_special_tokens_mask": st.booleans(),
        "return_offsets_mapping": st.booleans(),
        "return_length": st.booleans(),
        "return_token_type_ids": st.sampled_from([None, True]),
        "add_special_tokens": st.booleans(),
    },
)


@pytest.mark.parametrize("family", FAST)
@settings(max_examples=40, deadline=None)
@given(data=st.data(), call=pair_calls.filter(comparable), side=st.sampled_from(["right", "left"]))
def test_pairs_offsets_and_overflow_are_those_published(
    family: str, data: st.DataObject, call: dict[str, Any], side: str
) -> None:
    ours, theirs = pair(family, side)
    rows = data.draw(st.lists(st.tuples(texts, texts), min_size=1, max_size=3))
    first, second = [a for a, _ in rows], [b for _, b in rows]
    if call.get("return_overflowing_tokens"):  # which of two texts it is of is told there in some vocabularies
        call.update(return_token_type_ids=False)
    assert outcome(ours, first, second, **call) == outcome(theirs, first, second, **call)
    alone = (first[0], second[0] or "a")  # an empty second text is passed over there
    assert outcome(ours, *alone, **call) == outcome(theirs, *alone, **call)
    assert outcome(ours, first, **call) == outcome(theirs, first, **call)
    assert outcome(ours, rows, **call) == outcome(theirs, rows, **call)


@pytest.mark.parametrize("family", FAST)
@settings(max_examples=20, deadline=None)
@given(words=st.lists(st.lists(st.sampled_from(["and", "so", "é.", "ab", "it's"]), max_size=4), min_size=1, max_size=3))
def test_texts_that_are_split_into_words_tell_which_word_a_token_is_of(family: str, words: list[list[str]]) -> None:
    ours, theirs = (each for each in FAMILIES[family](**({} if family == "bert" else {"add_prefix_space": True})))
    found, expected = (each(words, is_split_into_words=True) for each in (ours, theirs))
    assert dict(found) == dict(expected)
    for row in range(len(words)):
        assert found.word_ids(row) == expected.word_ids(row) and found.tokens(row) == expected.tokens(row)
        assert found.sequence_ids(row) == expected.sequence_ids(row)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=6), min_size=1, max_size=4),
    call=st.fixed_dictionaries(
        {},
        optional={
            "padding": st.sampled_from([True, "max_length"]),
            "max_length": st.just(7),
            "pad_to_multiple_of": st.sampled_from([None, 4]),
            "return_attention_mask": st.sampled_from([None, True, False]),
            "return_tensors": st.sampled_from([None, "pt", "np"]),
            "padding_side": st.sampled_from([None, "left", "right"]),
        },
    ).filter(comparable),
    kind=st.sampled_from([list, np.array, torch.tensor]),
    as_list=st.booleans(),
)
def test_encoded_texts_are_padded_as_published(
    family: str, rows: list[list[int]], call: dict[str, Any], kind: Any, as_list: bool
) -> None:
    ours, theirs = pair(family)
    given_as = [{"input_ids": kind(row)} for row in rows] if as_list else {"input_ids": [kind(row) for row in rows]}
    assert outcome(ours.pad, given_as, **call) == outcome(theirs.pad, given_as, **call)
    assert outcome(ours.pad, {"input_ids": rows[0]}, **call) == outcome(theirs.pad, {"input_ids": rows[0]}, **call)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_to_be_written_becomes_labels(family: str) -> None:
    ours, theirs = pair(family)
    for call in ({"text": "ab a", "text_target": "a"}, {"text_target": "a ab"}):
        assert dict(ours(**call)) == dict(theirs(**call))


def test_a_batch_reads_as_keys_and_as_attributes_and_moves() -> None:
    batch = pair("bert")[0](["and so", "a"], padding=True, return_tensors="pt")
    assert batch.input_ids is batch["input_ids"] and list(batch) == ["input_ids", "token_type_ids", "attention_mask"]
    moved = batch.to("meta")
    assert moved.input_ids.device.type == "meta" and batch.input_ids.device.type == "cpu"
    assert batch.to(torch.float16).input_ids.dtype == torch.int64, "ids stay whole numbers"
    assert moved.tokens(1) == batch.tokens(1)
    with pytest.raises(AttributeError, match="there is no 'labels' here"):
        batch.labels  # noqa: B018
    with pytest.raises(InputError, match="nothing is known of the tokens of row 2"):
        batch.tokens(2)


@pytest.mark.parametrize(
    ("given_text", "call", "message"),
    [
        (None, {}, "nothing to encode"),
        ([], {}, "a batch of no texts"),
        (3, {}, "a int and nothing, expected a text"),
        (["a", 3], {}, "text 1 is a int, expected a string"),
        ("a", {"text_pair": ["b"]}, "one text with a list of second texts"),
        (["a", "b"], {"text_pair": ["b"]}, "2 texts with 1 second texts"),
        ("a", {"padding": "up"}, "padding='up', expected True, False, 'longest'"),
        ("a", {"truncation": "up"}, "truncation='up'"),
        ("a", {"padding_side": "up"}, "padding_side='up', expected 'right' or 'left'"),
        ("a", {"max_length": 0}, "max_length=0, expected a positive"),
        ("a", {"max_length": True}, "max_length=True, expected a positive"),
        ("a", {"stride": -1}, "stride=-1"),
        ("a", {"return_tensors": "tf"}, "return_tensors='tf', expected 'pt', 'np' or None"),
        ("a", {"max_length": 1, "truncation": True}, "max_length=1 has no room for the special tokens"),
        ("a and so", {"max_length": 4, "truncation": True, "stride": 2}, "stride=2, expected less than the 2 tokens"),
        ("a and so", {"max_length": 4, "truncation": "only_second"}, "cuts a second text, and there is none"),
        (["a", "a and"], {"return_tensors": "pt"}, "rows of 3 to 4 tokens make no single tensor; pass padding=True"),
        ("a", {"padding": "max_length"}, "padding='max_length' needs max_length"),
        ("a", {"padding": True, "pad_to_multiple_of": 0}, "pad_to_multiple_of=0, expected a positive"),
    ],
)
def test_a_call_that_cannot_be_answered_says_why(given_text: Any, call: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        pair("bert")[0](given_text, **call)


def test_an_unknown_option_is_answered_with_the_nearest() -> None:
    tokenizer = pair("bert")[0]
    with pytest.raises(RoutingError, match="unknown option 'max_lenght'; did you mean 'max_length'"):
        tokenizer("a", max_lenght=3)
    with pytest.raises(RoutingError, match="unknown option 'paddin'; did you mean 'padding'"):
        tokenizer.pad({"input_ids": [1]}, paddin=True)


def test_padding_needs_a_token_for_it() -> None:
    tokenizer = FAMILIES["gpt2"](pad_token=None)[0]
    assert tokenizer.pad_token is None
    with pytest.raises(InputError, match=r"no padding token: set one \(`tokenizer.pad_token = tokenizer.eos_token`\)"):
        tokenizer(["a", "ab a"], padding=True)
    tokenizer.pad_token = tokenizer.eos_token
    assert tokenizer(["a", "ab a"], padding=True).input_ids == [[0, 11], [8, 9]]


def test_a_length_that_only_a_file_asks_for_is_not_filled_up_to() -> None:
    tokenizer = FAMILIES["bert"](model_max_length=10**12)[0]
    with pytest.raises(InputError, match="model_max_length is 1000000000000, which is no length to pad to"):
        tokenizer("a", padding="max_length")
    assert len(tokenizer("a", truncation=True).input_ids) == 3
    tokenizer.model_max_length = 5
    assert len(tokenizer("a", padding="max_length").input_ids) == 5


def test_characters_tell_no_pairs_and_no_words() -> None:
    tokenizer = pair("ctc")[0]
    for call in ({"return_offsets_mapping": True}, {"return_overflowing_tokens": True}):
        with pytest.raises(InputError, match="a CTCTokenizer cannot tell"):
            tokenizer("A", **call)
    with pytest.raises(InputError, match="is_split_into_words: a CTCTokenizer cannot tell"):
        tokenizer(["A"], is_split_into_words=True)
    with pytest.raises(InputError, match="one text at a time, not pairs"):
        tokenizer("A", "B")
