"""Layers one after another: LayerDrop, gradient checkpointing, and what was asked to be kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from speechgraft.nn.cache import DecoderCache
from speechgraft.nn.masks import both, causal_mask, key_mask


class StackOutput(NamedTuple):
    """The last hidden state, and on request every layer's (the input first) and the attention weights."""

    hidden: Tensor
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None


class _Stack(nn.Module):
    """What encoder and decoder stacks share.

    Args:
        layers: The layers, first to last.
        layerdrop: Probability with which a layer is left out in training (Fan et al. 2020, section 3.2).
    """

    def __init__(self, layers: Iterable[nn.Module], *, layerdrop: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.layerdrop = layerdrop
        self.gradient_checkpointing = False
        self.checkpointed_every = 1  # of so many layers one is run again in the backward pass, the first of them

    def _run(self, index: int, layer: nn.Module, *inputs: Any, **options: Any) -> Any:
        again = self.gradient_checkpointing and index % self.checkpointed_every == 0
        # What fills a cache runs once: run again in the backward pass, it would fill it twice.
        if again and self.training and options.get("stores") is None:
            return checkpoint(layer, *inputs, use_reentrant=False, **options)
        return layer(*inputs, **options)

    def _is_dropped(self) -> bool:
        return self.training and self.layerdrop > 0.0 and bool(torch.rand([]) < self.layerdrop)


class EncoderStack(_Stack):
    """Encoder layers one after another."""

    def forward(
        self,
        hidden: Tensor,
        mask: Tensor | None = None,
        *shared: Any,
        keep_states: bool = False,
        keep_weights: bool = False,
    ) -> StackOutput:
        """*Shapes:* `hidden` (batch, frames, size), `mask` (batch, 1, 1, frames); `shared` goes to every layer."""
        states, attentions = [hidden], []
        for index, layer in enumerate(self.layers):
            if self._is_dropped():
                hidden = skip(layer, hidden)
            else:
                hidden, weights = self._run(index, layer, hidden, mask, *shared, need_weights=keep_weights)
                attentions.append(weights)
            states.append(hidden)
        return StackOutput(hidden, tuple(states) if keep_states else None, tuple(attentions) if keep_weights else None)


class DecoderStack(_Stack):
    """Decoder layers one after another, each with its own stores of the cache."""

    def forward(
        self,
        hidden: Tensor,
        mask: Tensor | None,
        memory: Tensor | None,
        memory_mask: Tensor | None,
        cache: DecoderCache | None,
        *,
        keep_states: bool = False,
        keep_weights: bool = False,
    ) -> StackOutput:
        """Decode new tokens, each of which sees those before it and the memory.

        *Shapes:* `hidden` (rows, tokens, size); `mask` (rows, tokens seen and new), true or 1 for tokens that count;
        `memory` (utterances, frames, memory_size), `memory_mask` (utterances, frames), kept in the `cache` from the
        call that brought the memory.
        """
        tokens, seen = hidden.shape[1], 0 if cache is None else cache.length
        if cache is not None:
            memory_mask = cache.remember_mask(memory_mask)
        visible = both(causal_mask(tokens, seen + tokens, hidden.device), key_mask(mask))
        frames = key_mask(memory_mask)
        states, attentions, cross_attentions = [hidden], [], []
        for index, layer in enumerate(self.layers):
            # A layer that is left out keeps nothing of these tokens, which later calls on the cache would miss.
            if cache is None and self._is_dropped():
                hidden = skip(layer, hidden)
            else:
                stores = (cache.self_stores[index], cache.cross_stores[index]) if cache is not None else None
                hidden, weights, cross_weights = self._run(
                    index, layer, hidden, visible, memory, frames, stores=stores, need_weights=keep_weights
                )
                attentions.append(weights)
                cross_attentions.append(cross_weights)
            states.append(hidden)
        attended = keep_weights and all(weights is not None for weights in cross_attentions)
        return StackOutput(
            hidden,
            tuple(states) if keep_states else None,
            tuple(attentions) if keep_weights else None,
            tuple(cross_attentions) if attended else None,
        )


def skip(layer: nn.Module, hidden: Tensor) -> Tensor:
    """Leave a layer out. Where training is distributed its parameters still take part, with no weight."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return hidden + 0.0 * sum(parameter.sum() for parameter in layer.parameters())
    return hidden
