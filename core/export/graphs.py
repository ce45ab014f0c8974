"""What is traced of a pair: the encoder with its connector, what the decoder reads of a memory, and a decoder's step.

Each is a module that takes and gives plain tensors and checks no values.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from speechgraft.contracts import Connector, Decoder, Encoder
from speechgraft.nn.cache import CacheTensors


class MemoryGraph(nn.Module):
    """Inputs to the memory that a decoder attends to.

    Args:
        encoder: Any encoder.
        connector: What stands between it and the decoder.
    """

    def __init__(self, encoder: Encoder, connector: Connector) -> None:
        super().__init__()
        self.encoder = encoder
        self.connector = connector

    def forward(self, inputs: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Encode and connect.

        *Shapes:* `inputs` as the encoder takes them, `attention_mask` (batch, inputs), bool, to the memory (batch,
        frames, memory_size) and what of it counts, (batch, frames), bool.
        """
        encoded = self.encoder(inputs, attention_mask)
        memory, memory_mask = self.connector(encoded.last_hidden_state, encoded.frame_mask)
        return memory, memory_mask


class ReadingGraph(nn.Module):
    """A memory to the keys and values that cross-attention makes of it, once an utterance.

    Args:
        decoder: Any decoder.
    """

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, memory: Tensor) -> tuple[Tensor, ...]:
        """*Shapes:* (utterances, frames, memory_size) to `CacheTensors.memory`."""
        cache = self.decoder.new_cache()
        for store in cache.self_stores:
            store.join()
        # Keys and values hang on no token: what the decoder makes of this one is no result, and left out.
        ids = torch.zeros(memory.shape[0], 1, dtype=torch.int64, device=memory.device)
        self.decoder(ids, memory=memory, cache=cache, last_only=True)
        return cache.read().memory


class StepGraph(nn.Module):
    """One more token of each row, on a cache of plain tensors.

    Args:
        decoder: Any decoder.
        reading: The layers that attend to a memory, see `first_cache`.
    """

    def __init__(self, decoder: Decoder, reading: Sequence[int]) -> None:
        super().__init__()
        self.decoder = decoder
        self.reading = tuple(reading)

    def forward(
        self, ids: Tensor, memory_mask: Tensor, memory: Sequence[Tensor], tokens: Sequence[Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits behind the new tokens, and the cache with them.

        *Shapes:* `ids` (rows, 1); `memory_mask` (rows, frames), bool; `memory` and `tokens` as in `CacheTensors`, at
        first without any token seen; to (rows, vocabulary) and the like of `tokens`, with one token more.
        """
        cache = self.decoder.new_cache()
        cache.restore(CacheTensors(tuple(tokens), tuple(memory)), self.reading, memory_mask)
        logits: Tensor = self.decoder(ids, cache=cache, last_only=True).logits[:, -1]
        return logits, cache.read().tokens


@torch.no_grad()
def first_cache(
    decoder: Decoder, memory: Tensor, memory_mask: Tensor, ids: Tensor
) -> tuple[CacheTensors, tuple[int, ...]]:
    """What a decoder keeps after tokens and a memory, and which of its layers attend to a memory.

    *Shapes:* `memory` (rows, frames, memory_size); `memory_mask` (rows, frames); `ids` (rows, tokens).
    """
    cache = decoder.new_cache()
    decoder(ids, memory=memory, memory_mask=memory_mask, cache=cache, last_only=True)
    return cache.read(), cache.reading
