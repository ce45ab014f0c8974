"""What the tokens of a CTC model are written as: all that reading its scores needs to know of a tokenizer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from speechgraft.errors import InputError


def _in_order(written: Iterable[str | None]) -> tuple[str | None, ...]:
    return tuple(written)


def _at_least_one(
    alphabet: Alphabet, attribute: attrs.Attribute[Sequence[str | None]], value: Sequence[object]
) -> None:
    if not value:
        raise InputError("the alphabet has no token")


@attrs.frozen
class Alphabet:
    """What each token is written as.

    >>> alphabet = Alphabet((None, " ", "A", "B"))
    >>> alphabet.text([2, 3, 1, 2])
    'AB A'

    Raises:
        InputError: It is empty.
    """

    written: tuple[str | None, ...] = attrs.field(converter=_in_order, validator=_at_least_one)
    """By token id; `None` for what is never written: the blank, special tokens, ids that stand for nothing."""

    space: str = " "
    """What stands between words: a token that is written so ends a word."""

    lower: bool = False
    """Whether text is written in lower case, whatever case the tokens have."""

    def is_space(self, token: int) -> bool:
        """Whether a token ends a word."""
        return self.spelling(token) == self.space

    def spelling(self, token: int) -> str | None:
        """What a token is written as before its case is changed; `None` where it is not written.

        Raises:
            InputError: There is no such token.
        """
        if not 0 <= token < len(self.written):
            raise InputError(f"there is no token {token}: the alphabet has {len(self.written)}")
        return self.written[token]

    def cased(self, text: str) -> str:
        """A text in the case that is written."""
        return text.lower() if self.lower else text

    def text(self, tokens: Sequence[int]) -> str:
        """What tokens spell, each of them counting, without spaces around it.

        Raises:
            InputError: There is no such token.
        """
        return self.cased("".join(self.spelling(token) or "" for token in tokens).strip())
