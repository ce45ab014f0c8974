"""Keys and values kept between the steps of decoding.

Self-attention's are preallocated and grow by doubling; of them only the places are ever reordered at which the
rows of an utterance differ. Cross-attention's are computed once an utterance and shared by all its rows (beams).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from speechgraft.errors import InputError

_FIRST = 16
"""Places of the first buffer."""


class SelfStore:
    """Keys and values of one layer's self-attention.

    Attributes:
        length: Places seen so far.
    """

    def __init__(self) -> None:
        self.length = 0
        self._spare = True  # whether there may be places behind the last one, to be written in place
        # (capacity, rows, heads, head_size): a step writes one stretch of memory, a reordering moves one.
        self._keys: Tensor | None = None
        self._values: Tensor | None = None

    @property
    def rows(self) -> int | None:
        """How many rows there are, `None` before the first place."""
        return None if self._keys is None else self._keys.shape[1]

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add new places and return everything so far. *Shapes:* (rows, heads, new, head_size)."""
        end = self.length + keys.shape[2]
        self._keys = _put(self._keys, keys.permute(2, 0, 1, 3), self.length, end, spare=self._spare)
        self._values = _put(self._values, values.permute(2, 0, 1, 3), self.length, end, spare=self._spare)
        self.length = end
        return self.read()

    def read(self) -> tuple[Tensor, Tensor]:
        """Keys and values so far. *Shapes:* (rows, heads, places, head_size)."""
        assert self._keys is not None and self._values is not None, "filled by the first call"
        return self._keys[: self.length].permute(1, 2, 0, 3), self._values[: self.length].permute(1, 2, 0, 3)

    def join(self) -> None:
        """From now on join new places to the others and write none in place, as a traced program has to."""
        self._spare = False

    def restore(self, keys: Tensor, values: Tensor) -> None:
        """Go on from what `read` gave, of which there may be no place at all, as after `join`."""
        self._keys, self._values = keys.permute(2, 0, 1, 3), values.permute(2, 0, 1, 3)
        self.length = keys.shape[2]
        self.join()

    def select(self, rows: Tensor, *, start: int = 0) -> None:
        """Row `i` goes on from what was row `rows[i]`, which it is already before place `start`."""
        if self._keys is not None and self._values is not None:
            self._keys = _select(self._keys, rows, start, self.length)
            self._values = _select(self._values, rows, start, self.length)

    def repeat(self, times: int) -> None:
        """Go on with `times` rows for each row, side by side."""
        if self.rows is not None:
            self.select(torch.arange(self.rows, device=self._device).repeat_interleave(times))

    def crop(self, length: int) -> None:
        """Forget every place from `length` on."""
        self.length = min(self.length, length)

    @property
    def _device(self) -> torch.device | None:
        return None if self._keys is None else self._keys.device


def _put(kept: Tensor | None, new: Tensor, start: int, end: int, *, spare: bool) -> Tensor:
    """`new` behind the first `start` places of `kept`, with `spare` in place where nothing is differentiated."""
    if not spare or new.requires_grad or (kept is not None and kept.requires_grad):
        return new if kept is None else torch.cat([kept[:start], new])
    if kept is None or kept.shape[0] < end:
        grown = new.new_empty(max(2 * start, end, _FIRST), *new.shape[1:])
        if kept is not None:
            grown[:start] = kept[:start]
        kept = grown
    kept[start:end] = new
    return kept


def _select(kept: Tensor, rows: Tensor, start: int, end: int) -> Tensor:
    """Rows of `kept` in another order from place `start` to `end`, in place where their number stays."""
    if kept.requires_grad:
        return kept.index_select(1, rows)
    if len(rows) == kept.shape[1]:
        kept[start:end] = kept[start:end].index_select(1, rows)
        return kept
    other = kept.new_empty(kept.shape[0], len(rows), *kept.shape[2:])
    torch.index_select(kept[:end], 1, rows, out=other[:end])
    return other


class CrossStore:
    """Keys and values of one layer's cross-attention: (utterances, heads, frames, head_size)."""

    def __init__(self) -> None:
        self._kept: tuple[Tensor, Tensor] | None = None

    @property
    def filled(self) -> bool:
        """Whether a memory has been read."""
        return self._kept is not None

    def fill(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keep what was made of a memory, head by head, and return it; it belongs to the store from now on."""
        self._kept = keys.contiguous(), values.contiguous()
        return self._kept

    def read(self) -> tuple[Tensor, Tensor]:
        """What `fill` was given."""
        assert self._kept is not None, "filled by the first call with a memory"
        return self._kept

    def select(self, utterances: Tensor) -> None:
        """Utterance `i` is from now on what was utterance `utterances[i]`."""
        if self._kept is not None:
            keys, values = self._kept
            self._kept = _thin_out(keys, utterances), _thin_out(values, utterances)


def _thin_out(kept: Tensor, utterances: Tensor) -> Tensor:
    """Utterances of `kept`: those that stay move up in place where their order stays and nothing is differentiated."""
    if kept.requires_grad or bool((utterances.diff() <= 0).any()):
        return kept.index_select(0, utterances)
    for place, utterance in enumerate(utterances.tolist()):
        if place != utterance:
            kept[place] = kept[utterance]
    return kept[: len(utterances)]


class Lineage:
    """Which row wrote each place of each row, to tell up to where the rows of an utterance are the same.

    Attributes:
        shared: Places at the beginning that are the same in all rows of every utterance.
    """

    def __init__(self) -> None:
        self.shared = 0
        self._writers: Tensor | None = None  # (rows, places behind the shared ones that were ever reordered)

    def reorder(self, rows: Tensor, beams: int, length: int) -> None:
        """Take note that row `i`, one of `beams` of its utterance, goes on from row `rows[i]` at `length` places."""
        own = torch.arange(len(rows), device=rows.device)[:, None]  # each row wrote what came since
        known = own[:, :0] if self._writers is None else self._writers
        new = own.expand(-1, length - self.shared - known.shape[1])
        writers = torch.cat([known, new], dim=1)[rows]  # (rows, places)
        each = writers.unflatten(0, (-1, beams))  # (utterances, beams, places)
        same = (each == each[:, :1]).all(dim=1).all(dim=0)  # (places,)
        agreed = int(same.long().cumprod(dim=0).sum())
        self.shared += agreed
        self._writers = writers[:, agreed:]

    def select(self, rows: Tensor) -> None:
        """Take note that row `i` goes on from row `rows[i]`, whatever their number and utterances."""
        if self._writers is not None:
            self._writers = self._writers[rows]

    def expand(self, times: int, beams: int, length: int) -> None:
        """Take note that each row, one of `beams` of its utterance, becomes `times` rows."""
        if beams == 1:
            self.shared, self._writers = length, None
        elif self._writers is not None:
            self._writers = self._writers.repeat_interleave(times, dim=0)

    def crop(self, length: int) -> None:
        """Forget places from `length` on."""
        if self._writers is not None:
            self._writers = self._writers[:, : max(length - self.shared, 0)]
        self.shared = min(self.shared, length)


class CacheTensors(NamedTuple):
    """What a `DecoderCache` keeps as plain tensors: the keys of a layer, then its values, layer by layer.

    *Shapes:* `tokens`, of every layer, (rows, heads, tokens seen, head_size); `memory`, of the layers that attend to
    one, (utterances, heads, frames, head_size).
    """

    tokens: tuple[Tensor, ...]
    memory: tuple[Tensor, ...]


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
        self._lineage = Lineage()

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

    @property
    def reading(self) -> tuple[int, ...]:
        """The layers that attend to a memory and have read one."""
        return tuple(index for index, store in enumerate(self.cross_stores) if store.filled)

    def read(self) -> CacheTensors:
        """What is kept, as plain tensors."""
        memory = (self.cross_stores[index].read() for index in self.reading)
        return CacheTensors(_flat(store.read() for store in self.self_stores), _flat(memory))

    def restore(self, tensors: CacheTensors, reading: Sequence[int], memory_mask: Tensor | None) -> None:
        """Go on from what `read` gave of a cache with one row an utterance, in which these layers were `reading`."""
        for store, tokens in zip(self.self_stores, _by_layer(tensors.tokens), strict=True):
            store.restore(*tokens)
        for index, memory in zip(reading, _by_layer(tensors.memory), strict=True):
            self.cross_stores[index].fill(*memory)
        self.memory_mask = memory_mask

    def reorder(self, rows: Tensor) -> None:
        """Row `i` goes on from what was row `rows[i]`; the number of rows may change.

        Rows that share an utterance stay together: `rows` holds `rows_per_utterance` rows of one
        utterance after another. *Shapes:* (rows,), int64.

        Raises:
            InputError: They do not stay together.
        """
        utterances = self._utterances_of(rows)
        if self.rows != len(rows) or not _counts_up(utterances):
            self._select(rows, utterances)
        elif not _counts_up(rows):
            start = self._lineage.shared
            for store in self.self_stores:
                store.select(rows, start=start)
            self._lineage.reorder(rows, self.rows_per_utterance, self.length)

    def keep_rows(self, utterances: Tensor) -> None:
        """Go on with these utterances alone, with all their rows. *Shapes:* (utterances,), int64."""
        offsets = torch.arange(self.rows_per_utterance, device=utterances.device)
        self.reorder((utterances[:, None] * self.rows_per_utterance + offsets).flatten())

    def expand(self, times: int) -> None:
        """Go on with `times` rows for each row, side by side; the memory is not copied."""
        for store in self.self_stores:
            store.repeat(times)
        self._lineage.expand(times, self.rows_per_utterance, self.length)
        self.rows_per_utterance *= times

    def crop(self, length: int) -> None:
        """Forget every token from place `length` on."""
        for store in self.self_stores:
            store.crop(length)
        self._lineage.crop(length)

    def _utterances_of(self, rows: Tensor) -> Tensor:
        """The utterance of each group of rows. *Shapes:* (rows,) to (utterances,)."""
        beams = self.rows_per_utterance
        whole = len(rows) // beams * beams
        each = rows[:whole].view(-1, beams) // beams  # (utterances, beams)
        if whole != len(rows) or not torch.equal(each, each[:, :1].expand_as(each)):
            raise InputError(f"the {beams} rows of an utterance stay together in a cache; got the rows {rows.tolist()}")
        return each[:, 0]

    def _select(self, rows: Tensor, utterances: Tensor) -> None:
        for store in self.self_stores:
            store.select(rows)
        for cross_store in self.cross_stores:
            cross_store.select(utterances)
        self._lineage.select(rows)
        if self.memory_mask is not None:
            self.memory_mask = self.memory_mask.index_select(0, utterances)


def _flat(layers: Iterable[tuple[Tensor, Tensor]]) -> tuple[Tensor, ...]:
    return tuple(tensor for layer in layers for tensor in layer)


def _by_layer(tensors: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    return zip(tensors[::2], tensors[1::2], strict=True)


def _counts_up(places: Tensor) -> bool:
    """Whether these are 0, 1, 2, ..."""
    return torch.equal(places, torch.arange(len(places), device=places.device))
