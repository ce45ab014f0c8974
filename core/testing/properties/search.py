"""P03 and P11 of pairs: a batch is its rows, in memory, logits and tokens."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import Tensor

from speechgraft.registry import DecoderEntry, EncoderEntry
from speechgraft.registry.models import PairModel
from speechgraft.testing.case import Case
from speechgraft.testing.models import drawn_pair
from speechgraft.testing.strategies import batches, draw_ids


@torch.no_grad()
def batch_invariance(case: Case, encoder: EncoderEntry, decoder: DecoderEntry) -> None:
    """An utterance gives the same memory and logits alone and padded in a batch, given its length."""
    model = drawn_pair(case, encoder, decoder)
    batch = case.draw(batches(model.encoder, rows=(2, 4)), "batch")
    if not encoder.padding_invariant:
        return
    ids = draw_ids(batch.seed, model.decoder, len(batch.lengths), 3)
    together = model(batch.inputs, batch.mask, decoder_input_ids=ids)
    for row in range(len(batch.lengths)):
        alone = model(batch.row(row), decoder_input_ids=ids[row : row + 1])
        frames = alone.encoder_last_hidden_state.shape[1]
        found = together.encoder_last_hidden_state[row : row + 1, :frames]
        case.close(found, alone.encoder_last_hidden_state, f"memory of row {row}", "P03 of the encoder")
        case.close(together.logits[row : row + 1], alone.logits, f"logits of row {row}", "the memory's frame mask")


@torch.no_grad()
def greedy(case: Case, encoder: EncoderEntry, decoder: DecoderEntry) -> None:
    """Greedily, a batch of n gives the tokens of n singles, with a cache and without, each the most probable."""
    model = drawn_pair(case, encoder, decoder)
    batch = case.draw(batches(model.encoder, rows=(2, 4)), "batch")
    new = case.draw(st.integers(0, 8), "max_new_tokens")
    mask = batch.mask
    together = model.generate(batch.inputs, attention_mask=mask, max_new_tokens=new)
    uncached = model.generate(batch.inputs, attention_mask=mask, max_new_tokens=new, use_cache=False)
    case.holds(torch.equal(together, uncached), f"{together} with a cache, {uncached} without", "P06, keep_rows")
    for row in range(len(batch.lengths)):
        inputs, length = (
            (batch.row(row), None) if encoder.padding_invariant else (batch.inputs[row : row + 1], mask[row : row + 1])
        )
        alone = model.generate(inputs, attention_mask=length, max_new_tokens=new)[0]
        expected = torch.full_like(together[row], model.token("pad_token_id", "to fill rows"))
        expected[: len(alone)] = alone
        found = together[row].tolist()
        case.holds(
            found == expected.tolist(), f"row {row} is {found} in the batch, {alone.tolist()} alone", "P03, keep_rows"
        )
        _most_probable(case, model, inputs, length, alone)


def _most_probable(case: Case, model: PairModel, inputs: Tensor, mask: Tensor | None, tokens: Tensor) -> None:
    """Each token of a row is the most probable behind those before it."""
    start = model.config.decoder_start_token_id
    case.holds(int(tokens[0]) == start, f"a row begins with {int(tokens[0])}, not {start}", "decoder_start_token_id")
    if len(tokens) < 2:
        return
    logits = model(inputs, mask, decoder_input_ids=tokens[None, :-1]).logits[0]
    expected = logits.argmax(dim=-1).tolist()
    case.holds(tokens[1:].tolist() == expected, f"{tokens[1:].tolist()} was chosen, not {expected}", "greedy")
    ends = model.config.eos_token_id
    early = set(tokens[1:-1].tolist()) & set(ends if isinstance(ends, list) else [ends])
    case.holds(not early, f"a row goes on behind {early}", "eos_token_id")
