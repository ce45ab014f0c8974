"""What a public call refuses before a module sees it: each error names the row and what was expected."""

from __future__ import annotations

import torch
from torch import Tensor

from speechgraft.contracts import Decoder, Encoder, lengths_of
from speechgraft.errors import InputError
from speechgraft.nn.masks import is_right_padded

_SHAPES = {"waveform": "(batch, samples)", "features": "(batch, frames, bins)", "tokens": "(batch, tokens)"}


def check_encoder_inputs(encoder: Encoder, inputs: Tensor, attention_mask: Tensor | None) -> None:
    """Refuse inputs of another kind or shape, values that are not finite, bad masks and rows too short.

    Raises:
        InputError: Naming the row and what it lacks.
    """
    kind = encoder.input_kind
    expected = _SHAPES[kind]
    if inputs.dim() != expected.count(",") + 1:
        raise InputError(f"inputs have shape {tuple(inputs.shape)}, but this encoder takes a {kind} {expected}")
    if inputs.shape[0] == 0:
        raise InputError("the batch is empty")
    if kind == "tokens":
        if inputs.is_floating_point():
            raise InputError(f"inputs are {inputs.dtype}, but this encoder takes token ids (int64)")
    elif not inputs.is_floating_point():
        raise InputError(f"inputs are {inputs.dtype}, but a {kind} is floating point, within -1 and 1")
    if attention_mask is not None:
        check_mask(attention_mask, inputs.shape[:2], "attention_mask")
        lengths = lengths_of(attention_mask)
    else:
        lengths = torch.full((inputs.shape[0],), inputs.shape[1])
    _check_lengths(lengths, encoder.minimum_length, _SHAPES[kind].strip("()").split(", ")[1])
    if kind != "tokens" and not bool(torch.isfinite(inputs).all()):
        rows = (~torch.isfinite(inputs)).flatten(1).any(dim=1).nonzero().flatten().tolist()
        raise InputError(f"inputs hold NaN or infinity in row {_rows(rows)}")


def check_mask(mask: Tensor, shape: torch.Size | tuple[int, ...], name: str) -> None:
    """Refuse a mask of another shape, with other values than 0 and 1, or not right-padded.

    Raises:
        InputError: Saying which.
    """
    check_binary(mask, shape, name)
    gaps = (~is_right_padded(mask)).nonzero().flatten().tolist()
    if gaps:
        raise InputError(f"{name} is not right-padded (ones, then zeros) in row {_rows(gaps)}")


def check_binary(mask: Tensor, shape: torch.Size | tuple[int, ...], name: str) -> None:
    """Refuse a mask of another shape, or with other values than 0 and 1.

    Raises:
        InputError: Saying which.
    """
    if tuple(mask.shape) != tuple(shape):
        raise InputError(f"{name} has shape {tuple(mask.shape)}, but {tuple(shape)} was expected")
    if mask.dtype != torch.bool and not bool(((mask == 0) | (mask == 1)).all()):
        raise InputError(f"{name} holds other values than 0 and 1")


def _check_lengths(lengths: Tensor, minimum: int, unit: str) -> None:
    short = (lengths < minimum).nonzero().flatten().tolist()
    if short:
        has = ", ".join(str(int(lengths[row])) for row in short[:8])
        raise InputError(f"row {_rows(short)} has {has} {unit}, but the encoder needs at least {minimum}")


def check_ids(ids: Tensor, vocab_size: int, name: str, *, ignored: int | None = None) -> None:
    """Refuse ids outside the vocabulary, other than the `ignored` one.

    Raises:
        InputError: Naming the first such row and id.
    """
    if ids.is_floating_point() or ids.dim() != 2:
        found = f"{name} has shape {tuple(ids.shape)} of {ids.dtype}"
        raise InputError(f"{found}, but token ids (batch, tokens) were expected")
    if ids.numel() == 0:
        raise InputError(f"{name} has shape {tuple(ids.shape)}: there is no token in it")
    outside = (ids < 0) | (ids >= vocab_size)
    if ignored is not None:
        outside &= ids != ignored
    if bool(outside.any()):
        row, column = outside.nonzero()[0].tolist()
        raise InputError(
            f"{name} holds id {int(ids[row, column])} in row {row}, place {column}, but the vocabulary has "
            f"{vocab_size} tokens (0 to {vocab_size - 1})"
        )


def check_rows(rows: int, expected: int, name: str) -> None:
    """Refuse another number of rows than there are of what they go with.

    Raises:
        InputError: With both numbers.
    """
    if rows != expected:
        raise InputError(f"{name} has {rows} rows, but there are {expected} for it to go with")


def check_width(states: Tensor, width: int, name: str) -> None:
    """Refuse what is not (batch, length, `width`).

    Raises:
        InputError: With the shape that it has.
    """
    if states.dim() != 3 or states.shape[-1] != width:
        raise InputError(f"{name} has shape {tuple(states.shape)}, but (batch, length, {width}) was expected")


def check_positions(decoder: Decoder, tokens: int) -> None:
    """Refuse more tokens than the decoder has positions.

    Raises:
        InputError: Saying how many there are and how many were asked for.
    """
    if decoder.max_positions is not None and tokens > decoder.max_positions:
        raise InputError(f"{tokens} tokens were asked for, but the decoder has {decoder.max_positions} positions")


def _rows(rows: list[int]) -> str:
    shown = ", ".join(map(str, rows[:8]))
    return f"{shown}, ..." if len(rows) > 8 else shown
