"""P04 and P05 of decoders: what a token must not see."""

from __future__ import annotations

import torch
from hypothesis import strategies as st

from speechgraft.registry import DecoderEntry
from speechgraft.testing.case import Case
from speechgraft.testing.models import drawn_decoder
from speechgraft.testing.strategies import SEEDS, draw_ids, memories, token_batches


@torch.no_grad()
def mask(case: Case, entry: DecoderEntry) -> None:
    """Values in masked frames of the memory and in masked tokens change nothing."""
    decoder = drawn_decoder(case, entry)
    memory = case.draw(memories(decoder.memory_size), "memory")
    ids = case.draw(token_batches(decoder, len(memory.lengths)), "ids")
    seed = case.draw(SEEDS, "seed")
    attended = torch.rand(ids.shape, generator=torch.Generator().manual_seed(seed)) < 0.7
    clean = decoder(ids, attended, memory=memory.frames, memory_mask=memory.mask).logits

    ones, frame_ones = attended.to(torch.int64), memory.mask.to(torch.int64)
    found = decoder(ids, ones, memory=memory.frames, memory_mask=frame_ones).logits
    case.same(found, clean, "logits with masks of ones and zeros, of those with bools", "both masks")

    frames = torch.where(memory.mask[..., None], memory.frames, 3.0)
    found = decoder(ids, attended, memory=frames, memory_mask=memory.mask).logits
    case.close(found, clean, "logits with other values in masked frames", "memory_mask in the cross-attention")

    other = torch.where(attended, ids, draw_ids(seed, decoder, *ids.shape))
    found = decoder(other, attended, memory=memory.frames, memory_mask=memory.mask).logits
    case.close(found[attended], clean[attended], "logits with other masked tokens", "attention_mask")


@torch.no_grad()
def causality(case: Case, entry: DecoderEntry) -> None:
    """Changing a token leaves the logits before it as they were, and changes those from it on."""
    decoder = drawn_decoder(case, entry)
    memory = case.draw(memories(decoder.memory_size), "memory")
    ids = case.draw(token_batches(decoder, len(memory.lengths), tokens=(2, 8)), "ids")
    place = case.draw(st.integers(0, ids.shape[1] - 1), "place")
    step = case.draw(st.integers(1, decoder.vocab_size - 1), "step")
    changed = ids.clone()
    changed[:, place] = (changed[:, place] + step) % decoder.vocab_size
    before = decoder(ids, memory=memory.frames, memory_mask=memory.mask).logits
    after = decoder(changed, memory=memory.frames, memory_mask=memory.mask).logits
    case.close(
        after[:, :place], before[:, :place], f"logits before place {place}, where a token changed", "causal mask"
    )
    case.holds(
        bool((after[:, place] != before[:, place]).any()),
        f"logits at place {place} do not depend on the token there",
        "token embeddings",
    )
