"""The `tokenizers` library: what it does is read from files, asked for rows, and its faults are told as errors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgraft.errors import CheckpointError, InputError, SpeechGraftError
from speechgraft.json_files import VOCABULARY_SIZE, read_json
from speechgraft.text.calls import Lengths, cut_pair
from speechgraft.text.encoding import CallOptions, Item, Rows, Side
from speechgraft.text.vocabularies import stand_alone

if TYPE_CHECKING:
    from tokenizers import Encoding
    from tokenizers import Tokenizer as Backend

    from speechgraft.text.families import Family

_FILE = "tokenizer.json"


@contextmanager
def guarded(what: str, error_class: type[SpeechGraftError]) -> Iterator[None]:
    """Tell a fault of the library as one of ours: it raises nothing narrower than `Exception`, and panics."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit, SpeechGraftError, MemoryError):
        raise
    except BaseException as error:  # noqa: BLE001 - its panics are no `Exception`
        raise error_class(f"{what} ({error})") from None


def read_backend(folder: Path, settings: Mapping[str, Any], family: Family) -> Backend:
    """What encodes and decodes, from the files of a folder.

    Raises:
        CheckpointError: There is none, or one is broken.
    """
    if (folder / _FILE).exists():
        return _from_json(folder / _FILE, settings, family)
    for needed, reader in family.readers(settings):
        if all((folder / name).exists() for name in needed):
            with guarded(f"{folder / needed[0]}: not a vocabulary", CheckpointError):
                return reader(folder)
    wanted = ", or ".join(" with ".join(needed) for needed, _ in family.readers(settings))
    raise CheckpointError(f"{folder}: no tokenizer here, expected {_FILE}{wanted and ', or '}{wanted}")


def _from_json(path: Path, settings: Mapping[str, Any], family: Family) -> Backend:
    from tokenizers import Tokenizer as Backend

    described = read_json(path, VOCABULARY_SIZE)
    # How a call cuts and pads is its own; a length in a file could be any number.
    described.update(padding=None, truncation=None)
    with guarded(f"{path}: not a tokenizer", CheckpointError):
        backend = Backend.from_str(json.dumps(described))
        family.adjust(backend, settings)
    if backend.post_processor is None:
        stand_alone(backend)
    return backend


class Bare:
    """A backend without what it puts around texts, so that they can be cut before: made when it is first asked for.

    Args:
        backend: The one that is meant.
    """

    def __init__(self, backend: Backend) -> None:
        self._whole = backend
        self._made: tuple[int, Backend] | None = None

    def __call__(self) -> Backend:
        """The backend, with every token that was added until now."""
        from tokenizers import Tokenizer as Backend

        size = self._whole.get_vocab_size(with_added_tokens=True)
        if self._made is None or self._made[0] != size:
            described = json.loads(self._whole.to_str())
            self._made = (size, Backend.from_str(json.dumps({**described, "post_processor": None})))
        return self._made[1]


def encode_items(
    backend: Backend, bare: Bare, items: Sequence[Item], options: CallOptions, lengths: Lengths, side: Side
) -> Rows:
    """Texts and pairs as rows, cut as `lengths` says.

    Raises:
        InputError: The vocabulary cannot write a text, or special tokens alone are too many.
    """
    with guarded("the texts cannot be encoded", InputError):
        whole = _encodings(backend, bare, items, options, lengths, side)
    rows = [(place, row) for place, first in enumerate(whole) for row in _rows(first, options)]
    encodings = [row for _, row in rows]
    columns: dict[str, list[list[Any]]] = {
        "input_ids": [list(row.ids) for row in encodings],
        "token_type_ids": [
            _types(row) if _is_cut_off(rows, number, backend) else list(row.type_ids)
            for number, row in enumerate(encodings)
        ],
        "special_tokens_mask": [list(row.special_tokens_mask) for row in encodings],
        "offset_mapping": [list(row.offsets) for row in encodings],
    }
    return Rows(columns, [place for place, _ in rows], encodings)


def _is_cut_off(rows: list[tuple[int, Encoding]], number: int, backend: Backend) -> bool:
    """Whether a row is what was cut off of the text before it, by a tokenizer whose types tell two texts apart."""
    continues = number > 0 and rows[number][0] == rows[number - 1][0]
    return continues and type(backend.post_processor).__name__ == "TemplateProcessing"


def _types(row: Encoding) -> list[int]:
    # Both texts of a pair were encoded by themselves, so that what was cut off does not know which one it is of.
    both = zip(row.sequence_ids, row.type_ids, strict=True)
    return [kind if sequence is None else sequence for sequence, kind in both]


def _rows(first: Encoding, options: CallOptions) -> list[Encoding]:
    return [first, *first.overflowing] if options.return_overflowing_tokens else [first]


def _encodings(
    backend: Backend, bare: Bare, items: Sequence[Item], options: CallOptions, lengths: Lengths, side: Side
) -> list[Encoding]:
    split, special = options.is_split_into_words, options.add_special_tokens
    if lengths.cut == "do_not_truncate" or lengths.limit is None:
        texts: Any = [item.text if item.pair is None else (item.text, item.pair) for item in items]
        return list(backend.encode_batch(texts, is_pretokenized=split, add_special_tokens=special))
    return [_cut(backend, bare(), item, options, lengths, side) for item in items]


def _cut(backend: Backend, bare: Backend, item: Item, options: CallOptions, lengths: Lengths, side: Side) -> Encoding:
    """One text or pair, cut before special tokens are put around it."""
    split, special = options.is_split_into_words, options.add_special_tokens
    first, *rest = (bare.encode(text, is_pretokenized=split) for text in (item.text, item.pair) if text is not None)
    second = rest[0] if rest else None
    room = (lengths.limit or 0) - (backend.num_special_tokens_to_add(second is not None) if special else 0)
    if room < 0:
        raise InputError(f"max_length={lengths.limit} has no room for the special tokens")
    if second is None:
        if lengths.cut == "only_second" and len(first) > room:
            raise InputError("truncation='only_second' cuts a second text, and there is none")
        _shorten(first, min(len(first), room), options, side)
    else:
        kept = cut_pair((len(first), len(second)), room, lengths.cut)
        _shorten(first, kept[0], options, side)
        _shorten(second, kept[1], options, side)
    return backend.post_process(first, second, special)


def _shorten(encoding: Encoding, length: int, options: CallOptions, side: Side) -> None:
    if length == len(encoding):
        return
    if 0 < length <= options.stride:
        raise InputError(f"stride={options.stride}, expected less than the {length} tokens that a row has room for")
    encoding.truncate(length, stride=options.stride, direction=side)
