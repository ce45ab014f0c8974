"""Words are found with their tokens, whatever the vocabulary splits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers

from speechgraft.text import TextTokenizer, Tokenizer, build_tokenizer
from speechgraft.times import words_of

SENTENCES = ["the cat plays the playing", "über naïve café 😀 plays", "a an ant"]


def bytes_alone() -> Tokenizer:
    """Byte-level, each byte a token: every character beyond ASCII is split."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Backend(models.BPE({each: n for n, each in enumerate(alphabet)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return Tokenizer(backend)


def byte_pairs() -> Tokenizer:
    """Byte-level with merges across the bytes of characters and with spaces at the front of tokens."""
    from tokenizers import trainers

    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=290, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    backend.train_from_iterator(SENTENCES, trainer)
    return Tokenizer(backend)


TOKENIZERS: dict[str, Callable[[], TextTokenizer]] = {
    "bytes": bytes_alone,
    "byte pairs": byte_pairs,
    "characters": lambda: build_tokenizer(SENTENCES, "char"),
    "wordpieces": lambda: build_tokenizer(SENTENCES, "wordpiece", vocab_size=60),
    "words": lambda: build_tokenizer(SENTENCES, "word"),
}


@pytest.fixture(scope="module", params=TOKENIZERS)
def tokenizer(request: pytest.FixtureRequest) -> TextTokenizer:
    return TOKENIZERS[request.param]()


@settings(max_examples=40, deadline=None)
@given(words=st.lists(st.sampled_from(" ".join(SENTENCES).split()), max_size=12))
def test_tokens_of_a_word_write_that_word(words: list[str], tokenizer: TextTokenizer) -> None:
    tokens = tokenizer.encode(" ".join(words), add_special_tokens=False)
    found = words_of(tokenizer, tokens)
    assert [word.text for word in found] == words
    for word in found:
        assert tokenizer.text(tokens[word.first : word.end]).split()[-1].removeprefix("##") == word.text
    for one, other in pairwise(found):
        assert one.end <= other.first


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_tokens_have_the_words_of_their_text_in_order(data: st.DataObject, tokenizer: TextTokenizer) -> None:
    tokens = data.draw(st.lists(st.integers(0, tokenizer.vocab_size - 1), max_size=15))
    found = words_of(tokenizer, tokens)
    text = tokenizer.text(tokens)
    assert "".join(word.text for word in found) == "".join(text.split())
    if all(ord(each) < 0x2E80 for each in text):  # from there on each character may be a word
        assert [word.text for word in found] == text.split()
    places = [place for word in found for place in (word.first, word.end - 1)]
    assert places == sorted(places) and all(0 <= place < len(tokens) for place in places)


def test_bytes_of_a_character_belong_to_its_word() -> None:
    tokenizer = bytes_alone()
    tokens = tokenizer.encode("a é b")
    assert [tuple(word) for word in words_of(tokenizer, tokens)] == [("a", 0, 1), ("é", 2, 4), ("b", 5, 6)]


def test_a_space_that_begins_a_token_takes_half_a_character_with_it() -> None:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    joined = "ĠÃ"  # a space and the first byte of é, as byte-level vocabularies spell them
    backend = Backend(models.BPE({each: n for n, each in enumerate([*alphabet, joined])}, [("Ġ", "Ã")]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = Tokenizer(backend)
    tokens = tokenizer.encode("a é")
    assert len(tokens) == 3
    assert [tuple(word) for word in words_of(tokenizer, tokens)] == [("a", 0, 1), ("é", 1, 3)]


def test_scripts_without_spaces_are_cut_between_characters() -> None:
    tokenizer = bytes_alone()
    text = "你好、世界。 hello, ที่นี่ かな"
    words = [word.text for word in words_of(tokenizer, tokenizer.encode(text))]
    assert words == ["你", "好、", "世", "界。", "hello,", "ที่", "นี่", "か", "な"]
    assert "".join(words) == text.replace(" ", "")


def test_tokens_that_write_nothing_belong_to_no_word(tokenizer: TextTokenizer) -> None:
    assert words_of(tokenizer, []) == []
    if tokenizer.bos_token_id is not None:
        tokens = [tokenizer.bos_token_id, *tokenizer.encode("a", add_special_tokens=False), tokenizer.bos_token_id]
        [word] = words_of(tokenizer, tokens)
        assert word.text == "a" and word.first >= 1 and word.end == len(tokens) - 1
