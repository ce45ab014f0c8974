"""A few sentences, and a SentencePiece model of them."""

from __future__ import annotations

import io
from functools import cache

import sentencepiece

TEXTS = [
    "the model writes what it hears",
    "der Zug fährt um acht Uhr ab",
    "she sells sea shells by the sea shore",
    "wer anderen eine Grube gräbt, fällt selbst hinein",
    "a quick brown fox jumps over the lazy dog",
    "er hat den ganzen Tag nichts gesagt",
    "some words come again: the sea, the model, the train",
]


@cache
def model() -> bytes:
    """A small unigram model, with the control tokens of fairseq's."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 20), model_writer=written, vocab_size=120, minloglevel=2, hard_vocab_limit=False
    )
    return written.getvalue()
