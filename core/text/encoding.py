"""What a call of a tokenizer takes, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs

from speechgraft.batch import Batch, Padding, check_tensors
from speechgraft.errors import InputError, RoutingError, did_you_mean

Side = Literal["left", "right"]

Cut = Literal["do_not_truncate", "longest_first", "only_first", "only_second"]

CUTS: tuple[Cut, ...] = ("do_not_truncate", "longest_first", "only_first", "only_second")
"""Which of a pair of texts is cut where both together are too long."""


@attrs.frozen
class Item:
    """One text to encode, or a pair of them: strings, or lists of words."""

    text: str | Sequence[str]
    """The text."""

    pair: str | Sequence[str] | None = None
    """The second of the two."""


@attrs.frozen(kw_only=True)
class CallOptions:
    """How texts are encoded. The names are the published ones.

    Raises:
        InputError: A value is impossible.
    """

    add_special_tokens: bool = True
    """Whether the tokens that the vocabulary's models expect are put around each text."""

    padding: bool | str = False
    """`True` or `"longest"`: rows are filled up to the longest; `"max_length"`; `False` or `"do_not_pad"`."""

    truncation: bool | str | None = None
    """`True` or `"longest_first"`, `"only_first"`, `"only_second"`: what is longer than `max_length` is cut; `False` or
    `"do_not_truncate"`. `None` cuts where there is a `max_length` and no padding."""

    max_length: int | None = None
    """The most tokens of a row, special ones included; by default what the tokenizer's `model_max_length` says."""

    stride: int = 0
    """Tokens that a row shares with the overflow behind it."""

    is_split_into_words: bool = False
    """Whether a list of strings is one text, split into its words."""

    pad_to_multiple_of: int | None = None
    """Rounds the length of padded rows up."""

    padding_side: str | None = None
    """`"right"` or `"left"`; by default the tokenizer's own."""

    return_tensors: str | None = None
    """`"pt"` torch tensors, `"np"` arrays, `None` lists."""

    return_token_type_ids: bool | None = None
    """Whether to tell which tokens are of the second text; by default what the vocabulary's models take."""

    return_attention_mask: bool | None = None
    """Whether to tell tokens from padding; by default what the vocabulary's models take."""

    return_overflowing_tokens: bool = False
    """Whether what is cut off follows as rows of its own, with `overflow_to_sample_mapping`."""

    return_special_tokens_mask: bool = False
    """Whether to tell the special tokens that were put around a text, and padding."""

    return_offsets_mapping: bool = False
    """Whether to tell the characters that each token stands for, as pairs of first and behind the last."""

    return_length: bool = False
    """Whether to tell how many tokens each row has, padding included."""

    def __attrs_post_init__(self) -> None:
        Padding.parse(self.padding)
        check_tensors(self.return_tensors)
        if self.truncation not in (True, False, None, *CUTS):
            raise InputError(f"truncation={self.truncation!r}, expected True, False, {', '.join(map(repr, CUTS))}")
        if self.padding_side not in (None, "left", "right"):
            raise InputError(f"padding_side={self.padding_side!r}, expected 'right' or 'left'")
        if self.max_length is not None and not (_whole(self.max_length) and self.max_length > 0):
            raise InputError(f"max_length={self.max_length!r}, expected a positive whole number of tokens")
        if not (_whole(self.stride) and self.stride >= 0):
            raise InputError(f"stride={self.stride!r}, expected a whole number of tokens from 0 on")

    @classmethod
    def of(cls, given: Mapping[str, Any], own: Sequence[str] = ()) -> CallOptions:
        """The options of a call.

        Args:
            given: What was passed by name.
            own: Names that the call has beside them; one of them may have been meant.

        Raises:
            RoutingError: An option is unknown.
            InputError: A value is impossible.
        """
        known = call_options()
        for name in given:
            if name not in known:
                raise RoutingError(f"unknown option {name!r}{did_you_mean(name, [*known, *own])}")
        return cls(**given)


def call_options() -> tuple[str, ...]:
    """The names of what a call takes beside its texts."""
    return tuple(attribute.name for attribute in attrs.fields(CallOptions))


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@attrs.frozen
class Rows:
    """Texts as rows of integers, not yet padded."""

    columns: dict[str, list[list[Any]]]
    """`input_ids`, `token_type_ids`, `special_tokens_mask` and `offset_mapping` of each row; all but the first only
    where there are such."""

    samples: list[int]
    """The text that each row is of; rows of overflow follow the one that they continue."""

    encodings: list[Any] = attrs.field(factory=list)
    """What the `tokenizers` library tells of each row, where that encoded it."""


class BatchEncoding(Batch):
    """`input_ids` and what else a tokenizer gives, that read as keys and as attributes.

    Where the `tokenizers` library encoded the texts, each row can be asked for its tokens and words.
    """

    encodings: list[Any]
    """What the library tells of each row; empty for tokenizers that it does not run."""

    def __init__(self, columns: Mapping[str, Any], encodings: Sequence[Any] = ()) -> None:
        super().__init__(columns)
        self.encodings = list(encodings)

    def to(self, device: Any = None, dtype: Any = None) -> BatchEncoding:
        """The same batch with its tensors on another device."""
        return BatchEncoding(Batch(self).to(device, dtype), self.encodings)

    def tokens(self, row: int = 0) -> list[str]:
        """The tokens of a row as the vocabulary spells them."""
        return list(self._encoding(row).tokens)

    def word_ids(self, row: int = 0) -> list[int | None]:
        """The word, counted from 0, that each token of a row is of; `None` for special tokens."""
        return list(self._encoding(row).word_ids)

    def sequence_ids(self, row: int = 0) -> list[int | None]:
        """0 for tokens of the first text, 1 for those of the second, `None` for special tokens."""
        return list(self._encoding(row).sequence_ids)

    def _encoding(self, row: int) -> Any:
        if not 0 <= row < len(self.encodings):
            raise InputError(f"nothing is known of the tokens of row {row}, only of {len(self.encodings)} rows")
        return self.encodings[row]
