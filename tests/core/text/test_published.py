"""What published code does with a tokenizer besides calling it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from published_tokenizers import FAMILIES, FRAMES, numbered, pair, texts

from speechgraft.errors import InputError
from speechgraft.text import CTCTokenizer, GPT2Tokenizer, TextTokenizer

ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
FAST = [name for name in FAMILIES if name != "ctc"]

ids = st.lists(st.integers(0, 20), max_size=12)


def state(tokenizer: Any) -> dict[str, Any]:
    """What there is to see of special tokens and of the vocabulary."""
    found = {f"{role}_token": getattr(tokenizer, f"{role}_token") for role in ROLES}
    found |= {f"{role}_token_id": getattr(tokenizer, f"{role}_token_id") for role in ROLES}
    # There, what stands for a space in a CTC vocabulary counts among the special tokens.
    named = {name: token for name, token in tokenizer.special_tokens_map.items() if name != "word_delimiter_token"}
    pairs = zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True)
    return found | {
        "map": named,
        "all": [each for each in pairs if each[0] != "|"],
        "extra": tokenizer.extra_special_tokens,
        "vocabulary": tokenizer.get_vocab(),
        # There, that of a CTC tokenizer leaves out what was added.
        "vocab": tokenizer.vocab if tokenizer.is_fast else None,
        "fast": tokenizer.is_fast,
        "length": len(tokenizer),
        "inputs": list(tokenizer.model_input_names),
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_special_tokens_and_vocabulary_are_those_published(family: str) -> None:
    ours, theirs = pair(family)
    assert state(ours) == state(theirs)
    assert ours and ours.vocab_size == len(ours)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "added",
    [
        {"pad_token": "[FILL]"},
        {"cls_token": "a", "mask_token": "[M]"},
        {"additional_special_tokens": ["[ONE]", "[TWO]"]},
        {"extra_special_tokens": ["[ONE]"], "eos_token": "[ONE]"},
    ],
)
def test_special_tokens_are_added_as_published(family: str, added: dict[str, Any]) -> None:
    ours, theirs = FAMILIES[family]()
    before = ours.settings | {}
    assert ours.add_special_tokens(dict(added)) == theirs.add_special_tokens(dict(added))
    assert state(ours) == state(theirs) and ours.settings == before
    text = "a [ONE]b [FILL] [M]"
    assert ours(text).input_ids == theirs(text).input_ids
    assert ours(text, max_length=5, truncation=True).input_ids == theirs(text, max_length=5, truncation=True).input_ids
    found = ours(text).input_ids
    assert ours.decode(found, skip_special_tokens=True) == theirs.decode(found, skip_special_tokens=True)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=15, deadline=None)
@given(tokens=st.lists(st.sampled_from(["new", "ab", "n w", "a", "[X]"]), max_size=4, unique=True), text=texts)
def test_tokens_are_added_as_published(family: str, tokens: list[str], text: str) -> None:
    ours, theirs = FAMILIES[family]()
    assert ours.add_tokens(tokens) == theirs.add_tokens(tokens)
    assert len(ours) == len(theirs) and ours.get_vocab() == theirs.get_vocab()
    text = f"new {text}n w[X]"
    assert ours(text).input_ids == theirs(text).input_ids
    assert ours.tokenize(text) == theirs.convert_ids_to_tokens(theirs(text, add_special_tokens=False).input_ids)


@pytest.mark.parametrize("family", FAST)
@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(ids, min_size=1, max_size=3),
    skips=st.booleans(),
    cleans=st.sampled_from([None, True, False]),
    kind=st.sampled_from([list, np.array, torch.tensor]),
)
def test_decoding_is_the_published_one(
    family: str, rows: list[list[int]], skips: bool, cleans: bool | None, kind: Any
) -> None:
    ours, theirs = pair(family)
    rows = [[number % len(ours) for number in row] for row in rows]
    how = {"skip_special_tokens": skips, "clean_up_tokenization_spaces": cleans}
    assert ours.batch_decode(rows, **how) == theirs.batch_decode(rows, **how)
    assert ours.decode(rows, **how) == theirs.decode(rows, **how)
    row = kind(rows[0]) if rows[0] else []
    assert ours.decode(row, **how) == theirs.decode(rows[0], **how)
    assert ours.convert_ids_to_tokens(rows[0], skip_special_tokens=skips) == theirs.convert_ids_to_tokens(
        rows[0], skip_special_tokens=skips
    )
    assert ours.text(rows[0]) == theirs.decode(rows[0], skip_special_tokens=True).strip()


@settings(max_examples=20, deadline=None)
@example(text="and n ' t")
@given(text=st.lists(st.sampled_from(["and", "so", ".", "'", "n", "t", "##so"]), max_size=8).map(" ".join))
def test_spaces_before_punctuation_are_taken_out_where_the_settings_say_so(text: str) -> None:
    ours, theirs = FAMILIES["bert"](clean_up_tokenization_spaces=True)
    found = theirs(text).input_ids
    assert ours.decode(found) == theirs.decode(found)
    told = [ours.settled(found[:end]) for end in range(len(found) + 1)]
    assert all(ours.text(found).startswith(each) for each in told)


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_and_ids_are_converted_as_published(family: str) -> None:
    ours, theirs = pair(family)
    for tokens in ("a", "A", "nothing", ["a", "nothing", "C"], []):
        assert ours.convert_tokens_to_ids(tokens) == theirs.convert_tokens_to_ids(tokens)
    for number in (0, 3, len(ours) - 1):
        assert ours.convert_ids_to_tokens(number) == theirs.convert_ids_to_tokens(number)


@pytest.mark.parametrize("family", FAMILIES)
def test_encode_pads_cuts_and_makes_tensors_as_a_call_does(family: str) -> None:
    ours, theirs = pair(family)
    assert torch.equal(ours.encode("A a", return_tensors="pt"), theirs.encode("A a", return_tensors="pt"))
    how = {"add_special_tokens": False, "padding": "max_length", "max_length": 6, "truncation": True}
    assert ours.encode("A a", **how) == theirs.encode("A a", **how)


@pytest.mark.parametrize("family", FAMILIES)
def test_roles_are_given_away_by_token_and_by_id(family: str) -> None:
    ours, theirs = FAMILIES[family]()
    for tokenizer in (ours, theirs):
        tokenizer.pad_token = tokenizer.unk_token
        tokenizer.bos_token_id = 4
        tokenizer.mask_token = None
    assert state(ours) == state(theirs)
    assert ours.start_token_id == 4 and ours.mask_token_id is None


def test_a_role_takes_no_token_that_there_is_not() -> None:
    tokenizer = FAMILIES["gpt2"]()[0]
    with pytest.raises(InputError, match=r"'\[PAD\]' is not in the vocabulary: `add_special_tokens\(\{'pad_token'"):
        tokenizer.pad_token = "[PAD]"
    with pytest.raises(InputError, match="pad_token_id=99: the vocabulary has no such token"):
        tokenizer.pad_token_id = 99
    with pytest.raises(InputError, match="no special token is called 'pad_tokn'; did you mean 'pad_token'"):
        tokenizer.add_special_tokens({"pad_tokn": "a"})
    with pytest.raises(InputError, match="the new token ''"):
        tokenizer.add_tokens([""])


def test_a_tokenizer_of_its_own_is_called_and_keeps_its_special_tokens() -> None:
    class Letters(TextTokenizer):  # type: ignore[misc]
        """Characters between two marks: what a plugin has to write, and no more."""

        vocab_size = 128
        special_tokens = {"bos": "<", "eos": ">", "pad": "_"}  # noqa: RUF012

        def token_to_id(self, token: str) -> int | None:
            return ord(token) if len(token) == 1 else None

        def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
            return [ord(each) for each in (f"<{text}>" if add_special_tokens else text)]

        def decode(self, ids: Any, skip_special_tokens: bool = False) -> str:
            text = "".join(map(chr, ids))
            return text.strip("<>_") if skip_special_tokens else text

        def save_pretrained(self, folder: Any) -> None:
            raise NotImplementedError

    tokenizer = Letters()
    batch = tokenizer(["ab c", "d"], padding=True, return_tensors="pt", return_special_tokens_mask=True)
    assert tokenizer.batch_decode(batch.input_ids.tolist()) == ["<ab c>", "<d>___"]
    assert batch.attention_mask.tolist() == [[1] * 6, [1, 1, 1, 0, 0, 0]]
    assert batch.special_tokens_mask.tolist() == [[1, 0, 0, 0, 0, 1], [1, 0, 1, 1, 1, 1]]
    assert tokenizer.decode(tokenizer("abcdef", max_length=5, truncation=True).input_ids) == "<abc>"
    assert tokenizer.text([60, 97, 62]) == "a" and tokenizer.convert_tokens_to_ids(["a", "ab"]) == [97, None]
    with pytest.raises(InputError, match="a Letters has its own special tokens: pad_token cannot be 'x'"):
        tokenizer.pad_token = "x"
    with pytest.raises(InputError, match="pad_token_id cannot be 5"):
        tokenizer.pad_token_id = 5


@pytest.mark.parametrize("family", FAMILIES)
def test_tokenizers_are_copied_and_pickled(family: str) -> None:
    ours = FAMILIES[family]()[0]
    ours("a b", max_length=3, truncation=True)
    for again in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        again.add_tokens(["new"])
        assert again("new a").input_ids != ours("new a").input_ids
        assert again("a b").input_ids == ours("a b").input_ids


def test_a_published_name_with_a_wrong_setting_is_refused() -> None:
    with pytest.raises(InputError, match="a BertTokenizer has no setting 'do_lower'; did you mean 'do_lower_case'"):
        FAMILIES["bert"](do_lower=True)
    with pytest.raises(InputError, match="a CTC tokenizer has no setting 'pad_tokn'"):
        CTCTokenizer(numbered(FRAMES), pad_tokn="a")
    with pytest.raises(InputError, match="not a vocabulary of byte pairs"):
        GPT2Tokenizer({"a": 0}, [("a", "b")])
    with pytest.raises(InputError, match="padding_side: 'up', expected 'right' or 'left'"):
        FAMILIES["bert"](padding_side="up")
