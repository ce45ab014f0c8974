"""Texts to ids and back, with languages; the files of both tokenizers come back as they were."""

from __future__ import annotations

import json

import numpy as np
import pytest
import sentencepiece
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from speechgraft.errors import CheckpointError, InputError
from texts import TEXTS, model

from speechgraft_mbart.mbart.tokenizer import MBART50_LANGUAGES, MBART_LANGUAGES, MBartTokenizer, load_tokenizer
from speechgraft_mbart.speech2text2.tokenizer import Speech2Text2Tokenizer
from speechgraft_mbart.speech2text2.tokenizer import load_tokenizer as load_pairs

PIECES = sentencepiece.SentencePieceProcessor(model_proto=model())
WORDS = st.lists(st.sampled_from(" ".join(TEXTS).split()), min_size=1, max_size=6).map(" ".join)


def mbart(**options):
    return MBartTokenizer(model(), **options)


def test_languages_stand_behind_the_pieces_and_the_mask_behind_them():
    size = PIECES.get_piece_size() + 1
    for style, languages in (("mbart", MBART_LANGUAGES), ("mbart50", MBART50_LANGUAGES)):
        tokenizer = mbart(style=style)
        assert [tokenizer.language_id(language) for language in languages] == list(range(size, size + len(languages)))
        assert tokenizer.token_to_id("<mask>") == size + len(languages) == tokenizer.vocab_size - 1
    assert (len(MBART_LANGUAGES), len(MBART50_LANGUAGES)) == (25, 52)
    # Of the published model with its 250,000 pieces: the ids that translators to German and Swedish are asked for.
    assert [250_001 + MBART50_LANGUAGES.index(each) for each in ("de_DE", "sv_SE")] == [250_003, 250_042]


@settings(max_examples=30, deadline=None)
@given(WORDS, st.sampled_from(["mbart", "mbart50"]), st.sampled_from(["de_DE", "en_XX"]))
def test_texts_come_back_whatever_stands_around_them(text, style, language):
    tokenizer = mbart(style=style, language=language)
    ids, bare = tokenizer.encode(text), tokenizer.encode(text, add_special_tokens=False)
    end, spoken = tokenizer.eos_token_id, tokenizer.language_id(language)
    assert ids == ([*bare, end, spoken] if style == "mbart" else [spoken, *bare, end])
    assert tokenizer.text(ids) == tokenizer.text(torch.tensor(ids)) == text
    whole = tokenizer.decode(ids, skip_special_tokens=False)
    assert whole == (f"{text} </s> {language}" if style == "mbart" else f"{language} {text} </s>")
    assert tokenizer.text([*ids, tokenizer.vocab_size + 3]) == text, "ids of a wider model have no text"


def test_what_is_not_in_the_pieces_is_unknown():
    tokenizer = mbart()
    assert tokenizer.unk_token_id in tokenizer.encode("Ω", add_special_tokens=False)
    assert tokenizer.token_to_id("Ω") is None and tokenizer.token_to_id("▁") == PIECES.piece_to_id("▁") + 1 > 3


def test_a_decoder_is_started_as_it_was_trained():
    assert mbart(style="mbart", language="de_DE").start_token_id == mbart(style="mbart").language_id("de_DE")
    assert mbart(style="mbart50").start_token_id == mbart().eos_token_id == 2


@pytest.mark.parametrize("style", ["mbart", "mbart50"])
def test_a_folder_gives_the_tokenizer_back(tmp_path, style):
    tokenizer = mbart(style=style, language="tr_TR", settings={"model_max_length": 1024})
    tokenizer.save_pretrained(tmp_path)
    again = load_tokenizer(tmp_path)
    assert (again.style, again.language, again.model) == (style, "tr_TR", model())
    assert again.settings["model_max_length"] == 1024
    assert again.encode(TEXTS[1]) == tokenizer.encode(TEXTS[1])


def test_what_is_no_language_or_no_model_is_told(tmp_path):
    with pytest.raises(InputError, match="no language 'de_De'; did you mean 'de_DE'"):
        mbart(language="de_De")
    (tmp_path / "sentencepiece.bpe.model").write_bytes(b"no model")
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        load_tokenizer(tmp_path)
    with pytest.raises(InputError, match="token 1 is -100"):
        mbart().decode([5, -100])


def pairs(merges=(("a", "b"), ("ab", "c</w>"), ("b", "c</w>"))) -> Speech2Text2Tokenizer:
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "abc", "a@@", "b@@", "bc", "ab@@", "c", "c@@", "a", "b"]
    return Speech2Text2Tokenizer({piece: place for place, piece in enumerate(pieces)}, merges)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("abc", ["abc"]),
        ("bc abc", ["bc", "abc"]),
        ("cab", ["c@@", "a@@", "b"]),
        ("abab", ["ab@@", "a@@", "b"]),
        ("ax", ["a@@", "<unk>"]),
    ],
)
def test_the_most_common_pairs_are_joined_first(text, pieces):
    tokenizer = pairs()
    assert tokenizer.encode(text) == [tokenizer.token_to_id(piece) for piece in pieces]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text("abc", min_size=1, max_size=6), max_size=4).map(" ".join))
def test_texts_of_known_letters_come_back(text):
    tokenizer = pairs()
    ids = tokenizer.encode(text)
    assert tokenizer.text(np.array([2, *ids, 1, 1], dtype=np.int64)) == text


def test_words_are_settled_when_the_next_begins():
    tokenizer = pairs()
    assert tokenizer.settled(tokenizer.encode("abc abab")) == "abc"


def test_a_folder_without_merges_reads_and_cannot_write(tmp_path):
    pairs(merges=None).save_pretrained(tmp_path)
    again = load_pairs(tmp_path)
    assert again.decode([5, 7, 4]) == "abc abc"
    with pytest.raises(InputError, match=r"came without merges.txt: it decodes, and cannot encode"):
        again.encode("abc")


def test_the_files_of_pairs_come_back(tmp_path):
    pairs().save_pretrained(tmp_path)
    again = load_pairs(tmp_path)
    assert (again.vocabulary, again.merges) == (pairs().vocabulary, pairs().merges)
    assert json.loads((tmp_path / "tokenizer_config.json").read_text())["tokenizer_class"] == "Speech2Text2Tokenizer"
    (tmp_path / "merges.txt").write_text("a b 12\nab\n")
    with pytest.raises(CheckpointError, match="line 2: 'ab', expected two pieces"):
        load_pairs(tmp_path)
