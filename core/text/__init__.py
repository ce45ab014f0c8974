"""Text to token ids and back, in the files that published checkpoints bring."""

from __future__ import annotations

from speechgraft.text.alphabet import Alphabet
from speechgraft.text.build import build_tokenizer
from speechgraft.text.contract import TextTokenizer
from speechgraft.text.ctc import CTCTokenizer
from speechgraft.text.encoding import BatchEncoding, CallOptions
from speechgraft.text.load import load_tokenizer
from speechgraft.text.named import BartTokenizer, BertTokenizer, GPT2Tokenizer
from speechgraft.text.offsets import CTCText
from speechgraft.text.published import PretrainedTokenizer
from speechgraft.text.tokenizer import Tokenizer

BertTokenizerFast, GPT2TokenizerFast, BartTokenizerFast = BertTokenizer, GPT2Tokenizer, BartTokenizer
PreTrainedTokenizerFast = Tokenizer
Wav2Vec2CTCTokenizer = CTCTokenizer

__all__ = [
    "Alphabet",
    "BartTokenizer",
    "BartTokenizerFast",
    "BatchEncoding",
    "BertTokenizer",
    "BertTokenizerFast",
    "CTCText",
    "CTCTokenizer",
    "CallOptions",
    "GPT2Tokenizer",
    "GPT2TokenizerFast",
    "PreTrainedTokenizerFast",
    "PretrainedTokenizer",
    "TextTokenizer",
    "Tokenizer",
    "Wav2Vec2CTCTokenizer",
    "build_tokenizer",
    "load_tokenizer",
]
