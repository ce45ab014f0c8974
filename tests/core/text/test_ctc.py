"""Frames are read, and text is written, as the published CTC tokenizer does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Wav2Vec2CTCTokenizer as Reference

from speechgraft.errors import CheckpointError, InputError
from speechgraft.text import CTCTokenizer, load_tokenizer

SPECIALS = {"bos": "<s>", "eos": "</s>", "unk": "<unk>", "pad": "<pad>"}
TOKENS = ["<pad>", "<s>", "</s>", "<unk>", "|", "A", "B", "C", "É", "'", "SH", "N"]

vocabularies = st.permutations(TOKENS).flatmap(
    lambda tokens: st.integers(6, len(tokens)).map(
        # Special tokens may be missing; the delimiter may not.
        lambda count: {token: number for number, token in enumerate(dict.fromkeys(["|", "A", *tokens[:count]]))}
    )
)


def pair(vocabulary: dict[str, int], folder: Path, **options: Any) -> tuple[CTCTokenizer, Reference]:
    path = folder / "vocab.json"
    path.write_text(json.dumps(vocabulary))
    return CTCTokenizer(vocabulary, **options), Reference(str(path), **options)


@settings(max_examples=100, deadline=None)
@given(
    vocabulary=vocabularies,
    ids=st.lists(st.integers(0, 15), max_size=30),
    skip=st.booleans(),
    group=st.booleans(),
    lower=st.booleans(),
)
def test_decoding_is_the_published_one(
    vocabulary: dict[str, int],
    ids: list[int],
    skip: bool,
    group: bool,
    lower: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    ours, theirs = pair(vocabulary, tmp_path_factory.mktemp("ctc"), do_lower_case=lower)
    assert ours.vocab_size == len(theirs)
    assert {role: ours.special_id(role) for role in SPECIALS} == {
        role: getattr(theirs, f"{role}_token_id") for role in SPECIALS
    }
    if skip and group:  # there the reference drops the blanks before it joins equal neighbours
        ids = [number for number in ids if number != ours.pad_token_id]
    found = ours.decode(ids, skip_special_tokens=skip, group_tokens=group)
    assert found == theirs.decode(ids, skip_special_tokens=skip, group_tokens=group)


@settings(max_examples=100, deadline=None)
@given(vocabulary=vocabularies, parts=st.lists(st.sampled_from([*TOKENS, " ", "a", "?", "S", "H"]), max_size=20))
def test_encoding_is_the_published_one(
    vocabulary: dict[str, int], parts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    vocabulary.setdefault("<unk>", len(vocabulary))  # without it the reference gives None for an id
    ours, theirs = pair(vocabulary, tmp_path_factory.mktemp("ctc"))
    # Where special tokens are no part of the vocabulary, the reference keeps the spaces beside them.
    text = "".join(part for part in parts if part in vocabulary or part not in SPECIALS.values())
    assert ours.encode(text) == theirs(text).input_ids


def test_what_neither_vocabulary_nor_unknown_token_stands_for_is_refused(tmp_path: Path) -> None:
    tokenizer = CTCTokenizer({"<pad>": 0, "|": 1, "A": 2})
    assert tokenizer.encode("A A") == [2, 1, 2]
    tokenizer.save_pretrained(tmp_path)  # writes `<unk>` among the added tokens, of which no model has a score
    for each in (tokenizer, load_tokenizer(tmp_path)):
        with pytest.raises(InputError, match="'B' is not in the vocabulary, and it has no unknown token \\('<unk>'\\)"):
            each.encode("A B")
    assert CTCTokenizer({"<pad>": 0, "|": 1, "A": 2, "<unk>": 3}).encode("A B") == [2, 1, 3]
    assert CTCTokenizer({"<pad>": 0, "|": 1, "A": 2, "[UNK]": 3}, {"unk": "[UNK]"}).encode("B") == [3]


@given(st.text("ABC|", max_size=20))
def test_text_survives_a_blank_between_equal_neighbours(text: str) -> None:
    tokenizer = CTCTokenizer({token: number for number, token in enumerate(TOKENS)})
    words = " ".join(text.replace("|", " ").split())
    frames = [frame for number in tokenizer.encode(words) for frame in (number, number, 0)]
    assert tokenizer.decode(frames) == tokenizer.decode(torch.tensor(frames)) == words


def test_a_blank_separates_equal_letters_although_it_is_skipped() -> None:
    tokenizer = CTCTokenizer({token: number for number, token in enumerate(TOKENS)})
    assert tokenizer.decode([5, 0, 5, 5], skip_special_tokens=True) == "AA"


@settings(max_examples=20, deadline=None)
@given(vocabulary=vocabularies, ids=st.lists(st.integers(0, 15), max_size=30))
def test_folders_are_exchanged_both_ways(
    vocabulary: dict[str, int], ids: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("ctc")
    ours, theirs = pair(vocabulary, folder)
    ours.save_pretrained(folder / "ours")
    theirs.save_pretrained(folder / "theirs")
    read_here = [load_tokenizer(folder / "theirs"), load_tokenizer(folder / "ours")]
    read_there = Reference.from_pretrained(folder / "ours")
    expected = ours.decode(ids, skip_special_tokens=False)
    assert [tokenizer.decode(ids, skip_special_tokens=False) for tokenizer in read_here] == [expected] * 2
    assert read_there.decode(ids) == expected and len(read_there) == ours.vocab_size
    assert isinstance(read_here[0], CTCTokenizer)
    assert read_here[0].special_tokens == read_here[1].special_tokens == ours.special_tokens


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        ({}, "the vocabulary is empty"),
        ({"eng": {"A": 0}, "deu": {"A": 0}}, "one vocabulary for each language"),
        ({"A": "0"}, "the token 'A' has the id '0'"),
        ({"A": 0, "B": 0}, "'A' and 'B' have the same id 0"),
    ],
)
def test_what_is_no_vocabulary_is_refused(vocabulary: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        CTCTokenizer(vocabulary)
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    with pytest.raises(CheckpointError, match=message):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("ids", [[-100], [1.5], ["A"], [True]])
def test_what_is_no_id_is_refused(ids: list[Any]) -> None:
    with pytest.raises(InputError, match="token 0 is"):
        CTCTokenizer({"A": 0}).decode(ids)


def test_what_another_tokenizer_left_in_the_folder_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    CTCTokenizer({"A": 0, "|": 1}).save_pretrained(tmp_path)
    assert isinstance(load_tokenizer(tmp_path), CTCTokenizer)
