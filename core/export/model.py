"""Exported programs in the places of an encoder and a decoder, so that a pair of them does all that a pair does."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Self

import torch
from torch import Tensor, nn

from speechgraft.bridge import Bridge
from speechgraft.contracts import Decoder, DecoderOutput, Encoder, EncoderOutput
from speechgraft.errors import CheckpointError, InputError
from speechgraft.export.programs import INPUT_NAMES
from speechgraft.export.runtime import Runnable
from speechgraft.nn.cache import DecoderCache
from speechgraft.nn.masks import is_right_padded


class ExportedPair(Bridge):
    """A pair whose encoder and decoder are programs: float32, on the CPU, as they were exported."""

    def train(self, mode: bool = True) -> Self:
        """As torch's; there is no train mode.

        Raises:
            InputError: It is asked for.
        """
        if mode:
            raise InputError("an exported pair cannot be trained: train the pair that it was made of, and export again")
        return super().train(mode)

    def save_pretrained(self, save_directory: str | PathLike[str]) -> None:
        """There are no weights to save.

        Raises:
            InputError: Always.
        """
        raise InputError(f"an exported pair is not saved to {save_directory}: copy the folder that it was loaded from")

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """What `to`, `half`, `cuda` and the like do."""
        found = fn(torch.empty(0))
        if found.dtype != torch.float32 or found.device.type != "cpu":
            raise InputError(
                f"an exported pair computes in float32 on the CPU, not in {found.dtype} on {found.device}: "
                "move the pair that it was made of"
            )
        moved: Self = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return moved


class ExportedEncoder(Encoder):
    """The program of an encoder and its connector: inputs in, memory out.

    Args:
        program: What runs it.
        pair: The pair that it was made of, which needs no weights.
    """

    def __init__(self, program: Runnable, pair: Bridge) -> None:
        super().__init__()
        encoder = pair.encoder
        self.config = encoder.config
        self.input_kind = encoder.input_kind
        self.output_size = pair.connector.output_size
        self.feature_size = encoder.feature_size
        self.vocab_size = encoder.vocab_size
        self.max_positions = encoder.max_positions
        # Tells of what type inputs are, and where; it holds nothing, and learns nothing.
        self.like = nn.Parameter(torch.empty(0), requires_grad=False)
        self._program = program
        self._pair = (pair,)  # in a tuple, since it is no part of this module
        expected = [INPUT_NAMES[self.input_kind], "attention_mask"]
        found = [port.name for port in program.ports.inputs]
        if found != expected:
            raise CheckpointError(f"the encoder's program takes {found}, expected {expected}")

    def output_lengths(self, input_lengths: Tensor) -> Tensor:
        """Frames of memory. *Shapes:* (batch,) to (batch,)."""
        [pair] = self._pair
        return pair.connector.output_lengths(pair.encoder.output_lengths(input_lengths))

    @property
    def minimum_length(self) -> int:
        """The shortest input that gives a frame."""
        return self._pair[0].encoder.minimum_length

    @property
    def feature_encoder(self) -> None:
        """Nothing here can be trained, or frozen."""

    def forward(
        self,
        inputs: Tensor,
        attention_mask: Tensor | None = None,
        *,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> EncoderOutput:
        """Memory of a batch; see `Encoder.forward`.

        Raises:
            InputError: Hidden states or attention weights are asked for, which the program does not give.
        """
        _refuse_inside(output_attentions, output_hidden_states)
        mask = torch.ones(inputs.shape[:2]) if attention_mask is None else attention_mask
        memory, memory_mask = self._program(inputs, mask.bool())
        return EncoderOutput(last_hidden_state=memory, frame_mask=memory_mask)

    def init_weights(self, module: nn.Module) -> None:
        """Nothing: weights are in the program."""


class ExportedDecoder(Decoder):
    """The programs of a decoder: what cross-attention makes of a memory, and a step.

    Args:
        cross_attention: What reads a memory.
        step: What decodes one token more.
        pair: The pair that they were made of, which needs no weights.
    """

    def __init__(self, cross_attention: Runnable, step: Runnable, pair: Bridge) -> None:
        super().__init__()
        decoder = pair.decoder
        self.config = decoder.config
        self.vocab_size = decoder.vocab_size
        self.hidden_size = decoder.hidden_size
        self.memory_size = decoder.memory_size
        self.max_positions = decoder.max_positions
        self.cross_attention = decoder.cross_attention
        self._cross_attention = cross_attention
        self._step = step
        self._heads = _heads(step)
        self._reading = _layers(step, cross_attention)

    def new_cache(self) -> DecoderCache:
        """An empty key/value cache for one batch of utterances."""
        return DecoderCache(len(self._heads))

    def embed(self, input_ids: Tensor) -> Tensor:
        """There are no embeddings outside the program.

        Raises:
            InputError: Always.
        """
        raise InputError("an exported decoder takes token ids alone: its embeddings are within the program")

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        inputs_embeds: Tensor | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        cache: DecoderCache | None = None,
        last_only: bool = False,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> DecoderOutput:
        """Decode token by token; see `Decoder.forward`.

        Raises:
            InputError: Something is passed or asked for that the program does not know: embeddings, masked tokens
                before others, hidden states or attention weights.
        """
        _refuse_inside(output_attentions, output_hidden_states)
        if input_ids is None or inputs_embeds is not None:
            raise InputError("an exported decoder takes token ids, no embeddings: those are within the program")
        # What is masked at the end of a row changes nothing before it.
        if attention_mask is not None and not bool(is_right_padded(attention_mask).all()):
            raise InputError("an exported decoder knows no masked tokens but at the end of a row")
        kept = self.new_cache() if cache is None else cache
        if memory is not None:
            self._read(memory, memory_mask, kept)
        logits = [self._next(input_ids[:, place : place + 1], kept) for place in range(input_ids.shape[1])]
        return DecoderOutput(logits=torch.stack(logits[-1:] if last_only else logits, dim=1), cache=cache)

    def init_weights(self, module: nn.Module) -> None:
        """Nothing: weights are in the programs."""

    def _read(self, memory: Tensor, memory_mask: Tensor | None, cache: DecoderCache) -> None:
        """Keep what cross-attention makes of a memory."""
        found = self._cross_attention(memory)
        for layer, keys, values in zip(self._reading, found[::2], found[1::2], strict=True):
            cache.cross_stores[layer].fill(keys, values)
        cache.remember_mask(torch.ones(memory.shape[:2]).bool() if memory_mask is None else memory_mask.bool())

    def _next(self, ids: Tensor, cache: DecoderCache) -> Tensor:
        """Logits behind one token more of each row. *Shapes:* (rows, 1) to (rows, vocabulary)."""
        beams = cache.rows_per_utterance
        assert cache.memory_mask is not None, "kept with the memory"
        memory = [cache.memory_mask, *(each for layer in self._reading for each in cache.cross_stores[layer].read())]
        if beams > 1:
            memory = [each.repeat_interleave(beams, dim=0) for each in memory]
        tokens = cache.read().tokens if cache.length else self._nothing_seen(len(ids))
        logits, *kept = self._step(ids, *memory, *tokens)
        for store, keys, values in zip(cache.self_stores, kept[::2], kept[1::2], strict=True):
            store.restore(keys, values)
        return logits

    def _nothing_seen(self, rows: int) -> list[Tensor]:
        """The cache of rows without a token."""
        return [torch.empty(rows, heads, 0, size) for heads, size in self._heads for _ in ("keys", "values")]


def _heads(step: Runnable) -> list[tuple[int, int]]:
    """Heads and their width, of the self-attention of each layer."""
    found = [port.shape for port in step.ports.inputs if port.name.startswith("keys_")]
    if not all(len(shape) == 4 and isinstance(shape[1], int) and isinstance(shape[3], int) for shape in found):
        raise CheckpointError(f"the decoder's step takes keys of {found}, expected (rows, heads, seen, head size)")
    return [(int(heads), int(size)) for _, heads, _, size in found]


def _layers(step: Runnable, cross_attention: Runnable) -> tuple[int, ...]:
    """The layers that attend to a memory; what the programs take and give fits together.

    Raises:
        CheckpointError: It does not.
    """
    count = sum(port.name.startswith("keys_") for port in step.ports.inputs)
    read = [port.name for port in cross_attention.ports.outputs]
    numbers = [name.removeprefix("memory_keys_") for name in read[::2]]
    layers = [layer for layer in range(count) if str(layer) in numbers]
    kept = [f"{kind}_{layer}" for layer in range(count) for kind in ("keys", "values")]
    memory = [f"memory_{kind}_{layer}" for layer in layers for kind in ("keys", "values")]
    sides = (
        (read, memory),
        ([port.name for port in step.ports.inputs], ["input_ids", "memory_mask", *memory, *kept]),
        ([port.name for port in step.ports.outputs], ["logits", *(f"new_{name}" for name in kept)]),
    )
    for found, wanted in sides:
        if found != wanted or not layers:
            raise CheckpointError(f"the decoder's programs do not fit: there are {found}, expected {wanted}")
    return tuple(layers)


def _refuse_inside(attentions: bool, states: bool) -> None:
    if attentions or states:
        name = "output_attentions" if attentions else "output_hidden_states"
        raise InputError(f"{name}=True, but an exported program gives neither attention weights nor hidden states")
