"""Text to token ids and back, in the files that published checkpoints bring."""

from __future__ import annotations

from speechgraft.text.alphabet import Alphabet
from speechgraft.text.build import build_tokenizer
from speechgraft.text.contract import TextTokenizer
from speechgraft.text.ctc import CTCTokenizer
from speechgraft.text.load import load_tokenizer
from speechgraft.text.tokenizer import Tokenizer

__all__ = ["Alphabet", "CTCTokenizer", "TextTokenizer", "Tokenizer", "build_tokenizer", "load_tokenizer"]
