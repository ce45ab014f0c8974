"""Which tokens make which word, whatever kind of vocabulary they are from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from speechgraft.text import TextTokenizer

# Kana, Han, Thai, Lao, Myanmar, Khmer: scripts that put no space between words. A word is one character there.
_UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"

# Marks above and below a character are no \w, so that they stay with it, as punctuation does.
_WORD: Final = re.compile(rf"[^\w\s]*[{_UNSPACED}][^\w\s]*|[^\s{_UNSPACED}]+")


class Word(NamedTuple):
    """A word with the tokens that it is made of."""

    text: str
    """As it stands in the text, punctuation beside it included."""

    first: int
    """Place of its first token."""

    end: int
    """Place behind its last token."""


def words_of(tokenizer: TextTokenizer, tokens: Sequence[int]) -> list[Word]:
    """The words of a text with their tokens, in order.

    Words stand between white space; in scripts without, each character is one. A token that reaches into two words
    belongs to both, and the bytes of a character that was split between tokens stay together.

    Args:
        tokenizer: Whose `text` writes the tokens: what each adds to the text is seen by decoding what leads up to it.
        tokens: Ids; those that write nothing belong to no word.

    Raises:
        InputError: An id is negative or no integer.
    """
    text = tokenizer.text(tokens)
    covers = _covers(tokenizer, tokens, text)
    words = []
    for found in _WORD.finditer(text):
        touched = [place for place, (begin, end) in enumerate(covers) if begin < found.end() and end > found.start()]
        words.append(Word(found[0], touched[0], touched[-1] + 1))
    return words


def _covers(tokenizer: TextTokenizer, tokens: Sequence[int], text: str) -> list[tuple[int, int]]:
    """For each token the first character of `text` that it writes and the one behind its last."""
    written = [tokenizer.text(tokens[: place + 1]) for place in range(len(tokens))]
    settled = [_shared(each, text) for each in written]
    for place in reversed(range(len(tokens) - 1)):  # what a later token changes was not settled
        settled[place] = min(settled[place], settled[place + 1])
    covers = []
    begin = 0
    for each, end in zip(written, settled, strict=True):
        # What is written beyond is part of a character, whose other bytes come with the next token.
        covers.append((begin, end + (len(each) > end)))
        begin = end
    return covers


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
