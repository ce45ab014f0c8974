"""What a bundle, a processor and the training loop ask of a tokenizer."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from speechgraft.errors import InputError
from speechgraft.text.calls import Lengths, cut_alone, encoded, padded
from speechgraft.text.encoding import BatchEncoding, CallOptions, Item, Rows, Side
from speechgraft.text.roles import ROLES, RoleId, RoleToken

__all__ = ["ROLES", "TextTokenizer", "id_list"]

_OWN = ("text", "text_pair", "text_target")


class TextTokenizer(ABC):
    """Text in, token ids out, and back. Plugins may bring their own: what is abstract here is what they write.

    Calling one with a text or a list of texts gives a `BatchEncoding` with `input_ids` and `attention_mask`.
    """

    model_input_names: tuple[str, ...] = ("input_ids", "attention_mask")
    """What a call gives where it does not say."""

    model_max_length: int | None = None
    """The most tokens that the vocabulary's models take; `None`: any number."""

    padding_side: Side = "right"
    """Where rows are filled up."""

    truncation_side: Side = "right"
    """Where rows are cut."""

    bos_token, bos_token_id = RoleToken("bos"), RoleId("bos")
    """What begins a sequence."""

    eos_token, eos_token_id = RoleToken("eos"), RoleId("eos")
    """What ends a sequence."""

    unk_token, unk_token_id = RoleToken("unk"), RoleId("unk")
    """What stands for anything that is not in the vocabulary."""

    sep_token, sep_token_id = RoleToken("sep"), RoleId("sep")
    """What stands between two texts, and ends them."""

    pad_token, pad_token_id = RoleToken("pad"), RoleId("pad")
    """What rows are filled up with; a CTC model's blank."""

    cls_token, cls_token_id = RoleToken("cls"), RoleId("cls")
    """What begins a sequence for an encoder of text."""

    mask_token, mask_token_id = RoleToken("mask"), RoleId("mask")
    """What stands for a word to guess."""

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
    def decode(self, ids: Iterable[int], skip_special_tokens: bool = False) -> Any:
        """The text of token ids: a list, a tensor or an array of one dimension.

        Raises:
            InputError: An id is negative or no integer.
        """

    @abstractmethod
    def save_pretrained(self, folder: str | os.PathLike[str]) -> Any:
        """Write the tokenizer's files into a folder, which is made if it is not there."""

    def __len__(self) -> int:
        """The size of a model's vocabulary that has room for every token: `vocab_size`."""
        return self.vocab_size

    def __bool__(self) -> bool:
        return True  # also one of an empty vocabulary is there

    def text(self, ids: Iterable[int]) -> str:
        """What token ids say: without special tokens, and without white space around it.

        Raises:
            InputError: An id is negative or no integer.
        """
        said: str = self.decode(ids, skip_special_tokens=True)
        return said.strip()

    def settled(self, ids: Iterable[int]) -> str:
        """The beginning of `text(ids)` that no further token can change: here all but the last word.

        Raises:
            InputError: An id is negative or no integer.
        """
        return without_last_words(self.text(ids), 1)

    def batch_decode(self, batch: Iterable[Iterable[int]], skip_special_tokens: bool = False, **options: Any) -> Any:
        """The text of each row of token ids; `options` as `decode` takes them."""
        return [self.decode(ids, skip_special_tokens=skip_special_tokens, **options) for ids in batch]

    def special_id(self, role: str) -> int | None:
        """The id of the special token of a role, `None` where there is none."""
        token = self.special_tokens.get(role)
        return None if token is None else self.token_to_id(token)

    def set_special_token(self, role: str, token: str | None) -> None:
        """Give a role another token of the vocabulary: what `tokenizer.pad_token = ...` does, where that can be.

        Raises:
            InputError: The special tokens of this tokenizer are what they are.
        """
        raise InputError(f"a {type(self).__name__} has its own special tokens: {role}_token cannot be {token!r}")

    def set_special_id(self, role: str, number: int | None) -> None:
        """Give a role another token of the vocabulary by its id: what `tokenizer.pad_token_id = ...` does.

        Raises:
            InputError: The special tokens of this tokenizer are what they are.
        """
        raise InputError(f"a {type(self).__name__} has its own special tokens: {role}_token_id cannot be {number}")

    @property
    def start_token_id(self) -> int | None:
        """What a decoder is started with: `bos`, or `cls` in vocabularies that have no `bos`."""
        return _first(self.special_id("bos"), self.special_id("cls"))

    @property
    def end_token_id(self) -> int | None:
        """What a decoder is to stop at: `eos`, or `sep` in vocabularies that have no `eos`."""
        return _first(self.special_id("eos"), self.special_id("sep"))

    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> Any:
        """The id of a token, or of each of several; of what is not in the vocabulary that of `unk`, or `None`."""
        if not isinstance(tokens, str):
            return [self.convert_tokens_to_ids(token) for token in tokens]
        found = self.token_to_id(tokens)
        return self.unk_token_id if found is None else found

    def __call__(
        self,
        text: str | Sequence[Any] | None = None,
        text_pair: str | Sequence[Any] | None = None,
        text_target: str | Sequence[Any] | None = None,
        **options: Any,
    ) -> BatchEncoding:
        """Encode one text or several.

        Args:
            text: A text, or a list of texts; with `is_split_into_words` each is a list of words.
            text_pair: The second text of each pair.
            text_target: What is to be written: its ids become `labels`, or all there is where there is no `text`.
            **options: Fields of `CallOptions`.

        Raises:
            RoutingError: An option is unknown.
            InputError: There is no text, an option is impossible, or it asks for what this tokenizer cannot tell.
        """
        asked = CallOptions.of(options, _OWN)
        if text is None:
            if text_target is None:
                raise InputError("there is nothing to encode: pass text or text_target")
            return encoded(self, text_target, text_pair, asked)
        batch = encoded(self, text, text_pair, asked)
        if text_target is not None:
            batch["labels"] = encoded(self, text_target, None, asked)["input_ids"]
        return batch

    def pad(self, encoded_inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]], **options: Any) -> BatchEncoding:
        """Fill encoded texts up to one length.

        Args:
            encoded_inputs: What a call gave, or a list of such: with `input_ids`, and whatever else goes with them.
                Columns that are not of tokens stay as they are.
            **options: `padding` (by default the longest), `max_length`, `pad_to_multiple_of`, `padding_side`,
                `return_attention_mask`, `return_tensors`, which is by default what was put in.

        Raises:
            RoutingError: An option is unknown.
            InputError: There are no `input_ids`, or rows do not fit to each other.
        """
        return padded(self, encoded_inputs, **options)

    def rows(self, items: Sequence[Item], options: CallOptions, lengths: Lengths) -> Rows:
        """Texts as rows of ids, cut as `lengths` says. A tokenizer that knows more than `encode` tells replaces it.

        Raises:
            InputError: Something is asked for that `encode` does not tell, or special tokens alone are too many.
        """
        asked = ("is_split_into_words", "return_offsets_mapping", "return_overflowing_tokens")
        for name in asked:
            if getattr(options, name):
                raise InputError(f"{name}: a {type(self).__name__} cannot tell")
        made = [self._row(item, options, lengths) for item in items]
        columns = {"input_ids": [row for row, _ in made], "special_tokens_mask": [mask for _, mask in made]}
        return Rows(columns, list(range(len(items))))

    def _row(self, item: Item, options: CallOptions, lengths: Lengths) -> tuple[list[int], list[int]]:
        if item.pair is not None:
            raise InputError(f"a {type(self).__name__} encodes one text at a time, not pairs")
        ids = self.encode(str(item.text), add_special_tokens=False)
        before, behind = self._around(str(item.text), ids) if options.add_special_tokens else ([], [])
        if lengths.limit is not None and lengths.cut != "do_not_truncate":
            room = lengths.limit - len(before) - len(behind)
            if room < 0:
                raise InputError(f"max_length={lengths.limit} has no room for the special tokens")
            ids = cut_alone(ids, room, self.truncation_side)
        return [*before, *ids, *behind], [*([1] * len(before)), *([0] * len(ids)), *([1] * len(behind))]

    def _around(self, text: str, ids: list[int]) -> tuple[list[int], list[int]]:
        """The special tokens before a text and those behind it."""
        whole = self.encode(text, add_special_tokens=True)
        for begin in range(len(whole) - len(ids) + 1):
            if whole[begin : begin + len(ids)] == ids:
                return whole[:begin], whole[begin + len(ids) :]
        raise InputError(f"{text!r}: the special tokens of a {type(self).__name__} do not stand around a text")


def without_last_words(text: str, count: int) -> str:
    """The beginning of a text that ends before its last words.

    >>> without_last_words("one two three", 1)
    'one two'
    """
    for _ in range(count):
        last = next((place for place in reversed(range(len(text))) if text[place].isspace()), 0)
        text = text[:last].rstrip()
    return text


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
