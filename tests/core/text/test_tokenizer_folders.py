"""Folders of tokenizers are exchanged both ways, old files are read, and hostile ones refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import transformers
from published_tokenizers import BYTES, FAMILIES, FRAMES, MERGES, PIECES, numbered

from speechgraft.errors import CheckpointError, ConfigError, RoutingError, SpeechGraftError
from speechgraft.text import BartTokenizer, BertTokenizer, CTCTokenizer, GPT2Tokenizer, Tokenizer, load_tokenizer

CLASSES = {"bert": BertTokenizer, "gpt2": GPT2Tokenizer, "bart": BartTokenizer, "ctc": CTCTokenizer}
TEXTS = ["and so ab", "A [NEW] é.", "it's SHA", "new [SEP] </s>"]


def same(one: Any, other: Any) -> None:
    """Both encode and decode alike."""
    assert one.special_tokens_map == {k: v for k, v in other.special_tokens_map.items() if "delimiter" not in k}
    assert len(one) == len(other) and one.get_vocab() == other.get_vocab()
    for text in TEXTS:
        found = one(text).input_ids
        assert found == list(other(text).input_ids)
        for skips in (True, False):
            row = [number for number in found if number != one.pad_token_id]  # blanks are dropped otherwise there
            assert one.decode(row, skip_special_tokens=skips) == other.decode(row, skip_special_tokens=skips)


def changed(tokenizer: Any) -> Any:
    """A tokenizer to which was done what training code does."""
    tokenizer.add_special_tokens({"pad_token": "[FILL]", "additional_special_tokens": ["[NEW]"]})
    tokenizer.add_tokens(["new"])
    tokenizer.padding_side = "left"
    tokenizer.model_max_length = 77
    return tokenizer


@pytest.mark.parametrize("change", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_folders_are_exchanged_both_ways(family: str, change: bool, tmp_path: Path) -> None:
    ours, theirs = FAMILIES[family](unk_token="[UNK]" if family == "bert" else "<unk>")
    if change:
        changed(ours), changed(theirs)
    ours.save_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    for folder in ("ours", "theirs"):
        again = load_tokenizer(tmp_path / folder)
        assert type(again) is CLASSES[family]
        same(again, theirs)
        same(again, transformers.AutoTokenizer.from_pretrained(tmp_path / folder))
        assert again.padding_side == ("left" if change and folder == "ours" else "right"), "there it is not saved"
        assert again.model_max_length == (77 if change else None)
        assert again.extra_special_tokens == (["[NEW]"] if change else [])
    again.save_pretrained(tmp_path / "theirs")
    same(load_tokenizer(tmp_path / "theirs"), theirs)


def old_files(family: str, folder: Path) -> None:
    """What the first releases wrote: vocabularies, and nothing else."""
    folder.mkdir()
    if family == "bert":
        (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
        return
    first = ["<s>", "<pad>", "</s>", "<unk>"] if family == "bart" else []
    last = ["<mask>"] if family == "bart" else ["<|endoftext|>"]
    tokens = FRAMES if family == "ctc" else [*first, *BYTES, *last]
    (folder / "vocab.json").write_text(json.dumps(numbered(tokens)), encoding="utf-8")
    if family != "ctc":
        pairs = "\n".join(" ".join(pair) for pair in MERGES)
        (folder / "merges.txt").write_text(f"#version: 0.2\n{pairs}\n", encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({"model_type": "wav2vec2" if family == "ctc" else family}))


@pytest.mark.parametrize("family", FAMILIES)
def test_files_of_first_releases_are_read_as_published(family: str, tmp_path: Path) -> None:
    old_files(family, tmp_path / "old")
    theirs = getattr(transformers, CLASSES[family].__name__.replace("CTC", "Wav2Vec2CTC")).from_pretrained(
        tmp_path / "old"
    )
    for ours in (load_tokenizer(tmp_path / "old"), CLASSES[family].from_pretrained(tmp_path / "old")):
        assert type(ours) is CLASSES[family]
        same(ours, theirs)


@pytest.mark.parametrize("family", FAMILIES)
def test_added_tokens_of_older_files_are_read_as_published(family: str, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    old_files(family, folder)
    size = len(load_tokenizer(folder))
    (folder / "added_tokens.json").write_text(json.dumps({"[NEW]": size, "new": size + 1}))
    described = {"content": "[NEW]", "lstrip": True, "normalized": False, "rstrip": False, "single_word": False}
    (folder / "special_tokens_map.json").write_text(json.dumps({"pad_token": described}))
    theirs = getattr(transformers, CLASSES[family].__name__.replace("CTC", "Wav2Vec2CTC")).from_pretrained(folder)
    ours = load_tokenizer(folder)
    assert ours.pad_token == theirs.pad_token == "[NEW]" and ours.get_vocab() == theirs.get_vocab()
    assert ours("a [NEW] new").input_ids == theirs("a [NEW] new").input_ids


def test_a_vocabulary_of_byte_pairs_alone_begins_with_its_token_where_the_settings_say_so(tmp_path: Path) -> None:
    folder = tmp_path / "old"
    old_files("gpt2", folder)
    (folder / "tokenizer_config.json").write_text('{"add_bos_token": true, "tokenizer_class": "GPT2Tokenizer"}')
    ours, theirs = load_tokenizer(folder), transformers.GPT2Tokenizer.from_pretrained(folder)
    assert ours("ab").input_ids == theirs("ab").input_ids == [11, 8]
    assert ours("ab", "a", return_token_type_ids=True) == dict(theirs("ab", "a", return_token_type_ids=True))


@pytest.mark.parametrize(
    "settings", [{"do_lower_case": False}, {"strip_accents": False}, {"tokenize_chinese_chars": False}]
)
def test_settings_in_place_of_those_of_the_file(settings: dict[str, Any], tmp_path: Path) -> None:
    FAMILIES["bert"]()[0].save_pretrained(tmp_path)
    ours, theirs = (
        loader.from_pretrained(tmp_path, pad_token="and", padding_side="left", **settings)
        for loader in (BertTokenizer, transformers.BertTokenizer)
    )
    assert ours.pad_token_id == theirs.pad_token_id == 5
    for text in ("And É 的so", "and"):
        assert ours(text, padding="max_length", max_length=9) == dict(theirs(text, padding="max_length", max_length=9))
    assert type(load_tokenizer(tmp_path, **settings)) is BertTokenizer
    FAMILIES["bart"]()[0].save_pretrained(tmp_path)
    assert BartTokenizer.from_pretrained(tmp_path, add_prefix_space=True)("ab").input_ids == [0, 14, 2]


def test_a_language_of_several_is_chosen(tmp_path: Path) -> None:
    nested = {"eng": numbered(["<pad>", "<s>", "</s>", "<unk>", "|", "A"]), "deu": numbered(["<pad>", "|", "B", "Ä"])}
    (tmp_path / "vocab.json").write_text(json.dumps(nested))
    (tmp_path / "tokenizer_config.json").write_text('{"target_lang": "eng"}')
    ours = CTCTokenizer.from_pretrained(tmp_path)
    assert ours("A A").input_ids == [5, 4, 5] and ours.target_lang == "eng"
    ours.set_target_lang("deu")
    ours.save_pretrained(tmp_path / "again")
    again = load_tokenizer(tmp_path / "again")
    theirs = transformers.Wav2Vec2CTCTokenizer.from_pretrained(tmp_path / "again")
    assert again("BÄ B").input_ids == theirs("BÄ B").input_ids == [2, 3, 1, 2]
    assert CTCTokenizer.from_pretrained(tmp_path, target_lang="deu").vocabulary == nested["deu"]
    with pytest.raises(CheckpointError, match="no language 'eg'"):
        CTCTokenizer.from_pretrained(tmp_path, target_lang="eg")
    (tmp_path / "tokenizer_config.json").unlink()
    with pytest.raises(CheckpointError, match="one vocabulary for each language"):
        CTCTokenizer.from_pretrained(tmp_path)


@pytest.fixture
def bert_folder(tmp_path: Path) -> Path:
    FAMILIES["bert"]()[0].save_pretrained(tmp_path / "bert")
    return tmp_path / "bert"


def edit(folder: Path, name: str, **changes: Any) -> Path:
    """A JSON file of a folder with some keys changed."""
    described = json.loads((folder / name).read_text()) if (folder / name).exists() else {}
    (folder / name).write_text(json.dumps({**described, **changes}))
    return folder


def test_no_code_of_a_folder_is_run(bert_folder: Path) -> None:
    (bert_folder / "evil.py").write_text("raise SystemExit('it ran')\n")
    edit(bert_folder, "tokenizer_config.json", tokenizer_class="Evil", auto_map={"AutoTokenizer": ["evil.Evil", None]})
    with pytest.raises(CheckpointError, match=r"its Evil is code of its own \(\$.auto_map\), and no code"):
        load_tokenizer(bert_folder)
    with pytest.raises(ConfigError, match="trust_remote_code=True: no code of a repository is ever run"):
        load_tokenizer(bert_folder, trust_remote_code=True)
    edit(bert_folder, "tokenizer_config.json", tokenizer_class="BertTokenizer")
    assert load_tokenizer(bert_folder, trust_remote_code=False)("and so").input_ids == [2, 5, 6, 3]


def test_a_class_that_nothing_here_is_like_needs_tokenizer_json(bert_folder: Path) -> None:
    edit(bert_folder, "tokenizer_config.json", tokenizer_class="DistilBertTokenizerFast")
    assert type(load_tokenizer(bert_folder)) is Tokenizer
    (bert_folder / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match="a DistilBertTokenizer is none of BertTokenizer, GPT2Tokenizer"):
        load_tokenizer(bert_folder)


def test_files_are_read_by_their_names_and_nothing_outside_the_folder(bert_folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret\n")
    edit(bert_folder, "tokenizer_config.json", vocab_file=str(secret), tokenizer_file="../secret.txt")
    assert "secret" not in load_tokenizer(bert_folder).get_vocab()
    (bert_folder / "tokenizer.json").unlink()
    (bert_folder / "vocab.txt").symlink_to(secret)
    with pytest.raises(CheckpointError, match="a link out of its folder"):
        load_tokenizer(bert_folder)
    (bert_folder / "vocab.txt").unlink()
    (bert_folder / "tokenizer.json").symlink_to("../secret.txt")
    with pytest.raises(CheckpointError, match="a link out of its folder"):
        load_tokenizer(bert_folder)


def test_links_that_a_download_makes_are_followed(bert_folder: Path, tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "models--a--b" / "blobs", tmp_path / "models--a--b" / "snapshots" / "c0ffee"
    shutil.copytree(bert_folder, blobs)
    snapshot.mkdir(parents=True)
    for file in blobs.iterdir():
        (snapshot / file.name).symlink_to(f"../../blobs/{file.name}")
    assert type(load_tokenizer(snapshot)) is BertTokenizer


def test_a_length_in_a_file_is_none_to_pad_to(bert_folder: Path) -> None:
    padding = {"strategy": {"Fixed": 10**9}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0}
    cut = {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0}
    edit(bert_folder, "tokenizer.json", padding={**padding, "pad_type_id": 0, "pad_token": "[PAD]"}, truncation=cut)
    assert load_tokenizer(bert_folder)("and so").input_ids == [2, 5, 6, 3]


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("tokenizer.json", {"model": {"type": "WordPiece"}}, "tokenizer.json: not a tokenizer"),
        ("tokenizer.json", {"normalizer": {"type": "Evil"}}, "tokenizer.json: not a tokenizer"),
        ("tokenizer_config.json", {"pad_token": {"content": 3}}, "special token 'pad'.*expected a string"),
        ("tokenizer_config.json", {"padding_side": "up"}, "padding_side: 'up', expected 'right' or 'left'"),
        ("tokenizer_config.json", {"model_max_length": "many"}, "model_max_length: 'many', expected a positive"),
        ("tokenizer_config.json", {"model_max_length": -1}, "model_max_length: -1, expected a positive"),
        ("tokenizer_config.json", {"model_input_names": "input_ids"}, "model_input_names"),
        ("tokenizer_config.json", {"added_tokens_decoder": {"-1": "a"}}, "added_tokens_decoder: expected an object"),
        ("tokenizer_config.json", {"added_tokens_decoder": {"9": {"content": "a", "special": 1}}}, "special: 1"),
        ("tokenizer_config.json", {"added_tokens_decoder": {"99": "new"}}, "'new' should have the id 99, but"),
        ("tokenizer_config.json", {"additional_special_tokens": 3}, "extra_special_tokens: a int, expected a list"),
        ("tokenizer_config.json", {"do_lower_case": [1], "strip_accents": "x"}, "not a tokenizer"),
        ("added_tokens.json", {"new": "a"}, "the token 'new' has the id 'a'"),
        ("special_tokens_map.json", {"pad_token": "\ud800"}, "not JSON"),
    ],
)
def test_a_broken_file_is_named(file: str, changes: dict[str, Any], message: str, bert_folder: Path) -> None:
    edit(bert_folder, file, **changes)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_tokenizer(bert_folder)
    assert str(bert_folder) in str(caught.value)


@pytest.mark.parametrize(
    ("file", "contents", "message"),
    [
        ("merges.txt", "a b c\n", "line 1 is 'a b c', expected two tokens"),
        ("merges.txt", "x y\n", "not a vocabulary"),
        ("merges.txt", "\xff", "not text in UTF-8"),
        ("vocab.json", '{"a": -1}', "the token 'a' has the id -1"),
        ("vocab.json", "{}", "the vocabulary is empty"),
        ("vocab.json", "[]", "expected an object"),
    ],
)
def test_a_broken_vocabulary_is_named(file: str, contents: str, message: str, tmp_path: Path) -> None:
    old_files("gpt2", tmp_path / "old")
    (tmp_path / "old" / file).write_bytes(contents.encode("latin-1"))
    with pytest.raises(CheckpointError, match=message) as caught:
        load_tokenizer(tmp_path / "old")
    assert file in str(caught.value) or "vocab.json" in str(caught.value)


def test_a_vocabulary_that_cannot_write_a_text_is_an_error_of_ours(bert_folder: Path) -> None:
    described = json.loads((bert_folder / "tokenizer.json").read_text())
    described["model"]["unk_token"] = "[NONE]"
    (bert_folder / "tokenizer.json").write_text(json.dumps(described))
    tokenizer = load_tokenizer(bert_folder)
    for encode in (tokenizer, tokenizer.encode):
        with pytest.raises(SpeechGraftError, match="cannot be encoded"):
            encode("xyz")


def test_an_unknown_option_is_answered_with_the_nearest(bert_folder: Path) -> None:
    with pytest.raises(RoutingError, match="unknown option 'padding_sid'; did you mean 'padding_side'"):
        load_tokenizer(bert_folder, padding_sid="left")
    with pytest.raises(RoutingError, match="unknown option 'target_lang'"):
        BertTokenizer.from_pretrained(bert_folder, target_lang="eng")
