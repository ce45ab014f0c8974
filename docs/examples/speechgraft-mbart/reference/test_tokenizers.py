"""The tokenizers give the ids and texts that those of transformers 4.46.3 give."""

from __future__ import annotations

import pytest
import transformers
from hypothesis import given
from hypothesis import strategies as st
from texts import TEXTS, model
from yardstick import examples

from speechgraft_mbart.mbart.tokenizer import load_tokenizer
from speechgraft_mbart.speech2text2.tokenizer import load_tokenizer as load_pairs

STYLES = {"mbart": transformers.MBartTokenizer, "mbart50": transformers.MBart50Tokenizer}
SAID = st.lists(st.sampled_from([*" ".join(TEXTS).split(), "Ω", "seashore", "HEARS", ",", "  "]), min_size=1).map(
    " ".join
)


@pytest.fixture(scope="module", params=STYLES)
def both(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "sentencepiece.bpe.model").write_bytes(model())
    theirs = STYLES[request.param].from_pretrained(folder, src_lang="en_XX", tgt_lang="de_DE")
    theirs.save_pretrained(folder)
    return theirs, load_tokenizer(folder)


@examples(60)
@given(text=SAID)
def test_languages_and_pieces_are_the_yardsticks(both, text):
    theirs, ours = both
    ids = theirs(text_target=text)["input_ids"]
    assert ours.encode(text) == ids
    assert ours.encode(text, add_special_tokens=False) == theirs.encode(text, add_special_tokens=False)
    assert ours.vocab_size == len(theirs)
    assert ours.text(ids).split() == theirs.decode(ids, skip_special_tokens=True).split()


PIECES = ["<s>", "<pad>", "</s>", "<unk>", "abc", "a@@", "b@@", "bc", "ab@@", "c", "c@@", "a", "b"]


@examples(60)
@given(text=st.lists(st.text("abcx", min_size=1, max_size=7), min_size=1, max_size=4).map(" ".join))
def test_pairs_are_joined_as_the_yardstick_joins_them(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("pairs")
    (folder / "merges.txt").write_text("a b 9\nab c</w> 7\nb c</w> 3\n")
    theirs_vocabulary = folder / "vocab.json"
    theirs_vocabulary.write_text("{" + ", ".join(f'"{piece}": {place}' for place, piece in enumerate(PIECES)) + "}")
    theirs = transformers.Speech2Text2Tokenizer(theirs_vocabulary, merges_file=folder / "merges.txt")
    ids = theirs.encode(text)
    ours = load_pairs(folder)
    assert ours.encode(text) == ids
    assert ours.decode(ids, skip_special_tokens=False) == theirs.decode(ids, clean_up_tokenization_spaces=False)
