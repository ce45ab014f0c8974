"""P06: decoding on a cache that is cropped, reordered and thinned out equals the full pass."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from torch import Tensor

from speechgraft.registry import DecoderEntry
from speechgraft.testing.case import Case
from speechgraft.testing.models import drawn_decoder
from speechgraft.testing.strategies import SEEDS, draw_ids, memories

_MOST_ROWS = 8


class CacheMachine(RuleBasedStateMachine):
    """A decoder on a cache beside the same decoder without one, which is given everything each time.

    Args:
        title: The property and the entry, for messages.
        entry: The decoder.
    """

    def __init__(self, title: str, entry: DecoderEntry) -> None:
        super().__init__()
        self.title = title
        self.entry = entry

    @initialize(data=st.data())
    def start(self, data: st.DataObject) -> None:
        """A decoder, a memory, and rows without tokens."""
        self.case = Case(self.title, data)
        with self.case.explained():
            self.decoder = drawn_decoder(self.case, self.entry)
            self.memory = self.case.draw(memories(self.decoder.memory_size, utterances=(2, 3)), "memory")
            self.masked = self.case.draw(st.booleans(), "masked tokens")
            self.beams = self.case.draw(st.sampled_from([1, 2, 2]), "beams")
            self.cache = self.decoder.new_cache()
            self.cache.expand(self.beams)
        self.frames, self.frame_mask = self.memory.frames, self.memory.mask
        self.read = False
        self.ids = torch.zeros(len(self.frames) * self.beams, 0, dtype=torch.int64)
        self.attended = torch.ones(self.ids.shape, dtype=torch.bool)

    @property
    def utterance_of_row(self) -> Tensor:
        """*Shapes:* (rows,)."""
        return torch.arange(len(self.frames)).repeat_interleave(self.beams)

    @property
    def room(self) -> int:
        """Tokens that the decoder has positions for yet."""
        limit = self.decoder.max_positions
        return 3 if limit is None else limit - self.ids.shape[1]

    @rule(tokens=st.integers(1, 3), seed=SEEDS, last_only=st.booleans(), weights=st.booleans())
    def append(self, tokens: int, seed: int, last_only: bool, weights: bool) -> None:
        """Give both new tokens and compare their logits."""
        self.compare(min(tokens, self.room), seed, last_only=last_only, weights=weights)

    def compare(self, tokens: int, seed: int, *, last_only: bool = False, weights: bool = False) -> None:
        """Give both so many new tokens, if there is room for any, and compare their logits."""
        if tokens < 1:
            return
        new = draw_ids(seed, self.decoder, len(self.ids), tokens)
        kept = torch.rand(new.shape, generator=torch.Generator().manual_seed(seed)) < (0.7 if self.masked else 2.0)
        self.ids, self.attended = torch.cat([self.ids, new], dim=1), torch.cat([self.attended, kept], dim=1)
        mask = self.attended if self.masked else None
        with torch.no_grad(), self.case.explained():
            found = self.decoder(
                new,
                mask,
                memory=None if self.read else self.frames,
                memory_mask=None if self.read else self.frame_mask,
                cache=self.cache,
                last_only=last_only,
                output_attentions=weights,
            ).logits
            rows = self.utterance_of_row
            expected = self.decoder(self.ids, mask, memory=self.frames[rows], memory_mask=self.frame_mask[rows]).logits
            new_places = 1 if last_only else tokens
            self.case.close(
                found,
                expected[:, -new_places:],
                f"logits of {new_places} tokens behind {self.ids.shape[1] - tokens}",
                "positions and masks with a cache, DecoderCache, last_only",
            )
            self.case.holds(
                self.cache.length == self.ids.shape[1],
                f"the cache says that it holds {self.cache.length} tokens, not {self.ids.shape[1]}",
                "DecoderCache.length",
            )
        self.read = True

    @rule(data=st.data())
    def crop(self, data: st.DataObject) -> None:
        """Forget the last tokens, as a search that takes a guess back does."""
        length = data.draw(st.integers(0, self.ids.shape[1]), "length")
        self.cache.crop(length)
        self.ids, self.attended = self.ids[:, :length], self.attended[:, :length]
        self.compare(min(1, self.room), length)

    @rule(data=st.data())
    def reorder(self, data: st.DataObject) -> None:
        """Let each row go on from one of its utterance, as a beam search does."""
        beams = st.integers(0, self.beams - 1)
        chosen = data.draw(st.lists(beams, min_size=len(self.ids), max_size=len(self.ids)), "beams")
        rows = self.utterance_of_row * self.beams + torch.tensor(chosen)
        self.cache.reorder(rows)
        self.ids, self.attended = self.ids[rows], self.attended[rows]
        self.compare(min(1, self.room), len(rows))

    @rule(data=st.data())
    def keep_rows(self, data: st.DataObject) -> None:
        """Go on with some of the utterances, in any order."""
        order = data.draw(st.permutations(range(len(self.frames))), "order")
        kept = torch.tensor(order[: data.draw(st.integers(1, len(order)), "kept")])
        self.cache.keep_rows(kept)
        rows = (kept[:, None] * self.beams + torch.arange(self.beams)).flatten()
        self.ids, self.attended = self.ids[rows], self.attended[rows]
        self.frames, self.frame_mask = self.frames[kept], self.frame_mask[kept]
        self.compare(min(1, self.room), len(rows))

    @precondition(lambda self: 2 * len(self.ids) <= _MOST_ROWS)
    @rule()
    def expand(self) -> None:
        """Go on with two rows for each, as a search that begins to branch does."""
        self.cache.expand(2)
        self.beams *= 2
        self.ids, self.attended = self.ids.repeat_interleave(2, dim=0), self.attended.repeat_interleave(2, dim=0)
        self.compare(min(1, self.room), len(self.ids))
