"""The programs of a pair, traced, each with what it takes and gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import torch
from attrs import frozen
from torch import Tensor
from torch.export import ExportedProgram

from speechgraft.bridge import Bridge
from speechgraft.contracts import Connector, Encoder, InputKind
from speechgraft.errors import IncompatiblePairError, InputError
from speechgraft.export.graphs import MemoryGraph, ReadingGraph, StepGraph, first_cache
from speechgraft.export.ports import Port, Ports
from speechgraft.export.tracing import memory_shapes, reading_shapes, step_shapes, trace
from speechgraft.nn.cache import CacheTensors
from speechgraft.nn.masks import length_mask

_ROWS, _TOKENS, _FRAMES = 2, 3, 5
"""Sizes of the example; those of one tensor differ from each other, and none is one."""

INPUT_NAMES: Final[dict[InputKind, str]] = {
    "waveform": "input_values",
    "features": "input_features",
    "tokens": "input_ids",
}
"""What the encoder's input is called, by its kind."""

Shape = tuple[str | None, ...]
"""Names of the sizes that are free; the others are `None`."""


@frozen
class Program:
    """A program with its ports."""

    exported: ExportedProgram
    ports: Ports


class _Example(NamedTuple):
    """What the programs are shown, each what the one before it gave."""

    inputs: Tensor
    mask: Tensor
    memory: Tensor
    memory_mask: Tensor
    ids: Tensor
    cache: CacheTensors
    reading: tuple[int, ...]


@torch.no_grad()
def programs_of(model: Bridge) -> dict[str, Program]:
    """A pair as programs: encoder with connector, what cross-attention makes of a memory, and a decoder's step.

    Args:
        model: In eval mode. A CTC head is in none of them.

    Raises:
        InputError: It is in train mode.
        IncompatiblePairError: Its inputs cannot be so long that they give frames enough to trace with.
    """
    if any(part.training for part in model.modules()):
        raise InputError("the model is in train mode, in which dropout would be exported: call model.eval() first")
    example = _example(model)
    return {
        "encoder": _encoder(model, example),
        "cross_attention": _cross_attention(model, example),
        "decoder_step": _decoder_step(model, example),
    }


def _example(model: Bridge) -> _Example:
    inputs, mask = _inputs(model.encoder, model.connector)
    like = next(model.parameters())
    inputs = inputs.to(like.device, like.dtype if inputs.is_floating_point() else None)
    mask = mask.to(like.device)
    memory, memory_mask = MemoryGraph(model.encoder, model.connector)(inputs, mask)
    ids = torch.zeros(_ROWS, _TOKENS, dtype=torch.int64, device=like.device)
    cache, reading = first_cache(model.decoder, memory, memory_mask, ids)
    return _Example(inputs, mask, memory, memory_mask, ids[:, :1], cache, reading)


def _inputs(encoder: Encoder, connector: Connector) -> tuple[Tensor, Tensor]:
    """Rows of inputs, of which one is shorter, that give frames enough, and their mask."""
    length, most = encoder.minimum_length, encoder.max_positions
    while _frames(encoder, connector, length) < _FRAMES or length < _FRAMES:
        if most is not None and length >= most:
            raise IncompatiblePairError(
                f"an encoder of {most} inputs at the most gives no {_FRAMES} frames of memory, without which a pair "
                "cannot be traced"
            )
        length = 2 * length if most is None else min(2 * length, most)
    mask = length_mask(torch.tensor([length, length - 1]), length)
    if encoder.input_kind == "tokens":
        return torch.zeros(_ROWS, length, dtype=torch.int64), mask
    bins = (encoder.feature_size or 1,) if encoder.input_kind == "features" else ()
    noise = torch.randn(_ROWS, length, *bins, generator=torch.Generator().manual_seed(0))
    return noise * (mask[..., None] if bins else mask), mask


def _frames(encoder: Encoder, connector: Connector, length: int) -> int:
    return int(connector.output_lengths(encoder.output_lengths(torch.tensor([length])))[0])


def _encoder(model: Bridge, example: _Example) -> Program:
    shown = {INPUT_NAMES[model.encoder.input_kind]: example.inputs, "attention_mask": example.mask}
    exported = trace(MemoryGraph(model.encoder, model.connector), tuple(shown.values()), memory_shapes())
    inputs = tuple(_port(name, value, ("rows", "inputs")) for name, value in shown.items())
    return Program(exported, Ports(inputs, _memory_ports(example)))


def _cross_attention(model: Bridge, example: _Example) -> Program:
    exported = trace(ReadingGraph(model.decoder), (example.memory,), reading_shapes())
    return Program(exported, Ports(_memory_ports(example)[:1], _read_ports(example)))


def _decoder_step(model: Bridge, example: _Example) -> Program:
    cache = example.cache
    shown = example.ids, example.memory_mask, cache.memory, cache.tokens
    exported = trace(StepGraph(model.decoder, example.reading), shown, step_shapes(cache))
    layers = range(len(cache.tokens) // 2)
    seen, new = (
        _layer_ports(prefix, layers, cache.tokens, length) for prefix, length in (("", "seen"), ("new_", "seen + 1"))
    )
    ids = Port("input_ids", "int64", ("rows", 1))
    logits = Port("logits", _name(cache.tokens[0].dtype), ("rows", model.decoder.vocab_size))
    inputs = ids, _memory_ports(example)[1], *_read_ports(example), *seen
    return Program(exported, Ports(inputs, (logits, *new)))


def _memory_ports(example: _Example) -> tuple[Port, Port]:
    free = ("rows", "frames")
    return _port("memory", example.memory, free), _port("memory_mask", example.memory_mask, free)


def _read_ports(example: _Example) -> tuple[Port, ...]:
    return _layer_ports("memory_", example.reading, example.cache.memory, "frames")


def _layer_ports(prefix: str, layers: Sequence[int], tensors: Sequence[Tensor], length: str) -> tuple[Port, ...]:
    """Keys and values of layers. *Shapes:* (rows, heads, length, head_size) each."""
    names = [f"{prefix}{kind}_{layer}" for layer in layers for kind in ("keys", "values")]
    return tuple(_port(name, tensor, ("rows", None, length)) for name, tensor in zip(names, tensors, strict=True))


def _port(name: str, tensor: Tensor, free: Shape) -> Port:
    """The port of a tensor whose first sizes are free where they have a name."""
    names = (*free, *(None,) * (tensor.dim() - len(free)))
    shape = tuple(size if given is None else given for given, size in zip(names, tensor.shape, strict=True))
    return Port(name, _name(tensor.dtype), shape)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
