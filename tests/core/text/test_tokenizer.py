"""Published tokenizer files are read as their own library reads them; what is saved here loads there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, BertTokenizer, GPT2Tokenizer, PreTrainedTokenizerFast

from speechgraft.errors import CheckpointError, InputError
from speechgraft.text import Tokenizer, build_tokenizer, load_tokenizer

PIECES = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "and",
    "so",
    "my",
    "##e",
    "##ric",
    "##an",
    "am",
    "a",
    "##s",
    ",",
    "'",
    "é",
]
texts = st.lists(
    st.sampled_from(["and", "So", "ame", "American", "Ask", ",", "'s", " ", "é", "É", "的", "[SEP]"]), max_size=12
).map(" ".join)


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("lower", [True, False])
@settings(max_examples=60, deadline=None)
@given(text=texts)
def test_a_wordpiece_vocabulary_is_read_as_berts(lower: bool, text: str, bert_folder: Path) -> None:
    vocabulary = {token: number for number, token in enumerate(PIECES)}
    theirs = BertTokenizer(vocabulary, do_lower_case=lower)
    folder = bert_folder / str(lower)
    if not folder.exists():
        theirs.save_pretrained(folder)
        (folder / "tokenizer.json").unlink()
        (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    ours = load_tokenizer(folder)
    assert isinstance(ours, Tokenizer) and ours.vocab_size == len(PIECES)
    assert ours.encode(text) == theirs(text).input_ids
    assert ours.encode(text, add_special_tokens=False) == theirs(text, add_special_tokens=False).input_ids
    assert ours.decode(ours.encode(text)) == theirs.decode(theirs(text).input_ids)
    assert ours.text(ours.encode(text)) == theirs.decode(theirs(text).input_ids, skip_special_tokens=True).strip()
    assert (ours.start_token_id, ours.end_token_id, ours.pad_token_id, ours.unk_token_id) == (2, 3, 0, 1)


def test_a_bare_vocabulary_file_is_enough(bert_folder: Path) -> None:
    tokenizer = load_tokenizer(bert_folder)
    assert tokenizer.encode("And so") == [2, 5, 6, 3]
    assert tokenizer.special_tokens["cls"] == "[CLS]" and tokenizer.bos_token_id is None


def test_a_byte_level_vocabulary_is_read_as_gpt2s(tmp_path: Path) -> None:
    letters = ["a", "b", "Ġ", "Ã", "©"]
    vocabulary = {token: number for number, token in enumerate([*letters, "ab", "Ġa", "<|endoftext|>"])}
    theirs = GPT2Tokenizer(vocabulary, [("a", "b"), ("Ġ", "a")])
    theirs.save_pretrained(tmp_path)
    assert load_tokenizer(tmp_path).decode(theirs("ab aé").input_ids) == "ab aé"
    (tmp_path / "tokenizer.json").unlink()
    theirs.backend_tokenizer.model.save(str(tmp_path))
    ours = load_tokenizer(tmp_path)
    assert ours.encode("ab aé") == theirs("ab aé").input_ids
    assert ours.bos_token_id == ours.eos_token_id == theirs.eos_token_id


@pytest.mark.parametrize("kind", ["word", "char", "wordpiece"])
@settings(max_examples=20, deadline=None)
@given(
    lines=st.lists(st.text("abcdé ", min_size=1, max_size=30), min_size=1, max_size=5).filter(
        lambda x: any(t.split() for t in x)
    )
)
def test_what_is_saved_here_loads_here_and_there(
    kind: str, lines: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("built")
    ours = build_tokenizer(lines, kind)  # type: ignore[arg-type]
    ours.save_pretrained(folder)
    again = load_tokenizer(folder)
    theirs = PreTrainedTokenizerFast.from_pretrained(folder)
    auto = AutoTokenizer.from_pretrained(folder)
    assert again.special_tokens == ours.special_tokens and again.vocab_size == ours.vocab_size == len(theirs)
    assert theirs.pad_token_id == 0 and theirs.eos_token_id == ours.eos_token_id == auto.eos_token_id
    for line in lines:
        ids = ours.encode(line)
        assert again.encode(line) == theirs(line).input_ids == auto(line).input_ids == ids
        assert again.decode(ids) == theirs.decode(ids) == ours.decode(ids)
        assert again.text(ids) == theirs.decode(ids, skip_special_tokens=True).strip() == ours.text(ids)


def test_settings_that_other_tools_wrote_are_kept(bert_folder: Path, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_pretrained(bert_folder)
    tokenizer.settings["chat_template"] = "{{ it }}"
    tokenizer.model_max_length = 512
    tokenizer.save_pretrained(tmp_path)
    again = Tokenizer.from_pretrained(tmp_path)
    assert again.settings["chat_template"] == "{{ it }}" and again.model_max_length == 512


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("none", "", "no tokenizer here"),
        ("tokenizer.json", "{", "not JSON"),
        ("tokenizer.json", "{}", "not a tokenizer"),
        ("vocab.txt", "", "the vocabulary is empty"),
    ],
)
def test_a_folder_without_a_tokenizer_is_refused(name: str, contents: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(contents)
    with pytest.raises(CheckpointError, match=message):
        load_tokenizer(tmp_path)


def test_a_special_token_must_be_in_the_vocabulary() -> None:
    with pytest.raises(InputError, match=r"the pad token '\[NONE\]' is not in the vocabulary"):
        Tokenizer(build_tokenizer(["a"]).backend, {"pad": "[NONE]"})


def test_special_tokens_are_read_from_their_older_file(bert_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text((bert_folder / "vocab.txt").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    (tmp_path / "special_tokens_map.json").write_text('{"bos_token": {"content": "my"}, "pad_token": "[PAD]"}')
    assert Tokenizer.from_pretrained(tmp_path).special_tokens == {"bos": "my", "pad": "[PAD]"}
    (tmp_path / "tokenizer_config.json").write_text('{"pad_token": "[MASK]"}')
    assert Tokenizer.from_pretrained(tmp_path).special_tokens == {"bos": "my", "pad": "[PAD]"}
    (tmp_path / "tokenizer_config.json").write_text('{"pad_token": "[MASK]", "added_tokens_decoder": {}}')
    assert Tokenizer.from_pretrained(tmp_path).special_tokens == {"pad": "[MASK]"}
    (tmp_path / "tokenizer_config.json").write_text('{"pad_token": 3, "added_tokens_decoder": {}}')
    with pytest.raises(CheckpointError, match="'pad' is 3, expected a string"):
        Tokenizer.from_pretrained(tmp_path)
