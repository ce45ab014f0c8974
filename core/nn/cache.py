"""Keys and values kept between the steps of decoding.

Self-attention's are preallocated and grow by doubling; only their small generated part is ever
reordered. Cross-attention's are computed once an utterance and shared by all its rows (beams).
"""

from __future__ import annotations

import torch
from torch import Tensor


class SelfStore:
    """Keys and values of one layer's self-attention: (rows, heads, capacity, head_size)."""

    def __init__(self) -> None:
        self.length = 0
        self._keys: Tensor | None = None
        self._values: Tensor | None = None

    @property
    def rows(self) -> int | None:
        """How many rows there are, `None` before the first place."""
        return None if self._keys is None else self._keys.shape[0]

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add new places and return everything so far. *Shapes:* (rows, heads, new, head_size)."""
        end = self.length + keys.shape[2]
        self._keys = _put(self._keys, keys, self.length, end)
        self._values = _put(self._values, values, self.length, end)
        self.length = end
        return self._keys[:, :, :end], self._values[:, :, :end]

    def select(self, rows: Tensor) -> None:
        """Row `i` goes on from what was row `rows[i]`."""
        if self._keys is not None and self._values is not None:
            self._keys = self._keys[:, :, : self.length].index_select(0, rows)
            self._values = self._values[:, :, : self.length].index_select(0, rows)

    def repeat(self, times: int) -> None:
        """Go on with `times` rows for each row, side by side."""
        if self._keys is not None and self._values is not None:
            self._keys = self._keys[:, :, : self.length].repeat_interleave(times, dim=0)
            self._values = self._values[:, :, : self.length].repeat_interleave(times, dim=0)

    def crop(self, length: int) -> None:
        """Forget every place from `length` on."""
        self.length = min(self.length, length)


def _put(kept: Tensor | None, new: Tensor, start: int, end: int) -> Tensor:
    """`new` written behind the first `start` places of `kept`, in place where nothing is differentiated."""
    if new.requires_grad:
        return new if kept is None else torch.cat([kept[:, :, :start], new], dim=2)
    if kept is None or kept.shape[2] < end:
        rows, heads, _, head_size = new.shape
        grown = new.new_empty(rows, heads, max(2 * start, end, 16), head_size)
        if kept is not None:
            grown[:, :, :start] = kept[:, :, :start]
        kept = grown
    kept[:, :, start:end] = new
    return kept


class CrossStore:
    """Keys and values of one layer's cross-attention: (utterances, heads, frames, head_size)."""

    def __init__(self) -> None:
        self._kept: tuple[Tensor, Tensor] | None = None

    @property
    def filled(self) -> bool:
        """Whether a memory has been read."""
        return self._kept is not None

    def fill(self, keys: Tensor, values: Tensor) -> None:
        """Keep what was made of a memory."""
        self._kept = keys, values

    def read(self) -> tuple[Tensor, Tensor]:
        """What `fill` was given."""
        assert self._kept is not None, "filled by the first call with a memory"
        return self._kept

    def select(self, utterances: Tensor) -> None:
        """Utterance `i` is from now on what was utterance `utterances[i]`."""
        if self._kept is not None:
            keys, values = self._kept
            self._kept = keys.index_select(0, utterances), values.index_select(0, utterances)


class DecoderCache:
    """What a decoder keeps of one batch between steps: one `SelfStore` and `CrossStore` a layer.

    Attributes:
        rows_per_utterance: Rows that share one utterance of the memory (the beams), 1 at first.
        memory_mask: (utterances, frames), bool, kept from the call that brought the memory.
    """

    def __init__(self, layers: int) -> None:
        self.self_stores = [SelfStore() for _ in range(layers)]
        self.cross_stores = [CrossStore() for _ in range(layers)]
        self.rows_per_utterance = 1
        self.memory_mask: Tensor | None = None

    @property
    def length(self) -> int:
        """Tokens seen so far."""
        return self.self_stores[0].length if self.self_stores else 0

    @property
    def rows(self) -> int | None:
        """How many rows there are, `None` before the first call."""
        return self.self_stores[0].rows if self.self_stores else None

    def remember_mask(self, memory_mask: Tensor | None) -> Tensor | None:
        """Keep the mask that came with the memory, or give back the one that was kept."""
        if memory_mask is not None:
            self.memory_mask = memory_mask
        return self.memory_mask

    def reorder(self, rows: Tensor) -> None:
        """Row `i` goes on from what was row `rows[i]`; the number of rows may change.

        Rows that share an utterance stay together: `rows` holds `rows_per_utterance` rows of one
        utterance after another. *Shapes:* (rows,), int64.
        """
        utterances = rows.view(-1, self.rows_per_utterance)[:, 0] // self.rows_per_utterance
        for store in self.self_stores:
            store.select(rows)
        kept = torch.arange(len(utterances), device=rows.device)
        if len(utterances) != self._utterances() or not torch.equal(utterances, kept):
            self._select_utterances(utterances)

    def keep_rows(self, utterances: Tensor) -> None:
        """Go on with these utterances alone, with all their rows. *Shapes:* (utterances,), int64."""
        offsets = torch.arange(self.rows_per_utterance, device=utterances.device)
        self.reorder((utterances[:, None] * self.rows_per_utterance + offsets).flatten())

    def expand(self, times: int) -> None:
        """Go on with `times` rows for each row, side by side; the memory is not copied."""
        for store in self.self_stores:
            store.repeat(times)
        self.rows_per_utterance *= times

    def crop(self, length: int) -> None:
        """Forget every token from place `length` on."""
        for store in self.self_stores:
            store.crop(length)

    def _utterances(self) -> int:
        filled = next((store for store in self.cross_stores if store.filled), None)
        return -1 if filled is None else filled.read()[0].shape[0]

    def _select_utterances(self, utterances: Tensor) -> None:
        for store in self.cross_stores:
            store.select(utterances)
        if self.memory_mask is not None:
            self.memory_mask = self.memory_mask.index_select(0, utterances)
