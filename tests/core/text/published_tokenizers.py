"""Small tokenizers of the published families, ours and the yardstick's, made of the same vocabularies."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import transformers
from hypothesis import strategies as st

from speechgraft.text import BartTokenizer, BertTokenizer, CTCTokenizer, GPT2Tokenizer

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "and", "so", "##so", "a", "##b", "é", "##é", ".", "'", "n", "t"]
LETTERS = ["a", "b", "c", "Ġ", "Ã", "©", ".", "'"]
BYTES = [*LETTERS, "ab", "Ġa", "Ġab"]
MERGES = [("a", "b"), ("Ġ", "a"), ("Ġ", "ab")]
FRAMES = ["<pad>", "<s>", "</s>", "<unk>", "|", "A", "B", "C", "SH"]

Pair = tuple[Any, Any]


def numbered(tokens: list[str]) -> dict[str, int]:
    """Tokens with their places for ids."""
    return {token: number for number, token in enumerate(tokens)}


def bert(**settings: Any) -> Pair:
    """BERT's wordpieces."""
    return BertTokenizer(numbered(PIECES), **settings), transformers.BertTokenizer(numbered(PIECES), **settings)


def gpt2(**settings: Any) -> Pair:
    """GPT-2's byte pairs; they have no padding but what the settings give."""
    vocabulary = numbered([*BYTES, "<|endoftext|>"])
    return GPT2Tokenizer(vocabulary, MERGES, **settings), transformers.GPT2Tokenizer(vocabulary, MERGES, **settings)


def bart(**settings: Any) -> Pair:
    """BART's byte pairs."""
    vocabulary = numbered(["<s>", "<pad>", "</s>", "<unk>", *BYTES, "<mask>"])
    return BartTokenizer(vocabulary, MERGES, **settings), transformers.BartTokenizer(vocabulary, MERGES, **settings)


def ctc(**settings: Any) -> Pair:
    """Characters of a CTC model."""
    path = Path(mkdtemp()) / "vocab.json"
    path.write_text(json.dumps(numbered(FRAMES)))
    return CTCTokenizer(path, **settings), transformers.Wav2Vec2CTCTokenizer(str(path), **settings)


FAMILIES: dict[str, Callable[..., Pair]] = {
    "bert": bert,
    "gpt2": lambda **settings: gpt2(**{"pad_token": "<|endoftext|>", **settings}),
    "bart": bart,
    "ctc": ctc,
}


@cache
def pair(family: str, side: str = "right") -> Pair:
    """One of each family that is not changed."""
    return FAMILIES[family](padding_side=side, truncation_side=side)


_WORDS = ["and", "so", "andso", "a", "ab", "abb", "é", "É", "x", ".", "a.b", "it's", "的", "ABC", "[SEP]", "SH", "</s>"]
texts = st.lists(st.sampled_from(_WORDS), max_size=8).map(" ".join) | st.text("ab é.'\n", max_size=10)
