"""From texts to a batch: how long its rows may be, cutting, padding, tensors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from speechgraft.batch import Padding, integers, rounded_up
from speechgraft.errors import InputError
from speechgraft.routing import named
from speechgraft.text.encoding import BatchEncoding, CallOptions, Cut, Item, Rows, Side

if TYPE_CHECKING:
    from speechgraft.text.contract import TextTokenizer

UNLIMITED = 10**20
"""The `model_max_length` from which on a tokenizer's file says that there is no limit."""

_LONGEST_ROW = 1 << 20
"""Tokens to which rows are padded because a file says so; a call may ask for more."""

_FILLS: dict[str, Any] = {
    "token_type_ids": 0,
    "attention_mask": 0,
    "special_tokens_mask": 1,
    "offset_mapping": (0, 0),
}


@attrs.frozen
class Lengths:
    """What a call makes of the lengths of its rows."""

    padding: Padding
    """What they are padded to."""

    cut: Cut
    """What is cut of them."""

    limit: int | None
    """The tokens that they are cut at and, for `Padding.MAX_LENGTH`, padded to."""

    @classmethod
    def of(cls, options: CallOptions, tokenizer: TextTokenizer) -> Lengths:
        """The lengths that the options of a call ask for.

        Raises:
            InputError: They contradict each other, or nothing says how long `padding="max_length"` is.
        """
        padding, cut, limit = Padding.parse(options.padding), _cut(options), options.max_length
        if limit is None and (cut != "do_not_truncate" or padding is Padding.MAX_LENGTH):
            limit = _model_length(tokenizer, padding)
            cut = "do_not_truncate" if limit is None else cut  # the model takes texts of any length
        if limit is not None and padding is Padding.LONGEST and cut == "do_not_truncate":
            warnings.warn(f"max_length={limit} cuts nothing without truncation=True", stacklevel=4)
        multiple = options.pad_to_multiple_of
        both = padding is not Padding.DO_NOT_PAD and cut != "do_not_truncate"
        if both and limit is not None and multiple and limit % multiple:
            raise InputError(f"rows cut at max_length={limit} are no multiple of pad_to_multiple_of={multiple}")
        return cls(padding, cut, limit)


def _cut(options: CallOptions) -> Cut:
    if options.truncation is None:
        alone = options.max_length is not None and options.padding is False
        return "longest_first" if alone else "do_not_truncate"
    if isinstance(options.truncation, bool):
        return "longest_first" if options.truncation else "do_not_truncate"
    return options.truncation  # type: ignore[return-value] # validated


def _model_length(tokenizer: TextTokenizer, padding: Padding) -> int | None:
    longest = tokenizer.model_max_length
    if padding is Padding.MAX_LENGTH and (longest is None or longest > _LONGEST_ROW):
        raise InputError(
            f"padding='max_length' needs max_length: the tokenizer's model_max_length is {longest}, "
            "which is no length to pad to"
        )
    return longest


def encoded(
    tokenizer: TextTokenizer,
    text: str | Sequence[Any],
    pair: str | Sequence[Any] | None,
    options: CallOptions,
) -> BatchEncoding:
    """Texts as a batch.

    Raises:
        InputError: They are no texts, the tokenizer cannot give what the options ask for, or rows of different
            lengths are asked for as one tensor.
    """
    items, alone = listed(text, pair, options.is_split_into_words)
    lengths = Lengths.of(options, tokenizer)
    _check_padding_token(tokenizer, lengths.padding)
    rows = tokenizer.rows(items, options, lengths)
    columns = _wanted(tokenizer, rows, options)
    whole = _filled(
        tokenizer, columns, lengths.padding, lengths.limit, options.pad_to_multiple_of, options.padding_side
    )
    if options.return_length:
        whole["length"] = [len(row) for row in whole["input_ids"]]
    if options.return_overflowing_tokens:
        whole["overflow_to_sample_mapping"] = rows.samples
    if alone and options.return_tensors is None and not options.return_overflowing_tokens:
        whole = {name: values[0] if isinstance(values[0], list) else values for name, values in whole.items()}
    return BatchEncoding(_tensors(whole, options.return_tensors), rows.encodings)


def listed(text: Any, pair: Any, split: bool) -> tuple[list[Item], bool]:
    """The texts of a call, and whether it is of one text.

    Raises:
        InputError: These are no texts, there is none, or there are not as many second texts as first.
    """
    if _is_text(text, split):
        if pair is not None and not _is_text(pair, split):
            raise InputError("one text with a list of second texts, expected one")
        return [Item(text, pair)], True
    if not isinstance(text, list | tuple) or isinstance(pair, str):
        raise InputError(f"{_told(text)} and {_told(pair)}, expected a text, a list of texts, or two lists of them")
    if not text:
        raise InputError("a batch of no texts, expected at least one")
    if pair is None:
        return [_item(each, place, split) for place, each in enumerate(text)], False
    if len(pair) != len(text):
        raise InputError(f"{len(text)} texts with {len(pair)} second texts, expected as many")
    both = zip(text, pair, strict=True)
    return [_item((first, second), place, split) for place, (first, second) in enumerate(both)], False


def _item(each: Any, place: int, split: bool) -> Item:
    if _is_text(each, split):
        return Item(each)
    if isinstance(each, tuple | list) and len(each) == 2 and all(_is_text(one, split) for one in each):
        return Item(*each)
    raise InputError(f"text {place} is {_told(each)}, expected {'a list of words' if split else 'a string'}")


def _is_text(value: Any, split: bool) -> bool:
    if not split:
        return isinstance(value, str)
    return isinstance(value, list | tuple) and all(isinstance(word, str) for word in value)


def _told(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _check_padding_token(tokenizer: TextTokenizer, padding: Padding) -> None:
    if padding is not Padding.DO_NOT_PAD and tokenizer.pad_token_id is None:
        raise InputError(
            "the tokenizer has no padding token: set one (`tokenizer.pad_token = tokenizer.eos_token`), "
            "or add one (`tokenizer.add_special_tokens({'pad_token': '[PAD]'})`)"
        )


def _wanted(tokenizer: TextTokenizer, rows: Rows, options: CallOptions) -> dict[str, list[list[Any]]]:
    """The columns that are asked for, or that the vocabulary's models take, in their published order."""
    ids = rows.columns["input_ids"]
    known = {
        "token_type_ids": [[0] * len(row) for row in ids],
        "special_tokens_mask": [[0] * len(row) for row in ids],
        **rows.columns,
        "attention_mask": [[1] * len(row) for row in ids],
    }
    asked = {
        "input_ids": True,
        "token_type_ids": options.return_token_type_ids,
        "attention_mask": options.return_attention_mask,
        "special_tokens_mask": options.return_special_tokens_mask,
        "offset_mapping": options.return_offsets_mapping,
    }
    taken = tokenizer.model_input_names
    return {name: known[name] for name, want in asked.items() if want or (want is None and name in taken)}


@named
def padded(
    tokenizer: TextTokenizer,
    inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    padding: bool | str = True,
    max_length: int | None = None,
    pad_to_multiple_of: int | None = None,
    padding_side: str | None = None,
    return_attention_mask: bool | None = None,
    return_tensors: str | None = None,
) -> BatchEncoding:
    """Encoded texts, filled up to one length: see `TextTokenizer.pad`.

    Raises:
        RoutingError: An option is unknown.
        InputError: There are no `input_ids`, or rows do not fit to each other.
    """
    columns = _columns(inputs)
    if return_tensors is None:
        return_tensors = _kind_of(columns["input_ids"])
    found = {name: _plain(values) for name, values in columns.items()}
    alone = not found["input_ids"] or not isinstance(found["input_ids"][0], list)
    if alone:
        found = {name: [values] for name, values in found.items()}
    if return_attention_mask or (return_attention_mask is None and "attention_mask" in tokenizer.model_input_names):
        found.setdefault("attention_mask", [[1] * len(row) for row in found["input_ids"]])
    options = CallOptions(
        padding=padding,
        max_length=max_length,
        truncation=False,
        pad_to_multiple_of=pad_to_multiple_of,
        padding_side=padding_side,
        return_tensors=return_tensors,
    )
    kind = Padding.parse(padding)
    _check_padding_token(tokenizer, kind)
    limit = _model_length(tokenizer, kind) if kind is Padding.MAX_LENGTH and max_length is None else max_length
    whole = _filled(tokenizer, found, kind, limit, pad_to_multiple_of, padding_side)
    if alone:
        whole = {name: values[0] for name, values in whole.items()}
    return BatchEncoding(_tensors(whole, options.return_tensors))


def _columns(inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if isinstance(inputs, Mapping):
        columns = dict(inputs)
    elif isinstance(inputs, list | tuple) and inputs and all(isinstance(each, Mapping) for each in inputs):
        try:
            columns = {name: [each[name] for each in inputs] for name in inputs[0]}
        except KeyError as error:
            raise InputError(f"not every row has {error.args[0]!r}") from None
    else:
        raise InputError("expected encoded texts: a mapping with input_ids, or a list of such mappings")
    if "input_ids" not in columns:
        raise InputError(f"there are no input_ids to pad, only {', '.join(map(repr, columns)) or 'nothing'}")
    return columns


def _kind_of(ids: Any) -> str | None:
    first = ids[0] if isinstance(ids, list | tuple) and len(ids) else ids
    if hasattr(first, "detach"):
        return "pt"
    return "np" if hasattr(first, "dtype") else None


def _plain(values: Any) -> Any:
    if hasattr(values, "tolist"):
        return values.tolist()
    return [_plain(value) for value in values] if isinstance(values, list | tuple) else values


def _filled(
    tokenizer: TextTokenizer,
    columns: Mapping[str, list[Any]],
    padding: Padding,
    limit: int | None,
    multiple: int | None,
    side: str | None,
) -> dict[str, list[Any]]:
    ids = columns["input_ids"]
    for name, rows in columns.items():
        if name in _FILLS and [len(row) for row in rows] != [len(row) for row in ids]:
            raise InputError(f"{name}: its rows are not as long as those of input_ids")
    if padding is Padding.DO_NOT_PAD:
        return dict(columns)
    length = rounded_up(max(map(len, ids)) if padding is Padding.LONGEST else limit or 0, multiple)
    fills = {**_FILLS, "input_ids": tokenizer.pad_token_id}
    left = (side or tokenizer.padding_side) == "left"
    return {
        name: [_fill(row, length, fills[name], left) for row in rows] if name in fills else rows
        for name, rows in columns.items()
    }


def _fill(row: list[Any], length: int, value: Any, left: bool) -> list[Any]:
    missing = [value] * (length - len(row))
    return [*missing, *row] if left else [*row, *missing]


def _tensors(columns: Mapping[str, Any], kind: str | None) -> dict[str, Any]:
    return {name: integers(values, kind, name) for name, values in columns.items()}


def cut_alone(row: list[Any], room: int, side: Side) -> list[Any]:
    """The first tokens of a text, or its last where it is cut at its left."""
    if len(row) <= room:
        return row
    return row[:room] if side == "right" else row[len(row) - room :]


def cut_pair(lengths: tuple[int, int], room: int, cut: Cut) -> tuple[int, int]:
    """How many tokens are left of a first and a second text.

    Of `"longest_first"` the longer is cut until both are as long, then both.

    Raises:
        InputError: The one that may be cut is too short to make room.
    """
    first, second = lengths
    if first + second <= room or cut == "do_not_truncate":
        return lengths
    if cut == "longest_first":
        shorter = min(lengths)
        longer = shorter if shorter > room else max(shorter, room - shorter)
        if shorter + longer > room:
            shorter, longer = room // 2, room // 2 + room % 2
        return (longer, shorter) if first > second else (shorter, longer)
    left = (room - second, second) if cut == "only_first" else (first, room - first)
    if left[0 if cut == "only_first" else 1] <= 0:
        raise InputError(f"texts of {first} and {second} tokens do not fit into {room} by truncation={cut!r}")
    return left
