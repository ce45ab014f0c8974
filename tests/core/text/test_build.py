"""A vocabulary made from texts writes them back, and is the same each time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.errors import InputError
from speechgraft.text import build_tokenizer

KINDS = ["word", "char", "wordpiece"]
lines = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cf", "Z"], exclude_characters="\u2581[]#")
    | st.just(" "),
    max_size=25,
)
corpora = st.lists(lines, min_size=1, max_size=6).filter(lambda texts: any(text.split() for text in texts))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(texts=corpora)
def test_texts_are_written_back_with_single_spaces(kind: str, texts: list[str]) -> None:
    tokenizer = build_tokenizer(texts, kind)  # type: ignore[arg-type]
    for text in texts:
        for special in (True, False):
            assert tokenizer.text(tokenizer.encode(text, add_special_tokens=special)) == " ".join(text.split())


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(texts=corpora)
def test_the_same_texts_give_the_same_vocabulary(kind: str, texts: list[str]) -> None:
    first, second = (build_tokenizer(texts, kind).backend.get_vocab() for _ in range(2))  # type: ignore[arg-type]
    assert first == second
    assert sorted(first.values()) == list(range(len(first)))


@pytest.mark.parametrize("kind", KINDS)
@given(texts=corpora, size=st.integers(5, 60))
@settings(max_examples=20, deadline=None)
def test_the_vocabulary_is_no_larger_than_asked(kind: str, texts: list[str], size: int) -> None:
    assert build_tokenizer(texts, kind, vocab_size=size).vocab_size <= size  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_come_first(kind: str) -> None:
    tokenizer = build_tokenizer(["one two", "two"], kind)  # type: ignore[arg-type]
    assert (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) == (
        0,
        1,
        2,
        3,
    )
    assert tokenizer.encode("two")[0] == 2 and tokenizer.encode("two")[-1] == 3
    assert 1 in tokenizer.encode("zebra")


def test_words_are_numbered_by_frequency() -> None:
    assert build_tokenizer(["b a b", "c b a"]).encode("b a c", add_special_tokens=False) == [4, 5, 6]


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        ([], {}, "single word"),
        ([" "], {}, "single word"),
        (["a"], {"kind": "letter"}, "'letter'"),
        (["a"], {"vocab_size": 4}, "vocab_size=4"),
    ],
)
def test_what_makes_no_vocabulary_is_refused(texts: list[str], options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_tokenizer(texts, **options)  # type: ignore[arg-type]
