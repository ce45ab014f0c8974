"""What a public call refuses before a module sees it: each error names the row and what was expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from speechgraft.contracts import Decoder, Encoder, lengths_of
from speechgraft.errors import InputError, counted
from speechgraft.nn.masks import is_right_padded

LARGEST_INPUT: Final = 1e9
"""The size from which a value is none of audio: samples lie within -1 and 1, features are logarithms."""

_TAKES = {
    "waveform": ("a waveform", "(batch, samples)", "sample"),
    "features": ("features", "(batch, frames, bins)", "frame"),
    "tokens": ("token ids", "(batch, tokens)", "token"),
}
"""By kind of input what it is, its shape, and what its length is counted in."""


def check_encoder_inputs(encoder: Encoder, inputs: Tensor, attention_mask: Tensor | None, name: str = "inputs") -> None:
    """Refuse inputs of another kind, type or shape, values that no audio has, bad masks and rows too short.

    Args:
        encoder: Whose inputs they are.
        inputs: As its `input_kind` says.
        attention_mask: (batch, inputs).
        name: What the caller calls the inputs, for messages.

    Raises:
        InputError: Naming the row and what it lacks.
    """
    check_tensor(inputs, name)
    kind, shape, _ = _TAKES[encoder.input_kind]
    if inputs.dim() != shape.count(",") + 1:
        raise InputError(f"{name} have shape {tuple(inputs.shape)}, but this encoder takes {kind} {shape}")
    if inputs.shape[0] == 0:
        raise InputError("the batch is empty")
    if encoder.input_kind == "features" and encoder.feature_size not in (None, inputs.shape[2]):
        bins = counted(inputs.shape[2], "bin")
        raise InputError(f"{name} have {bins} a frame, but this encoder takes {encoder.feature_size}")
    if encoder.input_kind == "tokens":
        _check_tokens(encoder, inputs, name)
    elif not inputs.is_floating_point():
        raise InputError(f"{name} are {inputs.dtype}, but this encoder takes {kind} of floating point")
    else:
        check_dtype(encoder, inputs, name)
    _check_inputs_mask(encoder, inputs, attention_mask)
    if encoder.input_kind != "tokens":
        _check_audio(inputs, name)


def check_embeddings(encoder: Encoder, embeds: Tensor, attention_mask: Tensor | None) -> None:
    """Refuse embeddings of another type or width than the encoder's, more than it has positions, bad masks.

    *Shapes:* `embeds` (batch, tokens, embedding_size); `attention_mask` (batch, tokens).

    Raises:
        InputError: Saying which, and naming the row.
    """
    check_tensor(embeds, "inputs_embeds")
    if encoder.embedding_size is not None:
        check_width(embeds, encoder.embedding_size, "inputs_embeds")
    check_dtype(encoder, embeds, "inputs_embeds")
    check_positions(encoder, embeds.shape[1], "encoder")
    _check_inputs_mask(encoder, embeds, attention_mask)
    _check_finite(embeds, "inputs_embeds")


def check_tensor(value: object, name: str) -> None:
    """Refuse what is no tensor.

    Raises:
        InputError: With what it is.
    """
    if not isinstance(value, Tensor):
        kind = type(value)
        shown = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
        raise InputError(f"{name} is a {shown}, but a tensor was expected: torch.as_tensor({name}) makes one")


def check_dtype(part: nn.Module, values: Tensor, name: str) -> None:
    """Refuse values of another floating type than the parameters of what is to compute with them.

    Under autocast the types that it changes go together; in a run over several processes parameters may be changed
    as they are used, and nothing is refused.

    Raises:
        InputError: With both types.
    """
    own = next((parameter.dtype for parameter in part.parameters() if parameter.is_floating_point()), values.dtype)
    if own == values.dtype or _types_change(values, own):
        return
    made = "float()" if own == torch.float32 else f"to({own})"
    raise InputError(
        f"{name} are {values.dtype}, but the model's parameters are {own}: pass {name}.{made}, or move the model by "
        f"model.to({values.dtype})"
    )


def _types_change(values: Tensor, own: torch.dtype) -> bool:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return True
    return torch.is_autocast_enabled(values.device.type) and torch.float64 not in (values.dtype, own)


def _check_tokens(encoder: Encoder, ids: Tensor, name: str) -> None:
    if not is_integral(ids):
        raise InputError(f"{name} are {ids.dtype}, but this encoder takes token ids (int64)")
    if encoder.vocab_size is not None:
        check_ids(ids, encoder.vocab_size, name)
    check_positions(encoder, ids.shape[1], "encoder")


def _check_inputs_mask(encoder: Encoder, inputs: Tensor, mask: Tensor | None) -> None:
    """What counts of audio is each row's beginning; of tokens it may lie anywhere, but somewhere."""
    if mask is None:
        lengths = torch.full((inputs.shape[0],), inputs.shape[1])
    else:
        check = check_binary if encoder.input_kind == "tokens" else check_mask
        check(mask, inputs.shape[:2], "attention_mask")
        lengths = lengths_of(mask)
    _check_lengths(lengths, encoder.minimum_length, _TAKES[encoder.input_kind][2])


def _check_audio(values: Tensor, name: str) -> None:
    """NaN is not between any limits."""
    low, high = values.aminmax()
    if bool((low > -LARGEST_INPUT) & (high < LARGEST_INPUT)):
        return
    _check_finite(values, name)
    sizes = values.abs().flatten(1).amax(dim=1)  # (batch,)
    row = int((sizes >= LARGEST_INPUT).nonzero()[0])
    raise InputError(f"{name} reach {float(sizes[row]):.3g} in row {row}, but samples of audio lie within -1 and 1")


def _check_finite(values: Tensor, name: str) -> None:
    if not bool(torch.isfinite(values).all()):
        rows = (~torch.isfinite(values)).flatten(1).any(dim=1).nonzero().flatten().tolist()
        raise InputError(f"{name} hold NaN or infinity in row {_rows(rows)}")


def is_integral(values: Tensor) -> bool:
    """Whether values are whole numbers, and no truth values."""
    return not (values.is_floating_point() or values.is_complex() or values.dtype == torch.bool)


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
    check_tensor(mask, name)
    if tuple(mask.shape) != tuple(shape):
        raise InputError(f"{name} has shape {tuple(mask.shape)}, but {tuple(shape)} was expected")
    if mask.dtype != torch.bool and not bool(((mask == 0) | (mask == 1)).all()):
        raise InputError(f"{name} holds other values than 0 and 1")


def _check_lengths(lengths: Tensor, minimum: int, unit: str) -> None:
    short = (lengths < minimum).nonzero().flatten().tolist()
    if short:
        *first, last = short[:_SHOWN]
        found = [*(f"row {row} has {int(lengths[row])}" for row in first), f"row {last} has "]
        more = ", ..." if len(short) > _SHOWN else ""
        shown = ", ".join(found) + counted(int(lengths[last]), unit) + more
        raise InputError(f"{shown}, but the encoder needs at least {minimum}")


def check_ids(ids: Tensor, vocab_size: int, name: str, *, ignored: int | None = None) -> None:
    """Refuse ids outside the vocabulary, other than the `ignored` one.

    Raises:
        InputError: Naming the first such row and id.
    """
    check_tensor(ids, name)
    if not is_integral(ids) or ids.dim() != 2:
        found = f"{name} has shape {tuple(ids.shape)} of {ids.dtype}"
        raise InputError(f"{found}, but token ids (batch, tokens) were expected")
    if ids.numel() == 0:
        raise InputError(f"{name} has shape {tuple(ids.shape)}: there is no token in it")
    place = _outside(ids, vocab_size, ignored)
    if place is not None:
        row, column = place
        raise InputError(
            f"{name} holds id {int(ids[row, column])} in row {row}, place {column}, but the vocabulary has "
            f"{vocab_size} tokens (0 to {vocab_size - 1})"
        )


def check_token_rows(ids: Tensor, rows: int, name: str) -> None:
    """Refuse what is not a row of whole numbers for each of so many rows.

    Raises:
        InputError: With the shape and the type that it has.
    """
    check_tensor(ids, name)
    if not is_integral(ids) or ids.dim() != 2 or len(ids) != rows:
        found = f"{name} has shape {tuple(ids.shape)} of {ids.dtype}"
        raise InputError(f"{found}, but token ids ({rows}, tokens) were expected")


def check_id_options(
    counts: Mapping[str, int], options: Mapping[str, Any], shape: tuple[int, ...], *, prefix: str = ""
) -> None:
    """Refuse ids of an option that there are not, or that do not lie beside the tokens.

    Args:
        counts: How many ids there are, by option.
        options: What was passed.
        shape: (batch, tokens) of what they go with; one row of ids goes with all.
        prefix: Of the options' names, for messages.

    Raises:
        InputError: Naming the first such row and id.
    """
    for option, count in counts.items():
        ids, name = options.get(option), prefix + option
        if ids is None:
            continue
        check_tensor(ids, name)
        if not is_integral(ids) or tuple(ids.shape) not in (tuple(shape), (1, *shape[1:])):
            found = f"{name} has shape {tuple(ids.shape)} of {ids.dtype}"
            raise InputError(f"{found}, but ids of shape {tuple(shape)} were expected")
        place = _outside(ids, count)
        if place is not None:
            row, column = place
            found = f"{name} holds {int(ids[row, column])} in row {row}, place {column}"
            raise InputError(f"{found}, but there are {count} (0 to {count - 1})")


def _outside(ids: Tensor, count: int, ignored: int | None = None) -> tuple[int, int] | None:
    """Row and place of the first id that is not below `count`, other than the `ignored` one."""
    outside = (ids < 0) | (ids >= count)
    if ignored is not None:
        outside &= ids != ignored
    if not bool(outside.any()):
        return None
    row, column = outside.nonzero()[0].tolist()
    return row, column


def check_rows(rows: int, expected: int, name: str) -> None:
    """Refuse another number of rows than there are of what they go with.

    Raises:
        InputError: With both numbers.
    """
    if rows != expected:
        raise InputError(f"{name} has {counted(rows, 'row')}, but there are {expected} for it to go with")


def check_width(states: Tensor, width: int, name: str) -> None:
    """Refuse what is not (batch, length, `width`).

    Raises:
        InputError: With the shape that it has.
    """
    check_tensor(states, name)
    if states.dim() != 3 or states.shape[-1] != width:
        raise InputError(f"{name} has shape {tuple(states.shape)}, but (batch, length, {width}) was expected")


def check_positions(part: Encoder | Decoder, tokens: int, role: str = "decoder") -> None:
    """Refuse more tokens than a part has positions.

    Raises:
        InputError: Saying how many there are and how many were asked for.
    """
    if part.max_positions is not None and tokens > part.max_positions:
        positions = counted(part.max_positions, "position")
        raise InputError(f"{counted(tokens, 'token')} were asked for, but the {role} has {positions}")


def check_memory(
    decoder: Decoder, memory: Tensor | None, mask: Tensor | None, rows: int, *, read: bool = False
) -> None:
    """Refuse a memory that a language model cannot attend to.

    Args:
        decoder: Whose memory it is.
        memory: (rows, frames, memory_size), if there is any.
        mask: (rows, frames).
        rows: How many there have to be.
        read: Whether a memory was read before, so that a mask may come without.

    Raises:
        InputError: Saying why.
    """
    if memory is None:
        if mask is not None and not read:
            raise InputError("encoder_attention_mask was passed without encoder_hidden_states")
        return
    if not decoder.takes_memory:
        raise InputError(
            "encoder_hidden_states were passed, but the model was built without cross-attention: set "
            "add_cross_attention=True in its config"
        )
    check_width(memory, decoder.memory_size, "encoder_hidden_states")
    check_dtype(decoder, memory, "encoder_hidden_states")
    check_rows(len(memory), rows, "encoder_hidden_states")
    if mask is not None:
        check_binary(mask, memory.shape[:2], "encoder_attention_mask")


_SHOWN: Final = 8
"""Rows that a message names."""


def _rows(rows: list[int]) -> str:
    shown = ", ".join(map(str, rows[:_SHOWN]))
    return f"{shown}, ..." if len(rows) > _SHOWN else shown
