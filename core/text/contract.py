"""What a bundle and the training loop ask of a tokenizer."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from speechgraft.errors import InputError

ROLES = ("pad", "bos", "eos", "unk", "cls", "sep", "mask")
"""What a special token can be for."""


class TextTokenizer(ABC):
    """Text in, token ids out, and back. Plugins may bring their own."""

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """One more than the largest token id, added tokens included."""

    @property
    @abstractmethod
    def special_tokens(self) -> dict[str, str]:
        """The token of each role (`pad`, `bos`, `eos`, `unk`, `cls`, `sep`, `mask`) that there is one for."""

    @abstractmethod
    def token_to_id(self, token: str) -> int | None:
        """The id of a token as it is spelt in the vocabulary, `None` where it has none."""

    @abstractmethod
    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """Token ids of a text; with the special tokens that the vocabulary's models expect around it."""

    @abstractmethod
    def decode(self, ids: Iterable[int], skip_special_tokens: bool = True) -> str:
        """The text of token ids: a list, a tensor or an array of one dimension.

        Raises:
            InputError: An id is negative or no integer.
        """

    def settled(self, ids: Iterable[int]) -> str:
        """The beginning of `decode(ids)` that no further token can change: here all but the last word.

        Raises:
            InputError: An id is negative or no integer.
        """
        text = self.decode(ids)
        last = next((place for place in reversed(range(len(text))) if text[place].isspace()), 0)
        return text[:last].rstrip()

    @abstractmethod
    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the tokenizer's files into a folder, which is made if it is not there."""

    def batch_decode(self, batch: Iterable[Iterable[int]], skip_special_tokens: bool = True) -> list[str]:
        """The text of each row of token ids."""
        return [self.decode(ids, skip_special_tokens=skip_special_tokens) for ids in batch]

    def special_id(self, role: str) -> int | None:
        """The id of the special token of a role, `None` where there is none."""
        token = self.special_tokens.get(role)
        return None if token is None else self.token_to_id(token)

    @property
    def pad_token_id(self) -> int | None:
        """What rows are filled up with; a CTC model's blank."""
        return self.special_id("pad")

    @property
    def unk_token_id(self) -> int | None:
        """What stands for anything that is not in the vocabulary."""
        return self.special_id("unk")

    @property
    def bos_token_id(self) -> int | None:
        """What begins a sequence."""
        return self.special_id("bos")

    @property
    def eos_token_id(self) -> int | None:
        """What ends a sequence."""
        return self.special_id("eos")

    @property
    def start_token_id(self) -> int | None:
        """What a decoder is started with: `bos`, or `cls` in vocabularies that have no `bos`."""
        return _first(self.special_id("bos"), self.special_id("cls"))

    @property
    def end_token_id(self) -> int | None:
        """What a decoder is to stop at: `eos`, or `sep` in vocabularies that have no `eos`."""
        return _first(self.special_id("eos"), self.special_id("sep"))


def _first(*ids: int | None) -> int | None:
    return next((token_id for token_id in ids if token_id is not None), None)


def id_list(ids: Any) -> list[int]:
    """Token ids as a plain list, from a list, an array or a tensor of one dimension.

    Raises:
        InputError: An id is negative or no integer.
    """
    values: Sequence[Any] = ids.tolist() if hasattr(ids, "tolist") else list(ids)
    for place, value in enumerate(values):
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise InputError(f"token {place} is {value!r}, expected the integer id of a token")
        if value < 0:
            raise InputError(f"token {place} is {value}, expected an id from 0 on (take out -100 before decoding)")
    return [int(value) for value in values]
