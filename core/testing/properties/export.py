"""P13: `torch.export` traces encoder and decoder for any number of rows, inputs, tokens and frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from speechgraft.contracts import Decoder
from speechgraft.export.graphs import ReadingGraph, StepGraph, first_cache
from speechgraft.export.tracing import reading_shapes, step_shapes, trace
from speechgraft.registry import DecoderEntry, EncoderEntry
from speechgraft.testing.case import Case
from speechgraft.testing.models import drawn_decoder, drawn_encoder
from speechgraft.testing.strategies import draw_ids, inputs_for, make_batch, make_memory

_LOOK_AT = "Python that branches on values or sizes, .item(), .tolist(), int(), lists of rows; checks inside the module"

# torch.export takes a size of one, and one that is the same as another, for a constant.
_TRACED, _RUN = (2, 5, 7), (3, 4, 6)
"""Rows, tokens and frames of the example, and of what the program is given after it."""


@torch.no_grad()
def encoder(case: Case, entry: EncoderEntry) -> None:
    """An encoder traced on one batch gives its own frames of a batch of other sizes."""
    module = drawn_encoder(case, entry)
    (rows, *_), (other_rows, *_) = _TRACED, _RUN
    longest = min(inputs_for(module, 9), module.max_positions or inputs_for(module, 9))
    # At least one padded row each, and frames enough not to be taken for a single one.
    short, middle = max(longest - 3, module.minimum_length), max(longest - 1, module.minimum_length)
    example = make_batch(module, (longest,) + (short,) * (rows - 1), "noise", 0)
    batch = make_batch(module, (middle,) + (short,) * (other_rows - 1), "noise", 1)
    free = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}
    program = _traced(
        case,
        module,
        {"inputs": example.inputs, "attention_mask": example.mask},
        {"inputs": free, "attention_mask": free},
    )
    found, expected = (each(inputs=batch.inputs, attention_mask=batch.mask) for each in (program, module))
    case.same(found.frame_mask, expected.frame_mask, "the frame mask of the traced encoder", _LOOK_AT)
    case.close(found.last_hidden_state, expected.last_hidden_state, "frames of the traced encoder", _LOOK_AT)


class DecoderStep(nn.Module):
    """Logits of the last token behind those before it: a step of decoding without a cache, as it is traced.

    Args:
        decoder: Any decoder.
    """

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, ids: Tensor, mask: Tensor, memory: Tensor, memory_mask: Tensor) -> Tensor:
        """*Shapes:* `ids`, `mask` (rows, tokens); `memory` (rows, frames, size); to (rows, 1, vocabulary)."""
        decoded: Tensor = self.decoder(ids, mask, memory=memory, memory_mask=memory_mask, last_only=True).logits
        return decoded


@torch.no_grad()
def decoder(case: Case, entry: DecoderEntry) -> None:
    """A decoder's step traced on some tokens and a memory gives its own logits of others, of other sizes."""
    step = DecoderStep(drawn_decoder(case, entry))
    example, other = (_step_inputs(step.decoder, seed, *sizes) for seed, sizes in enumerate((_TRACED, _RUN)))
    program = _traced(case, step, example, {name: {0: Dim.DYNAMIC, 1: Dim.DYNAMIC} for name in example})
    case.close(program(**other), step(**other), "logits of the traced step", _LOOK_AT)


@torch.no_grad()
def cached_step(case: Case, entry: DecoderEntry) -> None:
    """A step traced on the flat tensors of a cache goes on, from a cache without tokens, as the decoder without one."""
    plain = drawn_decoder(case, entry)
    example, other = (_step_inputs(plain, seed, *sizes) for seed, sizes in enumerate((_TRACED, _RUN)))
    ids, mask, memory, memory_mask = example.values()
    kept, reading = first_cache(plain, memory, memory_mask, ids[:, 1:])
    shown = ids[:, :1], memory_mask, kept.memory, kept.tokens
    step = _traced(case, StepGraph(plain, reading), shown, step_shapes(kept))
    read = _traced(case, ReadingGraph(plain), (memory,), reading_shapes())
    ids, mask, memory, memory_mask = other.values()
    crossed = read(memory)
    tokens = tuple(each.new_empty(len(ids), each.shape[1], 0, each.shape[3]) for each in kept.tokens)
    expected = plain(ids, mask, memory=memory, memory_mask=memory_mask).logits  # (rows, tokens, vocabulary)
    for place in range(ids.shape[1]):
        logits, tokens = step(ids[:, place : place + 1], memory_mask, crossed, tokens)
        what = f"logits of the traced step on a cache of {place}"
        case.close(logits, expected[:, place], what, _LOOK_AT)


def _step_inputs(decoder: Decoder, seed: int, rows: int, tokens: int, frames: int) -> dict[str, Tensor]:
    """What a `DecoderStep` takes, one frame of each memory masked."""
    memory = make_memory(decoder.memory_size, (frames,) + (frames - 1,) * (rows - 1), seed)
    ids = draw_ids(seed, decoder, rows, tokens)
    return {"ids": ids, "mask": torch.ones_like(ids), "memory": memory.frames, "memory_mask": memory.mask}


def _traced(
    case: Case, module: nn.Module, example: Mapping[str, Tensor] | tuple[Any, ...], shapes: Any
) -> Callable[..., Any]:
    """The program of a module. What goes wrong while tracing is an error of its own, with its own words."""
    try:
        return trace(module, example, shapes).module()
    except Exception as error:
        what = f"torch.export does not trace it: {type(error).__name__}: {str(error).strip()[:500]}"
        raise AssertionError(case.message(what, _LOOK_AT)) from error
