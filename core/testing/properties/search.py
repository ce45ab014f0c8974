"""P03 and P11 of pairs: a batch is its rows, in memory, logits and tokens."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from hypothesis import strategies as st
from torch import Tensor

from speechgraft.generation import GenerateOutput, GenerationConfig
from speechgraft.generation.beam import Beams, beam_search
from speechgraft.generation.steps import Steps
from speechgraft.generation.stopping import Stopping
from speechgraft.registry import DecoderEntry, EncoderEntry
from speechgraft.registry.models import PairModel
from speechgraft.testing.case import Case
from speechgraft.testing.models import drawn_pair
from speechgraft.testing.strategies import Batch, batches, draw_ids


class Hypotheses(NamedTuple):
    """What of a beam search is compared: see `GenerateOutput`."""

    sequences: Tensor
    sequences_scores: Tensor
    beam_indices: Tensor


def _tokens(model: PairModel, inputs: Tensor, mask: Tensor | None, **options: Any) -> Tensor:
    found = model.generate(inputs, attention_mask=mask, **options)
    assert isinstance(found, Tensor), "no more was asked for"
    return found


def _hypotheses(model: PairModel, inputs: Tensor, mask: Tensor | None, **options: Any) -> Hypotheses:
    found = model.generate(inputs, attention_mask=mask, return_dict_in_generate=True, **options)
    assert isinstance(found, GenerateOutput), "it was asked for"
    return Hypotheses(*(found[name] for name in Hypotheses._fields))


@torch.no_grad()
def batch_invariance(case: Case, encoder: EncoderEntry, decoder: DecoderEntry) -> None:
    """An utterance gives the same memory and logits alone and padded in a batch, given its length."""
    model = drawn_pair(case, encoder, decoder)
    batch = case.draw(batches(model.encoder, rows=(2, 4), uneven=True), "batch")
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
    model = _without_rules(drawn_pair(case, encoder, decoder))
    batch = case.draw(batches(model.encoder, rows=(2, 4)), "batch")
    new = case.draw(st.integers(0, 8), "max_new_tokens")
    mask = batch.mask
    together = _tokens(model, batch.inputs, mask, max_new_tokens=new)
    uncached = _tokens(model, batch.inputs, mask, max_new_tokens=new, use_cache=False)
    case.holds(together.tolist() == uncached.tolist(), f"{together} with a cache, {uncached} without", "P06, keep_rows")
    for row in range(len(batch.lengths)):
        inputs, length = _alone(batch, row, encoder)
        alone = _tokens(model, inputs, length, max_new_tokens=new)[0]
        expected = torch.full_like(together[row], model.token("pad_token_id", "to fill rows"))
        expected[: len(alone)] = alone
        found = together[row].tolist()
        case.holds(
            found == expected.tolist(), f"row {row} is {found} in the batch, {alone.tolist()} alone", "P03, keep_rows"
        )
        _most_probable(case, model, inputs, length, alone)


@torch.no_grad()
def beams(case: Case, encoder: EncoderEntry, decoder: DecoderEntry) -> None:
    """A beam of one is greedy, a batch of n gives the hypotheses of n singles, scores are sums of log-probabilities."""
    model = _without_rules(drawn_pair(case, encoder, decoder))
    batch = case.draw(batches(model.encoder, rows=(2, 4)), "batch")
    width = case.draw(st.integers(2, 4), "num_beams")
    search: dict[str, Any] = {
        "num_beams": width,
        "num_return_sequences": width,
        "length_penalty": case.draw(st.sampled_from([1.0, 0.0, 2.0]), "length_penalty"),
        "early_stopping": case.draw(st.sampled_from([False, True, "never"]), "early_stopping"),
        "max_new_tokens": case.draw(st.integers(1, 8), "max_new_tokens"),
    }
    together = _hypotheses(model, batch.inputs, batch.mask, **search)
    uncached = _hypotheses(model, batch.inputs, batch.mask, use_cache=False, **search)
    found = together.sequences.tolist()
    case.holds(found == uncached.sequences.tolist(), "other hypotheses with a cache than without", "P06, reorder")
    for row in range(len(batch.lengths)):
        inputs, length = _alone(batch, row, encoder)
        single = _hypotheses(model, inputs, length, **search)
        rows = slice(row * width, (row + 1) * width)
        one, scores = single.sequences.tolist(), together.sequences_scores[rows]
        short = [tokens[: len(one[0])] for tokens in found[rows]]
        case.holds(short == one, f"row {row} is {short} in the batch, {one} alone", "P03, keep_rows")
        case.close(scores, single.sequences_scores, f"scores of row {row}", "P03, keep_rows")
        _sums(case, model, inputs, length, single, search["length_penalty"])
    _beam_of_one(case, model, batch, search["max_new_tokens"])


def _without_rules(model: PairModel) -> PairModel:
    """The pair without what its configs force: what is chosen is tried, and not what is ruled out."""
    model.generation_config = GenerationConfig()
    return model


def _alone(batch: Batch, row: int, encoder: EncoderEntry) -> tuple[Tensor, Tensor | None]:
    """One utterance of a batch, without its padding where the encoder minds none of it."""
    if encoder.padding_invariant:
        return batch.row(row), None
    return batch.inputs[row : row + 1], batch.mask[row : row + 1]


def _sums(
    case: Case, model: PairModel, inputs: Tensor, mask: Tensor | None, output: Hypotheses, penalty: float
) -> None:
    """Scores of hypotheses are what a full pass gives their tokens, over the power of their length."""
    for row, tokens in enumerate(output.sequences):
        origins, score = output.beam_indices[row], output.sequences_scores[row]
        if not torch.isfinite(score):  # the vocabulary has fewer texts than there are beams
            continue
        length = int((origins >= 0).sum())
        log_probs = model(inputs, mask, decoder_input_ids=tokens[None, :length]).logits[0].log_softmax(dim=-1)
        total = log_probs.gather(-1, tokens[1 : length + 1, None]).sum()
        case.close(score, total / length**penalty, f"the score of {tokens.tolist()}", "the sum over tokens")


def _beam_of_one(case: Case, model: PairModel, batch: Batch, new: int) -> None:
    encoded = model.encoded(batch.inputs, batch.mask)
    steps = Steps(model.decoder, *model.connect(encoded.last_hidden_state, encoded.frame_mask), cached=True)
    prompt = torch.full((len(batch.lengths), 1), model.token("decoder_start_token_id", "to begin with"))
    pad = model.token("pad_token_id", "to fill rows")
    found = beam_search(steps, prompt, Beams(1), limit=1 + new, stopping=Stopping(sorted(model.ends())), pad=pad)
    expected = _tokens(model, batch.inputs, batch.mask, max_new_tokens=new).tolist()
    case.holds(found.sequences.tolist() == expected, f"{found.sequences.tolist()}, greedily {expected}", "beam_search")


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
